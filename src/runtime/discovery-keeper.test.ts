import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config, DiscoverConfig, EndpointConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { OnSet } from '../discovery/discovery.ts';
import { createLog } from '../observe/log.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { endpointConfig, poolConfig } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { DiscoveryKeeper } from './discovery-keeper.ts';

function file(path: string, over: Partial<DiscoverConfig> = {}): DiscoverConfig {
  const defaults = { weight: 1, tier: 0, zone: '', maxInFlight: 0, maxRate: 0 };
  return { kind: 'file', path, defaults, intervalMs: 5000, timeoutMs: 5000, ...over } as DiscoverConfig;
}

function config(pools: Readonly<Record<string, readonly DiscoverConfig[]>>): Config {
  const all = Object.entries(pools).map(([name, discover]) => [name, poolConfig({ name, discover })]);
  return { pools: Object.fromEntries(all) } as Config;
}

function world() {
  const clock = fakeClock();
  const lines: string[] = [];
  const told: string[] = [];
  const watched = new Map<string, { onSet: OnSet; closed: boolean }>();
  const keeper = new DiscoveryKeeper({
    env: { clock, random: seededRandom(1) },
    log: createLog({ write: (line) => void lines.push(line), human: false, epoch: () => 0 }),
    folder: '.',
    onSets: (sets) => {
      for (const [pool, set] of sets)
        told.push(`${pool}: ${set.map(({ address, weight }) => `${formatAddress(address)}*${weight}`).join(' ')}`);
    },
    watch: ((discover: DiscoverConfig, _env: unknown, _folder: string, onSet: OnSet) => {
      const path = (discover as { path: string }).path;
      const one = { onSet, closed: false };
      assert.ok(watched.get(path)?.closed ?? true, `${path} is watched twice`);
      watched.set(path, one);
      return {
        close() {
          one.closed = true;
        },
      };
    }) as never,
  });
  const say = (path: string, set: Result<readonly EndpointConfig[], string>): void => {
    watched.get(path)!.onSet(set.ok ? ok({ endpoints: set.value, note: '', isNew: true }) : set);
  };
  const found = (path: string, ...ports: number[]): void => say(path, ok(ports.map((port) => endpointConfig(port))));
  return { clock, lines, told, watched, keeper, say, found };
}

test('the first sets are waited for, but not for ever', async () => {
  const { clock, keeper, found, told, say } = world();
  let isReady = false;
  const first = keeper.follow(config({ a: [file('x')], b: [file('y')], c: [] }), 3000).then(() => {
    isReady = true;
  });
  found('x', 1, 2);
  await Promise.resolve();
  assert.ok(!isReady);
  say('y', err('gone'));
  await first;
  assert.deepEqual(told, ['a: 10.0.0.1:1*1 10.0.0.1:2*1']);
  const second = keeper.follow(config({ a: [file('x'), file('z')] }), 3000);
  clock.advance(3000);
  await second;
});

test('many changes are told at once, and none when the set is the same in another order', async () => {
  const { clock, keeper, found, told } = world();
  const next = keeper.follow(config({ a: [file('x')] }), 3000);
  found('x', 1);
  await next;
  found('x', 1, 2);
  found('x', 1, 2, 3);
  clock.advance(20);
  found('x', 3, 2, 1);
  clock.advance(20);
  assert.deepEqual(told, ['a: 10.0.0.1:1*1', 'a: 10.0.0.1:1*1 10.0.0.1:2*1 10.0.0.1:3*1']);
});

test('the sets of several sources are joined, the first one counts, and an error empties nothing', async () => {
  const { clock, keeper, say, found, told, lines } = world();
  const next = keeper.follow(config({ a: [file('x'), file('y')] }), 3000);
  say('x', ok([endpointConfig(1, { weight: 5 })]));
  found('y', 1, 2);
  await next;
  for (let i = 0; i < 3; i++) say('x', err('gone'));
  clock.advance(20);
  assert.deepEqual(told, ['a: 10.0.0.1:1*5 10.0.0.1:2*1']);
  const [x, y] = keeper.report();
  assert.deepEqual([x.state, x.lastError, x.endpoints, x.errors, y.state], ['stale', 'gone', 1, 3, 'ok']);
  found('x', 3);
  clock.advance(20);
  assert.equal(lines.filter((line) => line.includes('cannot be used; the 1 endpoints')).length, 1);
  assert.equal(lines.filter((line) => line.includes('answers again')).length, 1);
  assert.deepEqual(told.slice(1), ['a: 10.0.0.1:3*1 10.0.0.1:1*1 10.0.0.1:2*1']);
});

test('over a reload unchanged sources go on, removed ones end, and changed ones keep what was found', async () => {
  const { keeper, found, told, watched } = world();
  const first = config({ a: [file('x')], b: [file('y')], c: [file('z')] });
  const started = keeper.follow(first, 3000);
  for (const path of ['x', 'y', 'z']) found(path, 1);
  await started;
  keeper.settle(first);
  const x = watched.get('x');
  const z = watched.get('z')!;
  // The same place, asked more often; the fake looks at paths only.
  z.closed = true;
  const second = config({ a: [file('x')], c: [file('z', { intervalMs: 1000 })] });
  const clock = keeper.follow(second, 0);
  found('z', 1);
  await clock;
  keeper.settle(second);
  assert.equal(watched.get('x'), x);
  assert.equal(x?.closed, false);
  assert.equal(watched.get('y')?.closed, true);
  assert.deepEqual(told.slice(3), ['b: '], 'pool c never lost what it had');
});

test('a reload that is refused leaves what was there before', async () => {
  const { keeper, found, told, watched } = world();
  const first = config({ a: [file('x')] });
  const started = keeper.follow(first, 3000);
  found('x', 1);
  await started;
  keeper.settle(first);
  const next = keeper.follow(config({ a: [file('y')] }), 3000);
  found('y', 2);
  await next;
  keeper.settle(first);
  assert.deepEqual([watched.get('x')?.closed, watched.get('y')?.closed], [false, true]);
  assert.deepEqual(told, ['a: 10.0.0.1:1*1', 'a: 10.0.0.1:2*1', 'a: 10.0.0.1:1*1']);
});

test('what could not be brought into effect is told again', async () => {
  const { clock, keeper, found, told } = world();
  const started = keeper.follow(config({ a: [file('x')] }), 3000);
  found('x', 1);
  await started;
  keeper.refused(['a']);
  clock.advance(4999);
  assert.equal(told.length, 1);
  clock.advance(1);
  assert.equal(told.length, 2);
  keeper.close();
  assert.equal(clock.pending, 0);
});
