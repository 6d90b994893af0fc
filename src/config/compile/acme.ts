// Owns the step from the parsed `acme` part to the normalized one, and what certificates that are obtained must be to each other.

import type { ParsedDocument } from '../schema.ts';
import type { AcmeConfig, ListenerConfig, TlsConfig } from '../types.ts';
import type { Findings } from './findings.ts';

export function compileAcme(
  parsed: ParsedDocument['acme'],
  listeners: readonly ListenerConfig[],
  findings: Findings,
): AcmeConfig | undefined {
  checkCertificates(listeners, parsed !== undefined, findings);
  if (parsed === undefined) return undefined;
  const { agreeTerms, externalAccount, ...rest } = parsed;
  if (!agreeTerms)
    findings.add(
      ['acme', 'agreeTerms'],
      "must be true: without agreeing to the authority's terms there is no certificate",
      'read them, then write agreeTerms: true',
    );
  if (rest.challenge === 'http-01' && !listeners.some(answersHttp))
    findings.add(['acme', 'challenge'], 'is http-01, and no listener speaks HTTP in the clear', 'add one on port 80');
  return { ...rest, externalAccount };
}

/** HTTP in the clear. */
export function answersHttp(listener: ListenerConfig): boolean {
  return listener.protocol === 'http' && listener.tls === undefined;
}

export function tlsOf(listener: ListenerConfig): TlsConfig | undefined {
  return listener.protocol === 'udp' ? undefined : listener.tls;
}

function checkCertificates(listeners: readonly ListenerConfig[], hasAcme: boolean, findings: Findings): void {
  /** Certificates are known by their first name and their kind of key. */
  const known = new Map<string, string>();
  for (const listener of listeners) {
    for (const [i, one] of (tlsOf(listener)?.certificates ?? []).entries()) {
      if (!('acme' in one)) continue;
      const path = ['listeners', listener.name, 'tls', 'certificates', i, 'acme'];
      if (!hasAcme) findings.add(path, 'needs the part "acme"', 'acme: { storage: ./acme, agreeTerms: true }');
      if (one.acme.length === 0 || one.acme.length > MOST_NAMES) findings.add(path, `needs 1 to ${MOST_NAMES} names`);
      one.acme.forEach((name, j) => {
        const fault = faultOf(name);
        if (fault !== undefined) findings.add([...path, j], `has "${name}", ${fault}`);
      });
      const key = `${one.acme[0]} ${one.keyType}`;
      const names = one.acme.join(', ');
      const other = known.get(key);
      if (other !== undefined && other !== names)
        findings.add(path, `begins with ${one.acme[0]} like another one with other names: ${other}`, 'write one list');
      known.set(key, other ?? names);
    }
  }
}

function faultOf(name: string): string | undefined {
  if (name.startsWith('*.')) return 'a wildcard, which is only given for the challenge dns-01: that is not built';
  if (/^\d+(\.\d+){3}$|:/.test(name)) return 'which is an address';
  const labels = name.split('.');
  const good = labels.length > 1 && name.length <= 253 && labels.every((label) => LABEL.test(label));
  return good ? undefined : 'which is no name that the Internet knows';
}

/** What authorities take. */
const MOST_NAMES = 100;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
