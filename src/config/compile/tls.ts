// Owns the step from parsed TLS settings to normalized ones: profiles spelled out, and what settings must be to each other.
// Profiles are Mozilla's (Server Side TLS 5.7), in the words of OpenSSL.

import type { Path } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { CertificateConfig, TlsConfig, TlsVersion } from '../types.ts';
import type { Findings } from './findings.ts';

type Parsed = Extract<ParsedDocument['listeners'][string], { readonly protocol: 'https' }>['tls'];

const CIPHERS_1_3 = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];
const CIPHERS_1_2 = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
];
const CURVES = ['X25519MLKEM768', 'X25519', 'prime256v1', 'secp384r1'];

const PROFILES: Record<'modern' | 'intermediate', { minVersion: TlsVersion; ciphers: readonly string[] }> = {
  modern: { minVersion: 'TLSv1.3', ciphers: CIPHERS_1_3 },
  intermediate: { minVersion: 'TLSv1.2', ciphers: [...CIPHERS_1_3, ...CIPHERS_1_2] },
};

export function compileTls(parsed: Parsed, at: Path, findings: Findings): TlsConfig {
  const profile = PROFILES[parsed.profile];
  const certificates = parsed.certificates.map((one, i): CertificateConfig => {
    const { cert, key, directory, acme, keyType } = one;
    const files = [cert, key, directory].some((path) => path !== undefined);
    if (acme !== undefined && !files)
      return { acme: [...new Set(acme.map((name) => name.toLowerCase()))], keyType: keyType ?? 'ec' };
    if (acme !== undefined) findings.add([...at, 'certificates', i], 'has "acme" and files', 'leave one of them out');
    else if (keyType !== undefined)
      findings.add([...at, 'certificates', i, 'keyType'], 'has a meaning beside "acme" only');
    if (directory !== undefined && cert === undefined && key === undefined) return { directory };
    if (directory !== undefined || cert === undefined || key === undefined) {
      const hint = 'write { cert: site.pem, key: site.key }, or the name of a folder';
      findings.add([...at, 'certificates', i], 'needs both "cert" and "key", or "directory" alone', hint);
    }
    return { cert: cert ?? '', key: key ?? '' };
  });
  if (certificates.length === 0)
    findings.add(at, 'needs "certificates"', 'certificates: [{ cert: site.pem, key: site.key }]');
  const minVersion = parsed.minVersion ?? profile.minVersion;
  if (minVersion > parsed.maxVersion) findings.add([...at, 'maxVersion'], `is below the least, ${minVersion}`);
  const { maxVersion, unknownNames, handshakeTimeout, handshakeRate, sessions, ocsp, clients } = parsed;
  return {
    certificates,
    minVersion,
    maxVersion,
    ciphers: (parsed.ciphers ?? profile.ciphers).join(':'),
    curves: (parsed.curves ?? CURVES).join(':'),
    unknownNames,
    handshakeMs: handshakeTimeout,
    handshakeRate,
    sessionMs: sessions,
    ocsp,
    clients: clients ?? undefined,
  };
}
