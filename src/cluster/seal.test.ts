import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Seal } from './seal.ts';

const seal = new Seal('a secret of several');

test('what is sealed is read by those who know the secret, for the purpose it was sealed for', () => {
  const packed = seal.pack('config', { text: 'key: hunter2' });
  assert.doesNotMatch(packed, /hunter2/);
  assert.deepEqual(new Seal('a secret of several').unpack('config', packed), { text: 'key: hunter2' });
  assert.equal(seal.unpack('verdicts', packed), undefined);
  assert.equal(new Seal('another secret here').unpack('config', packed), undefined);
});

test('what was changed, cut, or never sealed is not believed', () => {
  const packed = seal.pack('said', { a: 1 });
  const middle = packed.length - 6;
  const flipped = packed.slice(0, middle) + (packed[middle] === 'A' ? 'B' : 'A') + packed.slice(middle + 1);
  for (const text of [flipped, packed.slice(0, 30), 'sealed:', '{"a":1}', '', 'sealed:!!!'])
    assert.equal(seal.unpack('said', text), undefined, text);
});

test('without a secret it is plain, and nonsense is nothing', () => {
  const open = new Seal('');
  assert.deepEqual(open.unpack('x', open.pack('x', [1])), [1]);
  assert.equal(open.unpack('x', '{'), undefined);
});
