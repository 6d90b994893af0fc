import assert from 'node:assert/strict';
import { test } from 'node:test';
import { requestIds } from './request-ids.ts';

test('request ids never repeat and keep their prefix', () => {
  const next = requestIds('w1-');
  const seen = new Set(Array.from({ length: 100_000 }, next));
  assert.equal(seen.size, 100_000);
  for (const id of seen) assert.match(id, /^w1-[0-9a-z]{3,}$/);
});
