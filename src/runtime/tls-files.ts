// Owns which parts of a configuration have TLS files, and reading those of a pool. Keeps nothing.

import type { ConfigIssue } from '../config/issues.ts';
import type { Config, TlsConfig, UpstreamTlsConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { CertificateFiles, CertificatePair } from '../tls/certificate-files.ts';
import type { UpstreamMaterial } from '../tls/material.ts';

/** `all` gets the files that it reads. */
export async function readUpstream(
  files: CertificateFiles,
  name: string,
  { ca, cert, key }: UpstreamTlsConfig,
  all: CertificatePair[],
): Promise<Result<UpstreamMaterial, ConfigIssue[]>> {
  const refuse = (field: string, reason: string) =>
    err([{ path: ['pools', name, 'tls', field], message: `cannot be used: ${reason}` }]);
  const authority = ca === '' ? ok('') : await files.text(ca, 'certificates');
  if (!authority.ok) return refuse('ca', authority.error);
  if (cert === '') return ok({ ca: authority.value, cert, key });
  const pairs = await files.pairs({ cert, key });
  if (pairs.ok) all.push(...pairs.value);
  const [own] = pairs.ok ? await files.read(pairs.value) : [];
  if (own === undefined || !own.ok) return refuse('cert', own === undefined ? 'it cannot be read' : own.error);
  return ok({ ca: authority.value, cert: own.value.cert, key: own.value.key });
}

/** A reload that changes nothing else looks at them all the same. */
export function hasTlsFiles(config: Config): boolean {
  return tlsListeners(config).length > 0 || Object.values(config.pools).some(({ tls }) => tls !== undefined);
}

export function tlsListeners({ listeners }: Config): readonly (readonly [string, TlsConfig])[] {
  return Object.values(listeners).flatMap((listener) =>
    listener.protocol !== 'udp' && listener.tls !== undefined ? [[listener.name, listener.tls] as const] : [],
  );
}
