// Owns the check that a TLS handshake completes: the certificate is looked at only when it is to be verified. The file of
// authorities is read at every check, so that a changed one counts at once and a missing one is a failed check.

import { readFile } from 'node:fs/promises';
import { connect as connectTcp, isIP } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import type { TlsProbeConfig } from '../config/types.ts';
import { FAREWELL_MS, failureText, type ProbeKind, tookText } from './probe.ts';

const WORDS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'the certificate has expired',
  CERT_NOT_YET_VALID: 'the certificate is not yet valid',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'the certificate is signed by nobody trusted',
  SELF_SIGNED_CERT_IN_CHAIN: 'the certificate is signed by nobody trusted',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the certificate is signed by nobody trusted',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the certificate is signed by nobody trusted',
  ERR_TLS_CERT_ALTNAME_INVALID: 'the certificate is for another name',
  ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL: 'no protocol in common',
  ERR_SSL_TLS_ALERT_NO_APPLICATION_PROTOCOL: 'no protocol in common',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the answer is no TLS',
  ERR_SSL_PACKET_LENGTH_TOO_LONG: 'the answer is no TLS',
};

export const tls: ProbeKind<TlsProbeConfig> = {
  name: 'tls',
  build: ({ sni, alpn, verify, ca: caFile }, clock, prelude) => ({
    async run({ host, port }, signal) {
      const start = clock.now();
      let ca: Buffer | undefined;
      const end = (ok: boolean, text: string) => {
        const tookMs = clock.now() - start;
        return { ok, tookMs, evidence: `TLS handshake → ${text} in ${tookText(tookMs)}` };
      };
      if (caFile !== '') {
        try {
          ca = await readFile(caFile);
        } catch (error) {
          return end(false, `cannot read ${caFile} (${(error as NodeJS.ErrnoException).code})`);
        }
      }
      const raw = connectTcp({ host, port });
      if (prelude !== undefined) raw.write(prelude);
      const servername = sni !== '' ? sni : isIP(host) === 0 ? host : undefined;
      let secure: TLSSocket | undefined;
      const text = await new Promise<string | undefined>((resolve) => {
        const fail = (error: unknown): void => {
          const code = (error as { code?: string } | undefined)?.code ?? '';
          resolve(signal.aborted ? 'no answer' : (WORDS[code] ?? failureText(error, signal)));
        };
        signal.addEventListener('abort', () => fail(undefined), { once: true });
        if (signal.aborted) return fail(undefined);
        // Stays attached: a late error of a destroyed socket must not be thrown.
        raw.on('error', fail);
        try {
          secure = connect({
            socket: raw,
            host,
            rejectUnauthorized: verify,
            ...(servername !== undefined && { servername }),
            ...(ca !== undefined && { ca }),
            ...(alpn.length > 0 && { ALPNProtocols: [...alpn] }),
          });
        } catch (error) {
          return fail(error);
        }
        secure.on('error', fail);
        secure.once('close', () => resolve('closed during the handshake'));
        secure.once('secureConnect', () => {
          const chosen = secure!.alpnProtocol;
          resolve(alpn.length > 0 && typeof chosen !== 'string' ? 'no protocol in common' : undefined);
        });
      });
      const version = secure?.getProtocol() ?? 'TLS';
      const chosen = secure?.alpnProtocol;
      if (text !== undefined) {
        raw.destroy();
        return end(false, text);
      }
      // Left politely: servers log handshakes that break off.
      secure?.resume().end();
      const late = clock.after(FAREWELL_MS, () => raw.destroy());
      raw.once('close', () => late.cancel());
      return end(true, typeof chosen === 'string' ? `${version}, ${chosen}` : version);
    },
  }),
};
