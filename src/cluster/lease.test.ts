import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_ANSWER, type Reply } from '../store/redis.ts';
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts';
import { Lease } from './lease.ts';

/** As the scripts in Redis do it, by a clock of its own; `gone` answers nobody. */
class Registry {
  holder = '';
  until = 0;
  fence = 0;
  gone = false;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  key = (name: string): string => name;

  ask = async (...command: readonly string[]): Promise<Reply> => {
    if (this.gone) return NO_ANSWER;
    const free = this.#clock.now() >= this.until;
    if (command[2] === '1') {
      if (this.holder === command[4]) this.until = 0;
      return 1;
    }
    const [who, ms] = command.slice(5);
    if (!free && this.holder !== who) return 0;
    if (free) this.fence++;
    this.holder = who;
    this.until = this.#clock.now() + Number(ms);
    return this.fence;
  };
}

const soon = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function world() {
  const clock = fakeClock();
  const board = new Registry(clock);
  const lease = (instance: string) => new Lease({ board, clock, name: 'acme', instance, ttlMs: 9000 });
  const pass = async (ms: number): Promise<void> => {
    for (let done = 0; done < ms; done += 500) {
      clock.advance(500);
      await soon();
    }
  };
  return { board, lease, pass, clock };
}

test('one of two has it, and the other gets it with a higher number when it is given back', async () => {
  const { lease, pass } = world();
  const [a, b] = [lease('a'), lease('b')];
  a.start();
  await soon();
  b.start();
  await pass(30_000);
  assert.deepEqual([a.held, b.held, a.token, b.token], [true, false, 1, 0]);
  await a.stop();
  await pass(3500);
  assert.deepEqual([a.held, b.held, b.token], [false, true, 2]);
});

test('who cannot renew stops before anybody else may begin', async () => {
  const { board, lease, pass } = world();
  const a = lease('a');
  a.start();
  await soon();
  board.gone = true;
  await pass(8000);
  assert.equal(a.held, true, 'what was granted holds');
  await pass(500);
  assert.equal(a.held, false);
  assert.equal(board.until > 0, true);
  board.gone = false;
  const b = lease('b');
  b.start();
  await soon();
  assert.equal(a.held || b.held, false, 'the registry still waits while nobody acts');
});

test('after a pause of the whole process it knows that it is no longer the one', async () => {
  const { lease, pass, clock, board } = world();
  const a = lease('a');
  a.start();
  await soon();
  assert.equal(a.held, true);
  board.gone = true;
  clock.advance(60_000);
  assert.equal(a.held, false, 'before any timer of its own has told it');
  board.gone = false;
  await pass(4000);
  assert.deepEqual([a.held, a.token], [true, 2]);
});
