import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import { hindsight, ProbeHistory } from './probe-history.ts';

function policy() {
  const compiled = compile({
    listeners: { web: { bind: '127.0.0.1:1', pool: 'a' } },
    pools: { a: { endpoints: ['10.0.0.1:1'], health: { http: '/', fall: 3, rise: 2, interval: '1s' } } },
  });
  assert.ok(compiled.ok);
  return compiled.value.pools.a.health!;
}

/** `+` is a good check, `-` a bad one, one a second. */
function told(results: string) {
  const history = new ProbeHistory();
  Array.from(results).forEach((result, i) => {
    history.add(1000 + i * 1000, result === '+');
  });
  return history.list();
}

test('hindsight: what other thresholds would have done with the same checks', () => {
  const results = '+++-+++--++++---+++++----++';
  const answers = hindsight(told(results), policy(), [1, 2, 3, 4, 5], 1000 + results.length * 1000);
  assert.deepEqual(
    answers.map(({ fall, downs }) => [fall, downs]),
    [
      [1, 4],
      [2, 3],
      [3, 2],
      [4, 1],
      [5, 0],
    ],
  );
  // Out from the third bad check to the second good one: 2 s, and then 3 s.
  assert.equal(answers[2].downMs, 2000 + 3000);
  assert.equal(answers[4].downMs, 0);
});

test('one that would be out still counts until now', () => {
  const [answer] = hindsight(told('+--'), policy(), [2], 13_000);
  assert.deepEqual([answer.downs, answer.downMs], [1, 10_000]);
});

test('history is bounded, and in order', () => {
  const history = new ProbeHistory();
  assert.deepEqual(history.list(), []);
  for (let at = 1; at <= 1000; at++) history.add(at, at % 2 === 0);
  const list = history.list();
  assert.deepEqual([list.length, list[0], list.at(-1)], [256, { at: 745, ok: false }, { at: 1000, ok: true }]);
  assert.deepEqual(hindsight([], policy(), [1], 5), [{ fall: 1, downs: 0, downMs: 0 }]);
});
