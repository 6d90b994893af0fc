import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Address } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { ResolvedName } from '../dns/engine/resolved-names.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { AliasKeeper } from './alias-keeper.ts';
import type { FoundAddresses } from './name-lookup.ts';

const DAY = 86_400_000;

/** Lets promises that are settled run on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setup() {
  const clock = fakeClock();
  const told: ResolvedName[] = [];
  const asked: string[] = [];
  const said: string[] = [];
  const servers: (readonly Address[])[] = [];
  const log = {
    info: (message: string) => void said.push(message),
    warn: (message: string) => void said.push(message),
    error: (message: string) => void said.push(message),
  };
  const world = {
    answer: (_name: string, _family: 4 | 6): Promise<Result<FoundAddresses, string>> =>
      Promise.resolve(ok({ addresses: ['192.0.2.1'], ttlSeconds: 60 })),
  };
  const keeper = new AliasKeeper({
    clock,
    log,
    onFound: (names) => void told.push(...names),
    lookUpBy: (list) => {
      servers.push(list);
      return (name, family) => {
        asked.push(`${name} ${family}`);
        return world.answer(name, family);
      };
    },
  });
  const apply = async (...names: string[]): Promise<void> => {
    const prepared = keeper.prepare({ names: new Set(names), servers: [] });
    for (let i = 0; i < 4; i++) await settled();
    clock.advance(0);
    await prepared;
    keeper.commit();
  };
  /** Moves on in steps, so that what a timer began can end before the next. */
  const pass = async (ms: number, stepMs = 1000): Promise<void> => {
    for (let gone = 0; gone < ms; gone += stepMs) {
      clock.advance(Math.min(stepMs, ms - gone));
      await settled();
    }
  };
  return { clock, told, asked, said, servers, world, keeper, apply, pass };
}

const found = (...addresses: string[]) => Promise.resolve(ok({ addresses, ttlSeconds: 60 }));
const failed = () => Promise.resolve(err('ESERVFAIL'));

test('both families are known when it is prepared, and are asked for again when the TTL ends', async () => {
  const { clock, told, asked, keeper, apply, pass, world } = setup();
  await apply('a.example.');
  assert.deepEqual(asked, ['a.example. 4', 'a.example. 6']);
  const freshUntil = clock.now() + 60_000;
  assert.deepEqual(told[0], {
    name: 'a.example.',
    family: 4,
    addresses: ['192.0.2.1'],
    freshUntil,
    keptUntil: freshUntil + DAY,
  });
  world.answer = () => found('192.0.2.2');
  await pass(59_000);
  assert.equal(asked.length, 2);
  await pass(1000);
  assert.equal(asked.length, 4);
  assert.deepEqual(
    keeper.known.map(({ addresses }) => addresses),
    [['192.0.2.2'], ['192.0.2.2']],
  );
  assert.deepEqual(keeper.counts, { found: 4, failed: 0, fresh: 2, late: 0, unknown: 0 });
});

test('TTLs that are very short or very long are not taken at their word', async () => {
  const { asked, apply, pass, world } = setup();
  world.answer = (_, family) => Promise.resolve(ok({ addresses: [], ttlSeconds: family === 4 ? 0 : 1_000_000 }));
  await apply('a.example.');
  asked.length = 0;
  await pass(20_000);
  assert.deepEqual(asked, Array(4).fill('a.example. 4'));
  asked.length = 0;
  await pass(3_580_000, 5000);
  assert.equal(asked.filter((one) => one.endsWith('6')).length, 1, 'an hour is the longest');
});

