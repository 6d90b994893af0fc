import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { RoundTrip } from '../net/round-trips.ts';
import type { LatencyEntry } from '../steering/latency-map.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { LatencyKeeper } from './latency-keeper.ts';

function config(more: object = {}, kind = 'latency'): Config {
  const compiled = compile({
    listeners: { web: { bind: '192.0.2.1:80', pool: 'a' }, any: { bind: '127.0.0.1:0', pool: 'a' } },
    pools: { a: { endpoints: ['10.0.0.1:80'] } },
    sites: { eu: '203.0.113.1', us: '203.0.113.2' },
    policies: { www: { kind, members: ['eu', 'us'] } },
    site: 'eu',
    ...more,
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
}

/** Lets promises that are settled run on. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

function setup(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-latency-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const clock = fakeClock();
  const asked: (readonly number[])[] = [];
  const told: LatencyEntry[][] = [];
  const said: string[] = [];
  const say = (message: string, fields: object = {}): void => void said.push(`${message} ${JSON.stringify(fields)}`);
  const world = { read: (): Result<readonly RoundTrip[], string> => ok([]) };
  const keeper = new LatencyKeeper({
    clock,
    log: { info: say, warn: say, error: say },
    folder,
    portOf: (name) => Promise.resolve(name === 'any' ? 40_000 : 0),
    onLearnt: (entries) => void told.push([...entries]),
    read: (ports) => {
      asked.push(ports);
      return Promise.resolve(world.read());
    },
  });
  t.after(() => keeper.close());
  const pass = async (ms: number): Promise<void> => {
    for (let gone = 0; gone < ms; gone += 1000) {
      clock.advance(1000);
      await settled();
    }
  };
  return { folder, clock, asked, told, said, world, keeper, pass };
}

const trip = (peer: string, ms: number): RoundTrip => ({
  local: { host: '192.0.2.1', port: 80 },
  peer: { host: peer, port: 50_000 },
  ms,
  ageMs: 0,
});

test('every ten seconds what clients of ours are measured at is told, for our site', async (t) => {
  const { asked, told, world, keeper, pass } = setup(t);
  world.read = () => ok([trip('198.51.100.1', 12)]);
  keeper.applied(config());
  await pass(9000);
  assert.deepEqual(asked, []);
  await pass(1000);
  assert.deepEqual(asked, [[80, 40_000]]);
  assert.deepEqual(told, [
    [
      { network: '4/24/c63364', site: 'eu', ms: 12, weight: 1, ageMs: 0 },
      { network: '4/16/c633', site: 'eu', ms: 12, weight: 1, ageMs: 0 },
    ],
  ]);
  world.read = () => ok([trip('203.0.113.1', 30)]);
  await pass(10_000);
  assert.deepEqual(
    told[1].map(({ network }) => network),
    ['4/24/cb0071', '4/16/cb00'],
    'what is not new is not told again',
  );
  assert.equal(keeper.known.length, 4);
  assert.deepEqual(keeper.report().entries[0], {
    network: '198.51.100.0/24',
    site: 'eu',
    ms: 12,
    weight: 1,
    ageMs: 10_000,
  });
  assert.deepEqual(keeper.counts, {
    networks: 4,
    measured: 2,
    reads: { kernel: { ok: 2, failed: 0 }, file: { ok: 0, failed: 0 } },
  });
});

test('nothing is measured without a policy that asks, or a site to measure for', async (t) => {
  const { clock, asked, keeper, pass } = setup(t);
  keeper.applied(config({}, 'round-robin'));
  keeper.applied(config({ site: '' }));
  assert.equal(clock.pending, 0);
  keeper.applied(config());
  await pass(20_000);
  assert.equal(asked.length, 2);
  keeper.applied(config({ latency: { interval: '1s' } }));
  await pass(10_000);
  assert.equal(asked.length, 3, 'the interval that has begun is the old one');
  await pass(5000);
  assert.equal(asked.length, 8);
  keeper.applied(config({ site: '' }));
  assert.equal(clock.pending, 0);
});

test('a look that ends when nobody asks any more changes nothing', async (t) => {
  const { clock, told, world, keeper } = setup(t);
  keeper.applied(config());
  world.read = () => {
    keeper.applied(config({ site: '' }));
    return ok([trip('198.51.100.1', 12)]);
  };
  clock.advance(10_000);
  await settled();
  assert.deepEqual([told, clock.pending, keeper.known], [[], 0, []]);
});

test('a kernel that cannot be asked is one message and a count, and is asked again', async (t) => {
  const { said, world, keeper, pass } = setup(t);
  world.read = () => err('there is no program ss (Debian: iproute2)');
  keeper.applied(config());
  await pass(30_000);
  assert.deepEqual(said, [
    'latency: the round trips of clients cannot be read, so steering does without {"problem":"there is no program ss (Debian: iproute2)"}',
  ]);
  assert.deepEqual(keeper.counts.reads.kernel, { ok: 0, failed: 3 });
  world.read = () => ok([]);
  await pass(20_000);
  assert.deepEqual(said.slice(1), ['latency: the round trips of clients can be read again {}']);
});

test('files bring what others measured; only our own is told to others', async (t) => {
  const { folder, told, said, world, keeper, pass } = setup(t);
  const entries = [{ network: '198.51.100.0/24', site: 'us', ms: 3 }];
  writeFileSync(join(folder, 'us.json'), JSON.stringify({ entries }));
  world.read = () => ok([trip('198.51.100.1', 12)]);
  keeper.applied(config({ latency: { file: ['us.json', 'missing.json'] } }));
  const until = performance.now() + 5000;
  while (said.length === 0 || told.length === 0) {
    assert.ok(performance.now() < until, 'the files were not read');
    await settled();
  }
  assert.match(said[0], /missing\.json cannot be read/);
  assert.deepEqual(
    told[0].map(({ network, site, ms }) => [network, site, ms]),
    [['4/24/c63364', 'us', 3]],
  );
  await pass(10_000);
  assert.deepEqual(keeper.known.map(({ site, ms }) => `${site} ${ms}`).sort(), ['eu 12', 'eu 12', 'us 3']);
  assert.deepEqual(
    keeper.report().entries.map(({ network, site }) => [network, site]),
    [
      ['198.51.100.0/24', 'eu'],
      ['198.51.0.0/16', 'eu'],
    ],
  );
  assert.deepEqual(keeper.counts.reads.file, { ok: 1, failed: 1 });
});
