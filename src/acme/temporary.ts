// Owns certificates that nobody believes: they let a listener start, and answer for challenges, until there is a real one.

import { randomBytes, webcrypto } from 'node:crypto';

const DAY_MS = 86_400_000;

export interface KeyAndChain {
  /** PEM. */
  readonly key: string;
  readonly chain: string;
}

export async function temporaryCertificate(names: readonly string[], now: number): Promise<KeyAndChain> {
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as never);
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // Positive, and without a zero in front.
    serialNumber: `4${randomBytes(12).toString('hex').slice(1)}`,
    name: 'CN=temporary, not valid',
    notBefore: new Date(now - DAY_MS),
    notAfter: new Date(now + 365 * DAY_MS),
    keys: keys as never,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }) as const)),
    ],
  });
  const pkcs8 = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  const key = `-----BEGIN PRIVATE KEY-----\n${pkcs8.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
  return { key, chain: `${certificate.toString('pem')}\n` };
}
