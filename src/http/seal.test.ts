import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sealOf } from './seal.ts';

const payload = Uint8Array.from({ length: 20 }, (_, i) => i);
const bytes = (value: Uint8Array | undefined): number[] => [...(value ?? [])];

test('what is sealed opens again, is nowhere to be read, and has a fixed length', () => {
  const seal = sealOf(['a secret of some length'], 'web', 'SERVER');
  const token = seal.seal(payload);
  assert.match(token, /^[A-Za-z0-9_-]{48}$/);
  assert.ok(!Buffer.from(token, 'base64url').includes(Buffer.from(payload.subarray(0, 4))));
  assert.deepEqual(bytes(seal.open(token)), bytes(payload));
});

test('one bit changed anywhere, and it does not open', () => {
  const seal = sealOf(['a secret of some length'], 'web', 'SERVER');
  const sealed = Buffer.from(seal.seal(payload), 'base64url');
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3] ^= 1 << (bit & 7);
    assert.equal(seal.open(changed.toString('base64url')), undefined, `bit ${bit}`);
  }
});

test('a token of another pool, another cookie or another key does not open', () => {
  const token = sealOf(['a secret of some length'], 'web', 'SERVER').seal(payload);
  assert.equal(sealOf(['a secret of some length'], 'api', 'SERVER').open(token), undefined);
  assert.equal(sealOf(['a secret of some length'], 'web', 'OTHER').open(token), undefined);
  assert.equal(sealOf(['another secret of length'], 'web', 'SERVER').open(token), undefined);
});

test('keys rotate: the first seals, the ones behind it still open', () => {
  const before = sealOf(['the old secret, long enough'], 'web', 'S');
  const during = sealOf(['the new secret, long enough', 'the old secret, long enough'], 'web', 'S');
  const after = sealOf(['the new secret, long enough'], 'web', 'S');
  assert.deepEqual(bytes(during.open(before.seal(payload))), bytes(payload));
  assert.deepEqual(bytes(after.open(during.seal(payload))), bytes(payload));
  assert.equal(after.open(before.seal(payload)), undefined);
});

test('there is one form of a token only, and nonsense is none', () => {
  const seal = sealOf(['a secret of some length'], 'web', 'SERVER');
  const token = seal.seal(payload);
  for (const other of [`${token}=`, ` ${token}`, `${token}A`, token.slice(1), '', 'A', '\u00ff'.repeat(48), 'é~'])
    assert.equal(seal.open(other), undefined);
});
