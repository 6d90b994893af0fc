// Owns DNS cookies (RFC 7873) in the interoperable form of RFC 9018: what the server's part is, and whether one that comes back
// is ours, for this client, and fresh. Secrets are given; the first one makes, all of them check, so that they can be changed.

import { readIp } from '../../core/ip.ts';
import { setU32, u32 } from '../wire/bytes.ts';
import { sipHash24 } from './siphash.ts';

export const COOKIE_BYTES = 24;
const HOUR = 3600;
const FUTURE = 300;
/** RFC 9018 §4.3: older ones are replaced. */
const RENEW = 1800;

export class Cookies {
  readonly #secrets: readonly Uint8Array[];
  /** Client cookie, version and reserved, timestamp, address. */
  readonly #input = new Uint8Array(32);
  readonly #hash = new Uint8Array(8);
  readonly #address = new Uint8Array(16);

  /** Of 16 bytes each; at least one. */
  constructor(secrets: readonly Uint8Array[]) {
    this.#secrets = secrets;
  }

  /**
   * Checks the server's part of `cookie[0, length)`, and leaves the cookie to send in `cookie[0, 24)`: the same while it is fresh.
   */
  check(cookie: Uint8Array, length: number, address: string, epochSeconds: number): boolean {
    const valid = length === COOKIE_BYTES && cookie[8] === 1 && this.#isOurs(cookie, address, epochSeconds);
    const age = (epochSeconds - u32(cookie, 12)) | 0;
    if (valid && age <= RENEW) return true;
    cookie.fill(0, 8, COOKIE_BYTES);
    cookie[8] = 1;
    setU32(cookie, 12, epochSeconds >>> 0);
    this.#sign(this.#secrets[0], cookie, address);
    for (let i = 0; i < 8; i++) cookie[16 + i] = this.#hash[i];
    return valid;
  }

  #isOurs(cookie: Uint8Array, address: string, epochSeconds: number): boolean {
    // Serial number arithmetic: the timestamp wraps in 2106.
    const age = (epochSeconds - u32(cookie, 12)) | 0;
    if (age > HOUR || age < -FUTURE) return false;
    return this.#secrets.some((secret) => {
      this.#sign(secret, cookie, address);
      let difference = 0;
      for (let i = 0; i < 8; i++) difference |= cookie[16 + i] ^ this.#hash[i];
      return difference === 0;
    });
  }

  #sign(secret: Uint8Array, cookie: Uint8Array, address: string): void {
    const input = this.#input;
    for (let i = 0; i < 16; i++) input[i] = cookie[i];
    const length = readIp(address, this.#address);
    for (let i = 0; i < length; i++) input[16 + i] = this.#address[i];
    sipHash24(secret, input, 16 + length, this.#hash, 0);
  }
}
