import assert from 'node:assert/strict';
import { test } from 'node:test';
import { judge, quorumOf, type Said, vantagesOf } from './vantage.ts';

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `node-${i}`);
const targets = Array.from({ length: 2000 }, (_, i) => `api/10.0.${i >> 8}.${i & 255}:8080`);
const says = (...words: [string, Said][]) =>
  words.map(([node, verdict]) => ({ node, verdict, evidence: `GET / ${verdict}` }));

test('each target is probed by as many as wanted, whoever computes it, and work is spread evenly', () => {
  const nodes = names(10);
  const loads = new Map<string, number>();
  for (const target of targets) {
    const chosen = vantagesOf(target, nodes, 3);
    assert.equal(new Set(chosen).size, 3);
    assert.deepEqual([...vantagesOf(target, [...nodes].reverse(), 3)], [...chosen]);
    for (const node of chosen) loads.set(node, (loads.get(node) ?? 0) + 1);
  }
  for (const load of loads.values()) assert.ok(Math.abs(load - 600) < 120, `${load} of 2000 targets`);
});

test('who leaves hands on only what was its own; who comes takes only its share', () => {
  const all = names(10);
  let moved = 0;
  for (const target of targets) {
    const before = vantagesOf(target, all, 3);
    const after = vantagesOf(target, all.slice(1), 3);
    const kept = before.filter((node) => after.includes(node)).length;
    assert.equal(kept, before.includes('node-0') ? 2 : 3);
    moved += 3 - kept;
  }
  assert.ok(moved > 480 && moved < 720, `${moved}`);
});

test('fewer balancers than vantages: all of them probe', () => {
  assert.deepEqual([...vantagesOf('a', ['x', 'y'], 3)], ['x', 'y']);
  assert.deepEqual([quorumOf(1, 0), quorumOf(2, 0), quorumOf(3, 0), quorumOf(3, 1), quorumOf(2, 3)], [1, 2, 2, 1, 2]);
});

test('what only one of three cannot reach stays up; what two cannot is down, with what they saw', () => {
  const nodes = ['a', 'b', 'c'];
  const one = judge(says(['a', 'down'], ['b', 'up'], ['c', 'up']), nodes, 0);
  assert.equal(one.kind === 'agreed' && one.verdict, 'up');
  const two = judge(says(['a', 'down'], ['b', 'up'], ['c', 'down']), nodes, 0);
  assert.deepEqual(two, {
    kind: 'agreed',
    verdict: 'down',
    evidence: '2 of 3 vantages say down: a GET / down, c GET / down',
  });
});

test('two that contradict each other leave it as it is; one alone of three is too few', () => {
  assert.equal(judge(says(['a', 'down'], ['b', 'up']), ['a', 'b'], 0).kind, 'divided');
  assert.equal(judge(says(['a', 'down']), ['a', 'b', 'c'], 0).kind, 'unknown');
  assert.equal(judge([], ['a'], 0).kind, 'unknown');
  assert.equal(judge([], [], 0).kind, 'unknown');
});

test('those who probed before are heard until those who probe now have spoken', () => {
  const before = says(['x', 'down'], ['y', 'down'], ['a', 'up']);
  const first = judge(before, ['a', 'b', 'c'], 0);
  assert.equal(first.kind === 'agreed' && first.verdict, 'down');
  const then = judge([...before, ...says(['b', 'up'])], ['a', 'b', 'c'], 0);
  assert.equal(then.kind === 'agreed' && then.verdict, 'up');
});
