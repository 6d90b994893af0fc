// Owns the sealing of affinity cookies: deterministic authenticated encryption out of HMAC-SHA256 (the form of SIV: the proof
// of the text is what its pad is made from), 128 bits of proof. Bound to the pool and the cookie's name, so that a cookie of one
// is none of another. The first key seals, all open.

import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import type { Seal } from '../affinity/affinity.ts';

const PROOF_BYTES = 16;
const TOKEN = /^[A-Za-z0-9_-]+$/;

interface Key {
  readonly proof: KeyObject;
  readonly pad: KeyObject;
}

/** `keys`: at least one. */
export function sealOf(keys: readonly string[], ...context: readonly string[]): Seal {
  const all = keys.map((secret) => keyOf(secret, context));
  return {
    seal(payload) {
      const [{ proof, pad }] = all;
      const mark = digest(proof, payload).subarray(0, PROOF_BYTES);
      return Buffer.concat([mark, masked(payload, pad, mark)]).toString('base64url');
    },
    open(token) {
      // Whatever else a decoder would skip would be a second form of the same cookie.
      if (!TOKEN.test(token)) return undefined;
      const bytes = Buffer.from(token, 'base64url');
      if (bytes.length <= PROOF_BYTES || bytes.toString('base64url') !== token) return undefined;
      const mark = bytes.subarray(0, PROOF_BYTES);
      for (const { proof, pad } of all) {
        const payload = masked(bytes.subarray(PROOF_BYTES), pad, mark);
        if (timingSafeEqual(digest(proof, payload).subarray(0, PROOF_BYTES), mark)) return payload;
      }
      return undefined;
    },
  };
}

function keyOf(secret: string, context: readonly string[]): Key {
  const bound = JSON.stringify(context);
  // As an object: a key of bytes is taken in anew with each use, which costs five times as much.
  const of = (use: string): KeyObject =>
    createSecretKey(createHmac('sha256', secret).update(`evenkeel affinity ${use} ${bound}`).digest());
  return { proof: of('proof'), pad: of('pad') };
}

function digest(key: KeyObject, data: Uint8Array): Buffer {
  return createHmac('sha256', key).update(data).digest();
}

/** Payloads are no longer than one digest. */
function masked(payload: Uint8Array, key: KeyObject, mark: Uint8Array): Uint8Array {
  const pad = digest(key, mark);
  if (payload.length > pad.length) return new Uint8Array(0);
  return payload.map((byte, i) => byte ^ pad[i]);
}
