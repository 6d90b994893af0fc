// Owns a zone's key: reading it (PKCS#8 or SEC 1, ECDSA P-256), its DNSKEY and DS records, and signing with it. The same key signs keys
// and records (a CSK), so a zone has one DNSKEY and the parent one DS.

import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { err, ok, type Result } from '../core/result.ts';
import { ALGORITHM, keyTagOf } from './engine/signing.ts';
import { formatName, lowered } from './wire/name.ts';
import type { ZoneSigner } from './zone/zone.ts';

/** Zone key, secure entry point. */
const FLAGS = 257;
const PROTOCOL = 3;
/** Digest of a DS record. */
const SHA_256 = 2;

export function readSigner(pem: string): Result<ZoneSigner, string> {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return err('is no private key in PEM form');
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    return err('is no key of ECDSA P-256; make one with "openssl ecparam -name prime256v1 -genkey -noout"');
  const { x, y } = createPublicKey(key).export({ format: 'jwk' });
  const point = [Buffer.from(x!, 'base64url'), Buffer.from(y!, 'base64url')];
  const dnskey = Uint8Array.from(Buffer.concat([Buffer.of(FLAGS >> 8, FLAGS & 255, PROTOCOL, ALGORITHM), ...point]));
  return ok({
    dnskey,
    keyTag: keyTagOf(dnskey),
    sign: (data) => sign('sha256', data, { key, dsaEncoding: 'ieee-p1363' }),
  });
}

/** What the parent zone must have for a key: a DS record (RFC 4034 §5) with a SHA-256 digest. */
export interface DelegationSigner {
  readonly zone: string;
  readonly keyTag: number;
  readonly algorithm: number;
  readonly digestType: number;
  /** Hex. */
  readonly digest: string;
}

export function delegationSigner(apex: Uint8Array, { dnskey, keyTag }: ZoneSigner): DelegationSigner {
  const owner = lowered(apex);
  const digest = createHash('sha256').update(owner).update(dnskey).digest('hex').toUpperCase();
  return { zone: formatName(owner), keyTag, algorithm: ALGORITHM, digestType: SHA_256, digest };
}

/** As a line of a zone file. */
export function dsRecord(apex: Uint8Array, signer: ZoneSigner): string {
  const { zone, keyTag, algorithm, digestType, digest } = delegationSigner(apex, signer);
  return `${zone} IN DS ${keyTag} ${algorithm} ${digestType} ${digest}`;
}
