// Owns telling whether a password is the one that a hash was made of: bcrypt, argon2, Apache's MD5 and SHA-1, as htpasswd writes
// them. Every comparison takes the same time whatever differs.

import { argon2, createHash, timingSafeEqual } from 'node:crypto';

const ITOA64 = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const ARGON2 = /^\$(argon2(?:id|i|d))\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

export async function passwordFits(password: string, hash: string): Promise<boolean> {
  // Only who has such hashes pays for the library.
  if (hash.startsWith('$2')) return (await import('bcryptjs')).compare(password, hash);
  if (hash.startsWith('$apr1$')) return same(apr1(password, hash.split('$')[2]), hash);
  if (hash.startsWith('{SHA}')) return same(`{SHA}${createHash('sha1').update(password).digest('base64')}`, hash);
  const match = ARGON2.exec(hash);
  return match === null ? false : argon2Fits(password, match);
}

function same(a: string, b: string): boolean {
  const [one, other] = [a, b].map((text) => createHash('sha256').update(text).digest());
  return timingSafeEqual(one, other);
}

function argon2Fits(password: string, [, kind, m, t, p, salt, tag]: RegExpExecArray): Promise<boolean> {
  const expected = Buffer.from(tag, 'base64');
  const parameters = {
    message: password,
    nonce: Buffer.from(salt, 'base64'),
    parallelism: Number(p),
    tagLength: expected.length,
    memory: Number(m),
    passes: Number(t),
  };
  return new Promise((resolve) => {
    argon2(kind as 'argon2id', parameters, (error, made) => {
      resolve(error === null && timingSafeEqual(made, expected));
    });
  });
}

/** Apache's variant of MD5-crypt: a thousand rounds, each mixing password, salt and what came before in its own order. */
export function apr1(password: string, salt: string): string {
  const word = Buffer.from(password, 'utf8');
  const salted = Buffer.from(salt, 'latin1');
  const inner = md5([word, salted, word]);
  const first: Buffer[] = [word, Buffer.from('$apr1$'), salted];
  for (let left = word.length; left > 0; left -= 16) first.push(inner.subarray(0, Math.min(16, left)));
  for (let bits = word.length; bits > 0; bits >>= 1)
    first.push((bits & 1) === 1 ? Buffer.from([0]) : word.subarray(0, 1));
  let digest = md5(first);
  for (let round = 0; round < 1000; round++) {
    const odd = (round & 1) === 1;
    const parts = [odd ? word : digest];
    if (round % 3 !== 0) parts.push(salted);
    if (round % 7 !== 0) parts.push(word);
    parts.push(odd ? digest : word);
    digest = md5(parts);
  }
  let text = '';
  for (const [a, b, c] of [
    [0, 6, 12],
    [1, 7, 13],
    [2, 8, 14],
    [3, 9, 15],
    [4, 10, 5],
  ])
    text += base64Of((digest[a] << 16) | (digest[b] << 8) | digest[c], 4);
  return `$apr1$${salt}$${text}${base64Of(digest[11], 2)}`;
}

function md5(parts: readonly Buffer[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

function base64Of(value: number, length: number): string {
  let text = '';
  for (let left = value, i = 0; i < length; i++, left >>= 6) text += ITOA64[left & 63];
  return text;
}
