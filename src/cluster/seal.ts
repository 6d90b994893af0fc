// Owns how what is shared is written down: sealed (AES-256-GCM) where balancers share a secret, so that whoever gets at the Redis
// can neither read nor forge it; in the clear where they do not. What is sealed for one purpose is good for no other.

import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';

const NONCE = 12;
const TAG = 16;
const MARK = 'sealed:';

export class Seal {
  readonly #key: Buffer | undefined;

  /** '' for none. */
  constructor(secret: string) {
    this.#key = secret === '' ? undefined : scryptSync(secret, 'evenkeel cluster', 32);
  }

  get isSecret(): boolean {
    return this.#key !== undefined;
  }

  pack(purpose: string, value: unknown): string {
    const text = JSON.stringify(value);
    if (this.#key === undefined) return text;
    const nonce = randomBytes(NONCE);
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(purpose));
    const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return MARK + Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64');
  }

  /** Undefined: it is not from one of us. */
  unpack(purpose: string, packed: string): unknown {
    try {
      if (this.#key === undefined) return JSON.parse(packed);
      if (!packed.startsWith(MARK)) return undefined;
      const all = Buffer.from(packed.slice(MARK.length), 'base64');
      const decipher = createDecipheriv('aes-256-gcm', this.#key, all.subarray(0, NONCE), { authTagLength: TAG });
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(all.subarray(NONCE, NONCE + TAG));
      return JSON.parse(decipher.update(all.subarray(NONCE + TAG), undefined, 'utf8') + decipher.final('utf8'));
    } catch {
      return undefined;
    }
  }
}
