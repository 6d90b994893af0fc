import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { KERNEL_KINDS } from '../config/compile/nat.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { natEndpoints } from '../testing/nat-service.ts';
import { entriesFor, layOut, selectorOf } from './layout.ts';

const balance = (kind: string, options = {}) => ({ kind, key: { from: 'source' } as const, options });

function shares(owners: readonly Endpoint[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { id } of owners) counts.set(id, (counts.get(id) ?? 0) + 1);
  return counts;
}

test('every kind of the kernel has its selector', () => {
  for (const kind of KERNEL_KINDS) assert.ok(['rotation', 'chance', 'source'].includes(selectorOf(kind)));
});

describe('round robin', () => {
  test('up to ten endpoints: shares are exactly equal, whoever is out', () => {
    for (let n = 1; n <= 10; n++) {
      const all = natEndpoints(n);
      const entries = entriesFor('round-robin', all);
      for (let up = 1; up <= n; up++) {
        const counts = shares(layOut(balance('round-robin'), all.slice(n - up), entries));
        assert.deepEqual(new Set(counts.values()), new Set([entries / up]), `${up} of ${n}`);
      }
    }
  });

  test('weights do not matter, and every turn is somebody else', () => {
    const all = natEndpoints(3, (i) => i + 1);
    assert.deepEqual(
      layOut(balance('round-robin'), all, 6).map(({ id }) => all.findIndex((one) => one.id === id)),
      [0, 1, 2, 0, 1, 2],
    );
  });

  test('many endpoints: exact with all, within one entry of at least 32 without some', () => {
    for (const n of [11, 100, 1000, 2000]) {
      const all = natEndpoints(n);
      const entries = entriesFor('round-robin', all);
      assert.ok(entries <= 65_536);
      assert.equal(new Set(shares(layOut(balance('round-robin'), all, entries)).values()).size, 1);
      const counts = [...shares(layOut(balance('round-robin'), all.slice(1), entries)).values()];
      assert.ok(
        Math.max(...counts) - Math.min(...counts) <= 1 && Math.min(...counts) >= 32,
        `${n}: ${Math.min(...counts)}`,
      );
    }
  });
});

describe('by weight', () => {
  for (const kind of ['weighted-round-robin', 'random']) {
    test(`${kind}: shares are the weights exactly, reduced or not`, () => {
      for (const weights of [
        [3, 1],
        [300, 100],
        [5, 1, 1],
        [7, 11, 13],
        [1, 1, 1000],
      ]) {
        const all = natEndpoints(weights.length, (i) => weights[i]);
        const entries = entriesFor(kind, all);
        const counts = shares(layOut(balance(kind), all, entries));
        const total = weights.reduce((a, b) => a + b);
        for (const { id, weight } of all) assert.equal(counts.get(id)! * total, entries * weight, weights.join());
      }
    });

    test(`${kind}: fractions and huge sums are met within one entry`, () => {
      for (const weights of [
        [0.25, 1, 0.9],
        [65_535, 65_533, 1],
      ]) {
        const all = natEndpoints(weights.length, (i) => weights[i]);
        const entries = entriesFor(kind, all);
        assert.ok(entries <= 65_536);
        const counts = shares(layOut(balance(kind), all, entries));
        const total = weights.reduce((a, b) => a + b);
        for (const { id, weight } of all)
          assert.ok(Math.abs((counts.get(id) ?? 0) - (entries * weight) / total) <= 1, weights.join());
      }
    });
  }

  test('smooth as the proxy has it: a a b a c a a; block in a row', () => {
    const all = natEndpoints(3, (i) => [5, 1, 1][i]);
    const order = (mode: string) =>
      layOut(balance('weighted-round-robin', { mode }), all, 7)
        .map(({ id }) => 'abc'[all.findIndex((one) => one.id === id)])
        .join('');
    assert.equal(order('smooth'), 'aabacaa');
    assert.match(order('block'), /^a{5}bc$/);
  });

  test('an endpoint of weight 0 has no entry and changes no share', () => {
    const all = natEndpoints(3, (i) => [2, 0, 1][i]);
    const entries = entriesFor('weighted-round-robin', all);
    const counts = shares(
      layOut(
        balance('weighted-round-robin'),
        all.filter(({ weight }) => weight > 0),
        entries,
      ),
    );
    assert.deepEqual(
      [...counts.values()].map((count) => (count / entries) * 3),
      [2, 1],
    );
  });
});

describe('by source', () => {
  test('entries are a prime, at least 100 an endpoint, up to what loads fast', () => {
    assert.deepEqual(
      [1, 10, 11, 100, 700, 5000].map((n) => entriesFor('source-hash', natEndpoints(n))),
      [1009, 1009, 1103, 10_007, 65_537, 65_537],
    );
  });

  test('who leaves takes its own entries along and hardly any other', () => {
    for (const n of [2, 3, 10, 50]) {
      const all = natEndpoints(n);
      const entries = entriesFor('maglev', all);
      const before = layOut(balance('maglev'), all, entries);
      for (const gone of [all[0], all[n - 1]]) {
        const after = layOut(
          balance('maglev'),
          all.filter((one) => one !== gone),
          entries,
        );
        const moved = before.filter((owner, i) => owner !== gone && owner.id !== after[i].id).length;
        // Maglev's own bound is small, not zero; modulo would move 1 - 1/n of them.
        assert.ok(
          moved / entries <= 0.06,
          `${n}: ${((100 * moved) / entries).toFixed(1)} % of entries moved without need`,
        );
      }
    }
  });

  test('the order of the configuration does not matter', () => {
    const all = natEndpoints(5);
    const entries = entriesFor('source-hash', all);
    const ids = (list: readonly Endpoint[]) => layOut(balance('source-hash'), list, entries).map(({ id }) => id);
    assert.deepEqual(ids(all.toReversed()), ids(all));
  });

  test('weights are kept', () => {
    const all = natEndpoints(2, (i) => [3, 1][i]);
    const counts = shares(layOut(balance('maglev'), all, 1009));
    assert.ok(Math.abs(counts.get(all[0].id)! - 757) <= 2);
  });
});

test('nobody pickable: no entries, whatever the kind', () => {
  for (const kind of KERNEL_KINDS) assert.deepEqual(layOut(balance(kind), [], 12), []);
});
