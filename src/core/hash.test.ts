import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hash32, mix32 } from './hash.ts';

test('hash32 gives the published values of MurmurHash3 x86 32-bit', () => {
  const vectors: readonly (readonly [string, number, number])[] = [
    ['', 0, 0],
    ['', 1, 0x514e28b7],
    ['', 0xffffffff, 0x81f16f39],
    ['test', 0, 0xba6bd213],
    ['test', 0x9747b28c, 0x704b81dc],
    ['Hello, world!', 0, 0xc0363e43],
    ['Hello, world!', 0x9747b28c, 0x24884cba],
    ['The quick brown fox jumps over the lazy dog', 0, 0x2e4ff723],
    ['The quick brown fox jumps over the lazy dog', 0x9747b28c, 0x2fa826cd],
    ['a', 0x9747b28c, 0x7fa09ea6],
    ['aa', 0x9747b28c, 0x5d211726],
    ['aaa', 0x9747b28c, 0x283e0130],
    ['aaaa', 0x9747b28c, 0x5a97808a],
    ['abc', 0, 0xb3dd93fa],
    ['\0\0\0\0', 0, 0x2362f9de],
    ['\xff\xff\xff\xff', 0, 0x76293b50],
  ];
  for (const [text, seed, expected] of vectors)
    assert.equal(hash32(text, seed), expected, JSON.stringify([text, seed]));
});

test('mix32 is a bijection on a sample and gives unsigned numbers', () => {
  const values = new Set<number>();
  for (let i = 0; i < 100_000; i++) values.add(mix32(i * 40_503));
  assert.equal(values.size, 100_000);
  for (const value of values) assert.ok(value >= 0 && value <= 0xffffffff);
});
