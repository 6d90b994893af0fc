import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EndpointConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { endpointConfig } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { type FoundSet, type Look, MOST_ENDPOINTS } from './discovery.ts';
import { Watcher } from './watcher.ts';

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const A: readonly EndpointConfig[] = [endpointConfig(1)];

function world() {
  const clock = fakeClock();
  const looks: number[] = [];
  const told: Result<FoundSet, string>[] = [];
  const state = {
    answer: (): Promise<Result<Look, string>> => Promise.resolve(ok({ endpoints: A, againMs: 10_000 })),
    wake: (): void => undefined,
    closed: false,
    aborted: false,
  };
  const watcher = new Watcher(
    ({ wake }) => {
      state.wake = wake;
      return {
        look(signal) {
          looks.push(clock.now());
          signal.addEventListener('abort', () => {
            state.aborted = true;
          });
          return state.answer();
        },
        close() {
          state.closed = true;
        },
      };
    },
    { clock, random: seededRandom(1) },
    '.',
    (set) => told.push(set),
  );
  const pass = async (ms: number, step = 50): Promise<void> => {
    for (let i = 0; i < ms; i += step) {
      clock.advance(step);
      await settled();
    }
  };
  return { clock, looks, told, state, watcher, pass };
}

test('it looks at once, and again when the source says so', async () => {
  const { looks, pass, told } = world();
  await settled();
  await pass(20_500);
  assert.deepEqual(
    looks.map((at) => at - looks[0]),
    [0, 10_000, 20_000],
  );
  assert.ok(told.every((set) => set.ok));
});

test('failures are told and tried again with growing, uneven, bounded pauses; a success begins anew', async () => {
  const { looks, pass, told, state } = world();
  await settled();
  state.answer = () => Promise.resolve(err('no'));
  await pass(400_000);
  const pauses = looks
    .slice(1)
    .map((at, i) => at - looks[i])
    .slice(1);
  pauses.slice(0, 6).forEach((pause, i) => {
    const most = Math.min(30_000, 1000 * 2 ** i);
    assert.ok(pause >= most / 2 && pause <= most + 50, `pause ${i}: ${pause}`);
  });
  assert.ok(Math.max(...pauses) <= 30_050);
  assert.ok(new Set(pauses.slice(6)).size > 1, 'jitter');
  state.answer = () => Promise.resolve(ok({ endpoints: undefined, againMs: 10_000 }));
  await pass(31_000);
  const last = told.at(-1);
  assert.ok(last?.ok === true && last.value.endpoints === A, 'as before is news after a failure');
  const count = looks.length;
  state.answer = () => Promise.resolve(err('no'));
  await pass(11_100);
  assert.ok(looks.length >= count + 2, 'the first pause is short again');
});

test('a look that throws is a failure like any other', async () => {
  const { told, state, pass } = world();
  await settled();
  state.answer = () => Promise.reject(new TypeError('surprise'));
  await pass(10_000);
  const failed = told.find((set) => !set.ok);
  assert.ok(failed !== undefined && !failed.ok && failed.error.includes('surprise'));
});

test('a stir ends the pause, many are one look, and one during a look is not lost', async () => {
  const { looks, state, pass } = world();
  await settled();
  for (let i = 0; i < 10; i++) state.wake();
  await pass(200);
  assert.equal(looks.length, 2);
  let finish: (look: Result<Look, string>) => void = () => undefined;
  state.answer = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  state.wake();
  await pass(100);
  assert.equal(looks.length, 3);
  state.wake();
  await pass(1000);
  assert.equal(looks.length, 3, 'looks never overlap');
  finish(ok({ endpoints: A, againMs: 10_000 }));
  await pass(100);
  assert.equal(looks.length, 4);
});

test('a set that is too large is an error that names the limit', async () => {
  const { told, state, pass } = world();
  await settled();
  const many = Array.from({ length: MOST_ENDPOINTS + 1 }, (_, i) => endpointConfig(i));
  state.answer = () => Promise.resolve(ok({ endpoints: many, againMs: 1000 }));
  await pass(10_000);
  assert.deepEqual(told[1], err(`has 16385 endpoints; 16384 are the limit`));
});

test('closing ends the look that is under way, and every timer', async () => {
  const { clock, state, watcher, told, pass } = world();
  await settled();
  let finish: (look: Result<Look, string>) => void = () => undefined;
  state.answer = () =>
    new Promise((resolve) => {
      finish = resolve;
    });
  await pass(10_000);
  watcher.close();
  assert.ok(state.aborted && state.closed);
  const count = told.length;
  finish(ok({ endpoints: A, againMs: 1 }));
  await settled();
  state.wake();
  assert.equal(told.length, count);
  assert.equal(clock.pending, 0);
});
