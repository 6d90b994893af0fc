// Owns how OCSP names a certificate (RFC 6960 §4.1.1): its serial number, and hashes of its issuer's name and key; the
// request that asks for one, and where it is to be sent.

import { createHash, type X509Certificate } from 'node:crypto';
import { context, DerReader, der, oidOf, sequence, TAG } from './der.ts';

const HASHES: Readonly<Record<string, string>> = { '1.3.14.3.2.26': 'sha1', '2.16.840.1.101.3.4.2.1': 'sha256' };
/** What every responder understands; nothing depends on its strength, because serial numbers are compared as well. */
const SHA1 = Buffer.from('06052b0e03021a', 'hex');

export interface CertificateName {
  /** DER of the issuer's name as the certificate has it. */
  readonly issuer: Buffer;
  /** Bits of the issuer's public key. */
  readonly issuerKey: Buffer;
  /** Content of the INTEGER. */
  readonly serial: Buffer;
}

export function nameOf(leaf: X509Certificate, issuer: X509Certificate): CertificateName {
  const fields = new DerReader(leaf.raw).enter().enter();
  fields.optional(context(0));
  const serial = fields.next(TAG.integer).content;
  fields.next(TAG.sequence);
  const name = fields.next(TAG.sequence).whole;
  return { issuer: name, issuerKey: keyBits(issuer), serial };
}

function keyBits(certificate: X509Certificate): Buffer {
  const fields = new DerReader(certificate.raw).enter().enter();
  fields.optional(context(0));
  // Serial number, algorithm, issuer, validity, subject.
  for (let i = 0; i < 5; i++) fields.next();
  const key = fields.enter();
  key.next(TAG.sequence);
  // The first byte tells how many bits of the last one are unused.
  return key.next(TAG.bitString).content.subarray(1);
}

const hash = (algorithm: string, bytes: Buffer): Buffer => createHash(algorithm).update(bytes).digest();

/** DER of an OCSPRequest. */
export function requestFor({ issuer, issuerKey, serial }: CertificateName): Buffer {
  const id = sequence(
    sequence(SHA1, der(TAG.null)),
    der(TAG.octetString, hash('sha1', issuer)),
    der(TAG.octetString, hash('sha1', issuerKey)),
    der(TAG.integer, serial),
  );
  return sequence(sequence(sequence(sequence(id))));
}

/** Whether a CertID names this certificate. */
export function isNamed(id: DerReader, { issuer, issuerKey, serial }: CertificateName): boolean {
  const algorithm = HASHES[oidOf(id.enter().next(TAG.oid))];
  if (algorithm === undefined) return false;
  const names = id.next(TAG.octetString).content.equals(hash(algorithm, issuer));
  const keys = id.next(TAG.octetString).content.equals(hash(algorithm, issuerKey));
  return id.next(TAG.integer).content.equals(serial) && names && keys;
}

/** The responder that the certificate names (AIA); undefined when there is none. */
export function responderOf(leaf: X509Certificate): string | undefined {
  return /^OCSP - URI:(https?:\/\/[^\s"]+)$/m.exec(leaf.infoAccess ?? '')?.[1];
}