test('a lookup that fails changes nothing, is tried again ever more slowly, and is one message a time', async () => {
  const { told, asked, said, apply, pass, keeper, world } = setup();
  await apply('a.example.', 'b.example.');
  told.length = 0;
  asked.length = 0;
  world.answer = failed;
  await pass(60_000);
  await pass(1000 + 2000 + 4000);
  assert.equal(told.length, 0);
  assert.deepEqual(asked.length, 4 * 4, 'at once, after 1 s, 2 s and 4 s');
  assert.deepEqual(keeper.counts, { found: 4, failed: 16, fresh: 0, late: 4, unknown: 0 });
  asked.length = 0;
  await pass(600_000);
  const perTarget = asked.length / 4;
  assert.ok(perTarget >= 10 && perTarget <= 14, `${perTarget} in ten minutes, at most one a minute in the end`);
  world.answer = () => found('192.0.2.9');
  await pass(60_000);
  assert.deepEqual([keeper.counts.late, keeper.counts.fresh], [0, 4]);
  assert.deepEqual(
    said.map((line) => line.replace(/^\S+, /, '')),
    [
      'the target of an ALIAS, cannot be looked up; answers keep what was found last, if anything was',
      'all targets of ALIAS can be looked up again',
    ],
  );
  assert.deepEqual(told.at(-1)?.addresses, ['192.0.2.9']);
});

test('what could not be looked up for a day counts as unknown', async () => {
  const { apply, pass, keeper, world } = setup();
  await apply('a.example.');
  world.answer = failed;
  await pass(DAY + 59_000, 60_000);
  assert.equal(keeper.counts.late, 2);
  await pass(2000);
  assert.deepEqual([keeper.counts.late, keeper.counts.unknown], [0, 2]);
});

test('nobody waits longer than three seconds for the first answers, and a later one counts', async () => {
  const { clock, told, keeper, world } = setup();
  const slow = Promise.withResolvers<Result<FoundAddresses, string>>();
  world.answer = (_, family) => (family === 4 ? slow.promise : failed());
  let prepared = false;
  void keeper.prepare({ names: new Set(['a.example.']), servers: [] }).then(() => {
    prepared = true;
  });
  clock.advance(2999);
  await settled();
  assert.equal(prepared, false);
  clock.advance(1);
  await settled();
  assert.equal(prepared, true);
  keeper.commit();
  slow.resolve(ok({ addresses: ['192.0.2.7'], ttlSeconds: 60 }));
  await settled();
  assert.deepEqual(
    told.map(({ addresses }) => addresses),
    [['192.0.2.7']],
  );
  keeper.close();
});

test('a reload asks for what is new, drops what is gone, and one that is refused leaves all as it was', async () => {
  const { asked, servers, keeper, apply, pass } = setup();
  await apply('a.example.', 'b.example.');
  asked.length = 0;
  const resolver = { host: '192.0.2.53', port: 53 };
  await keeper.prepare({ names: new Set(['b.example.', 'c.example.']), servers: [resolver] });
  assert.deepEqual(asked, ['c.example. 4', 'c.example. 6']);
  assert.deepEqual(servers.at(-1), [resolver]);
  keeper.abort();
  assert.deepEqual(servers.at(-1), []);
  const names = () => [...new Set(keeper.known.map(({ name }) => name))];
  assert.deepEqual(names(), ['a.example.', 'b.example.']);
  await apply('b.example.', 'c.example.');
  assert.deepEqual(names(), ['b.example.', 'c.example.']);
  asked.length = 0;
  await pass(61_000);
  assert.deepEqual(asked.toSorted(), ['b.example. 4', 'b.example. 6', 'c.example. 4', 'c.example. 6']);
});

test('it asks many names a few at a time, and leaves no timer behind', async () => {
  const { clock, asked, keeper, world } = setup();
  let running = 0;
  let most = 0;
  world.answer = async () => {
    most = Math.max(most, ++running);
    await settled();
    running--;
    return ok({ addresses: ['192.0.2.1'], ttlSeconds: 60 });
  };
  await keeper.prepare({ names: new Set(Array.from({ length: 200 }, (_, i) => `n${i}.example.`)), servers: [] });
  keeper.commit();
  assert.deepEqual([asked.length, most], [400, 64]);
  assert.equal(clock.pending, 400);
  keeper.close();
  assert.equal(clock.pending, 0);
});
