// Owns turning the text of a certificate and its key into material that workers can use, or into a sentence that says what is
// wrong with them. Reads no files.

import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { err, ok, type Result } from '../core/result.ts';
import type { CertificateMaterial } from './material.ts';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

/** `source` names the files for people. */
export function readCertificate(cert: string, key: string, source: string): Result<CertificateMaterial, string> {
  const chain = cert.match(PEM_CERTIFICATE) ?? [];
  if (chain.length === 0) return err('holds no whole PEM certificate');
  let leaf: X509Certificate;
  try {
    [leaf] = chain.map((pem) => new X509Certificate(pem));
  } catch {
    return err('holds a certificate that cannot be read');
  }
  const secret = readKey(key);
  if (!secret.ok) return secret;
  if (!leaf.checkPrivateKey(secret.value)) return err('does not belong to the key beside it');
  const whole = `${chain.join('\n')}\n`;
  return ok({
    content: createHash('sha256').update(whole).update(key).digest('base64url'),
    id: leaf.fingerprint256.replaceAll(':', '').toLowerCase(),
    cert: whole,
    key,
    names: namesOf(leaf),
    keyType: secret.value.asymmetricKeyType ?? '',
    notBefore: Date.parse(leaf.validFrom),
    notAfter: Date.parse(leaf.validTo),
    source,
  });
}

function readKey(key: string): Result<ReturnType<typeof createPrivateKey>, string> {
  try {
    return ok(createPrivateKey(key));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const encrypted = code === 'ERR_MISSING_PASSPHRASE' || /ENCRYPTED/.test(key);
    return err(
      encrypted ? 'has a key that is encrypted: it must be readable without a password' : 'has no readable key',
    );
  }
}

/** DNS names in lower case; of an old certificate without any, the common name (RFC 9525 §6.3 calls that history). */
function namesOf({ subjectAltName, subject }: X509Certificate): readonly string[] {
  const names = (subjectAltName ?? '')
    .split(', ')
    .filter((part) => part.startsWith('DNS:'))
    .map((part) => part.slice(4).toLowerCase());
  if (names.length > 0) return names.filter((name) => /^(\*\.)?[a-z0-9_.-]+$/.test(name));
  const common = /^CN=([A-Za-z0-9*_.-]+)$/m.exec(subject ?? '')?.[1];
  return subjectAltName === undefined && common !== undefined ? [common.toLowerCase()] : [];
}
