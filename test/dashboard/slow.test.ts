// Who is called slow: compared with the median of the others, so that it also holds in pools of two.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOut } from '../../dashboard/src/flow-layout.ts';
import { History } from '../../dashboard/src/history.ts';
import { markSlow } from '../../dashboard/src/slow.ts';

const marked = (...paces: readonly number[]): number[] => {
  const rows = paces.map((pace) => ({ pace: Math.abs(pace), serves: pace >= 0, slow: 9 }));
  markSlow(rows);
  return rows.map(({ slow }) => Number(slow.toFixed(2)));
};

test('slow is twice the median of the others, and a difference that somebody would notice', () => {
  assert.deepEqual(marked(5, 60), [0, 12]);
  assert.deepEqual(marked(60, 5, 20), [4.8, 0, 0]);
  assert.deepEqual(marked(1, 3), [0, 0], '2 ms are nothing');
  assert.deepEqual(marked(10, 11, 12, 19), [0, 0, 0, 0]);
  assert.deepEqual(marked(10, 10, 10, 50, 80), [0, 0, 0, 5, 8]);
  assert.deepEqual(marked(40), [0], 'alone there is nobody to compare with');
});

test('who serves nobody or answered nothing is neither slow nor compared with', () => {
  assert.deepEqual(marked(10, -100, 25, Number.NaN), [0, 0, 2.5, 0]);
});

test('a history keeps the last values, oldest first', () => {
  const history = new History(3);
  for (const value of [1, 2, 3, 4, 5]) history.push(value);
  assert.deepEqual([history.count, history.at(0), history.at(2)], [3, 3, 5]);
});

test('bands of the picture are as wide as their rates, and nodes of one column do not overlap', () => {
  const node = (id: string, column: 0 | 1 | 2 | 3, rate: number) => ({
    id,
    column,
    label: id,
    link: '',
    rate,
    mark: '',
  });
  const nodes = [node('l', 0, 30), node('r', 1, 30), node('p', 2, 30), node('a', 3, 20), node('b', 3, 10)];
  const bands = [
    { from: 'p', to: 'a', rate: 20, mark: '' },
    { from: 'p', to: 'b', rate: 10, mark: '' },
    { from: 'p', to: 'gone', rate: 1, mark: '' },
  ];
  const { nodes: placed, bands: ribbons, height } = layOut(nodes, bands, 900, 300);
  const [a, b] = placed.filter(({ column }) => column === 3);
  assert.equal(a.height, 2 * b.height);
  assert.ok(a.y + a.height < b.y && b.y + b.height <= height);
  assert.equal(ribbons.length, 2);
});

test('without traffic the picture still stands', () => {
  const { nodes } = layOut([{ id: 'l', column: 0, label: '', link: '', rate: 0, mark: '' }], [], 900, 300);
  assert.ok(nodes[0].height > 0 && Number.isFinite(nodes[0].y));
});
