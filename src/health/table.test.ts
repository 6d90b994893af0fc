import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadTable, STATE } from '../core/load-table.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { HEALTH, PASSIVE } from '../testing/pool-config.ts';
import type { PoolHealth } from './entry.ts';
import { withLeftOver } from './left-over.ts';
import { HealthTable } from './table.ts';
import type { HealthChange } from './timeline.ts';

const SLOW = { windowMs: 20_000, aggression: 1 };
const good = { ok: true, tookMs: 3, evidence: 'GET /health → 200 in 3 ms' };
const bad = {
  ok: false,
  tookMs: 12,
  evidence: 'GET /health → 503 in 12 ms; database: failing',
  checks: { database: false },
};

function setup(over: Partial<PoolHealth> = {}, count = 3) {
  const clock = fakeClock();
  const load = LoadTable.local(16);
  const table = new HealthTable({ load, clock, timelineSize: 20 });
  const pool = (n: number, more: Partial<PoolHealth> = {}): PoolHealth => ({
    name: 'p',
    slot: 2,
    health: undefined,
    passive: undefined,
    slowStart: undefined,
    endpoints: Array.from({ length: n }, (_, slot) => ({
      id: `p/${slot}`,
      address: { host: '10.0.0.1', port: 1 + slot },
      weight: 1,
      tier: 0,
      zone: '',
      slot,
    })),
    ...over,
    ...more,
  });
  table.setPool(pool(count), { initial: true });
  const changes: HealthChange[] = [];
  table.subscribe((change) => changes.push(change));
  const words = () => table.snapshot().map((status) => status.state);
  const failTraffic = (slot: number, times = 3): void => {
    load.failures[slot] += times;
    table.collect();
  };
  const succeedTrial = (slot: number): void => {
    load.trialSuccesses[slot]++;
    table.collect();
  };
  return { clock, load, table, pool, changes, words, failTraffic, succeedTrial, version: () => load.poolVersion[2] };
}

test('an endpoint without checks is up; one with active checks is checking until the first result', () => {
  const free = setup();
  assert.deepEqual(free.words(), ['up', 'up', 'up']);
  assert.equal(free.load.state[0], STATE.used | STATE.up);
  const checked = setup({ health: HEALTH });
  assert.deepEqual(checked.words(), ['checking', 'checking', 'checking']);
  assert.equal(checked.load.state[0], STATE.used | STATE.checking | STATE.pending);
  assert.deepEqual(checked.table.serving('p'), ['p/0', 'p/1', 'p/2'], 'all are unknown, so all are served');
  checked.table.probeResult('p/1', good);
  assert.deepEqual(checked.table.serving('p'), ['p/1'], 'one is proven');
});

test('workers see that a verdict may change, and rebuild nothing for it', () => {
  const { table, load, version } = setup({ health: HEALTH });
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  const before = version();
  const pending = (): boolean => (load.state[0] & STATE.pending) !== 0;
  assert.equal(pending(), false);
  table.probeResult('p/0', bad);
  assert.equal(pending(), true);
  table.probeResult('p/0', good);
  assert.equal(pending(), false);
  assert.equal(version(), before);
});

test('a verdict reaches the load table, the version, the listener and the timeline in the same tick, with its evidence', () => {
  const { table, load, changes, version } = setup({ health: HEALTH });
  const before = version();
  let bitsAtCall = -1;
  table.subscribe(() => {
    bitsAtCall = load.state[0];
  });
  table.probeResult('p/0', bad);
  assert.equal(bitsAtCall, STATE.used, 'written before anybody is told');
  assert.ok(version() > before);
  const { at, ...change } = changes[0];
  const cause = { cause: 'probe', evidence: bad.evidence } as const;
  assert.deepEqual(change, { id: 'p/0', pool: 'p', from: 'checking', to: 'down', ...cause });
  assert.ok(at > 1_600_000_000_000);
  assert.deepEqual(table.timeline('p/0').at(-1), changes[0]);
  const status = table.snapshot()[0];
  assert.deepEqual(status.active.last?.checks, { database: false });
  assert.equal(status.active.failures, 1);
});

test('the timeline is bounded and forgets the oldest first', () => {
  const { table } = setup();
  for (let i = 0; i < 30; i++) table.override('p/0', i % 2 === 0 ? 'drain' : 'ready', `turn ${i}`);
  const timeline = table.timeline();
  assert.equal(timeline.length, 20);
  assert.equal(timeline.at(-1)?.evidence, 'ready: turn 29');
  assert.equal(timeline[0].evidence, 'drain: turn 10');
});

test('three failures of traffic eject; then a trial; a success brings it back', () => {
  const { clock, load, words, failTraffic, succeedTrial, changes } = setup({ passive: PASSIVE });
  failTraffic(0, 2);
  assert.deepEqual(words(), ['up', 'up', 'up']);
  failTraffic(0, 1);
  assert.deepEqual(words(), ['ejected', 'up', 'up']);
  assert.equal(load.state[0], STATE.used);
  clock.advance(29_999);
  assert.equal(words()[0], 'ejected');
  clock.advance(1);
  assert.equal(words()[0], 'trial');
  assert.equal(load.state[0], STATE.used | STATE.up | STATE.trial);
  succeedTrial(0);
  assert.deepEqual(words(), ['up', 'up', 'up']);
  assert.deepEqual(
    changes.map((change) => change.evidence),
    ['3 failures within 30 s; out for 30 s, ejection 1 in a row', 'the ejection is over', 'a trial request succeeded'],
  );
});

test('good probes bring an ejected endpoint back before its time, later each time its traffic fails again', () => {
  const { clock, table, words, failTraffic, changes } = setup({ passive: PASSIVE, health: HEALTH });
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  assert.equal(table.isPending('p/0'), false);
  failTraffic(0);
  assert.equal(words()[0], 'ejected');
  assert.match(changes.at(-1)!.evidence, /out for 30 s or 2 good probes in a row, ejection 1 in a row/);
  assert.equal(table.isPending('p/0'), true, 'probed at the pending interval');
  table.probeResult('p/0', good);
  assert.equal(words()[0], 'ejected');
  table.probeResult('p/0', good);
  assert.equal(words()[0], 'trial');
  assert.equal(changes.at(-1)?.cause, 'probe');
  assert.equal(changes.at(-1)?.evidence, `${good.evidence}; 2 good probes in a row end the ejection`);
  assert.equal(clock.pending, 0, 'the timer of the ejection is gone');
  assert.equal(table.isPending('p/0'), false);
  failTraffic(0, 1);
  for (let i = 0; i < 3; i++) table.probeResult('p/0', good);
  assert.equal(words()[0], 'ejected');
  table.probeResult('p/0', good);
  assert.equal(words()[0], 'trial');
});

test('killed and restarted: out once, and on trial as soon as `rise` probes passed', () => {
  const { table, load, words, failTraffic, succeedTrial, changes } = setup({ passive: PASSIVE, health: HEALTH });
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  load.begin(0);
  failTraffic(0);
  for (let i = 0; i < 5; i++) table.probeResult('p/0', bad);
  assert.equal(words()[0], 'down');
  assert.equal(table.isPending('p/0'), false, 'a dead endpoint is probed as often as any');
  table.probeResult('p/0', good);
  assert.equal(table.isPending('p/0'), true);
  table.probeResult('p/0', good);
  assert.equal(words()[0], 'trial');
  assert.equal(load.state[0], withLeftOver(STATE.used | STATE.up | STATE.trial, 1), 'what ran before is no trial');
  succeedTrial(0);
  assert.equal(words()[0], 'up');
  const seen = changes.filter((change) => change.id === 'p/0').map((change) => change.to);
  assert.deepEqual(seen, ['up', 'ejected', 'down', 'trial', 'up']);
  assert.equal(table.snapshot()[0].flaps, 1);
});

test('flaps count each time it went out of service, not the steps on the way', () => {
  const { table, failTraffic } = setup({ passive: PASSIVE, health: HEALTH });
  const flaps = (): number => table.snapshot()[0].flaps;
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  for (let i = 0; i < 3; i++) table.probeResult('p/0', bad);
  assert.equal(flaps(), 1);
  for (let i = 0; i < 2; i++) table.probeResult('p/0', good);
  table.override('p/0', 'drain');
  table.override('p/0', 'ready');
  assert.equal(flaps(), 1, 'an operator is no flap');
  failTraffic(0);
  assert.equal(flaps(), 2);
  for (let i = 0; i < 2; i++) table.probeResult('p/0', good);
  failTraffic(0, 1);
  assert.equal(flaps(), 3, 'a failed trial is one');
});

test('no more than the share is ejected, never the last one, and the timeline says why not', () => {
  const { words, failTraffic, table } = setup({ passive: PASSIVE });
  failTraffic(0);
  failTraffic(1);
  assert.deepEqual(words(), ['ejected', 'up', 'up'], 'half of three is one');
  assert.match(table.timeline('p/1').at(-1)!.evidence, /not ejected after 3 failures: the pool cannot spare it/);
  const single = setup({ passive: { ...PASSIVE, maxEjected: 1 } }, 1);
  single.failTraffic(0, 100);
  assert.deepEqual(single.words(), ['up']);
});

test('when the last good endpoint goes, the ejected ones are tried again rather than nothing', () => {
  const { words, failTraffic, table, changes } = setup({ passive: PASSIVE, health: HEALTH }, 2);
  table.probeResult('p/0', good);
  table.probeResult('p/1', good);
  failTraffic(0);
  assert.deepEqual(words(), ['ejected', 'up']);
  for (let i = 0; i < 3; i++) table.probeResult('p/1', bad);
  assert.deepEqual(words(), ['trial', 'down']);
  assert.match(changes.at(-1)!.evidence, /released early: nothing else in the pool can serve/);
});

test("an operator's word wins and hides what is observed; taking it back shows it again", () => {
  const { table, words, load } = setup({ health: HEALTH });
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  table.override('p/0', 'maintenance', 'kernel update');
  table.override('p/1', 'drain');
  assert.deepEqual(words(), ['maintenance', 'draining', 'up']);
  assert.ok(load.state[0] & STATE.maintenance && load.state[1] & STATE.draining);
  for (let i = 0; i < 3; i++) table.probeResult('p/0', bad);
  assert.equal(words()[0], 'maintenance');
  table.override('p/0', 'ready');
  table.override('p/1', 'ready');
  assert.deepEqual(words(), ['down', 'up', 'up']);
  assert.deepEqual(table.override('p/9', 'drain'), { ok: false, error: 'there is no endpoint "p/9"' });
});

test('a word of an operator survives that the endpoint leaves and returns', () => {
  const { table, pool, words } = setup();
  table.override('p/2', 'maintenance');
  table.setPool(pool(2));
  table.prune();
  table.setPool(pool(3));
  assert.deepEqual(words(), ['up', 'up', 'maintenance']);
});

test('slow start begins on join and on recovery, but not with the first configuration, and ends by itself', () => {
  const { table, load, clock, pool, version } = setup({ slowStart: SLOW, health: HEALTH });
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  assert.deepEqual(Array.from(load.upSince.slice(0, 3)), [0, 0, 0]);
  for (let i = 0; i < 3; i++) table.probeResult('p/0', bad);
  for (let i = 0; i < 2; i++) table.probeResult('p/0', good);
  assert.equal(load.upSince[0], clock.now());
  table.setPool(pool(4));
  table.probeResult('p/3', good);
  assert.equal(load.upSince[3], clock.now());
  const before = version();
  clock.advance(10_000);
  assert.ok(version() - before >= 9, 'views follow the growing weight');
  assert.equal(table.snapshot()[3].warming, true);
  clock.advance(11_000);
  assert.equal(table.snapshot()[3].warming, false);
  assert.equal(clock.pending, 0);
});

test('a reload keeps what is known, and forgets what is gone only when pruned', () => {
  const { table, pool, words, load, changes, version } = setup({ health: HEALTH, passive: PASSIVE });
  for (let slot = 0; slot < 3; slot++) table.probeResult(`p/${slot}`, good);
  table.setPool(pool(2));
  assert.deepEqual(words(), ['up', 'up']);
  assert.equal(load.state[2], STATE.used | STATE.up, 'old views may still use it');
  const before = version();
  table.prune();
  assert.equal(load.state[2], 0);
  assert.ok(version() > before);
  assert.equal(changes.at(-1)?.to, 'absent');
  table.probeResult('p/2', bad);
  assert.equal(table.word('p/2'), undefined, 'a late probe result is ignored');
});

test('checks that a reload switches on do not take a running pool out', () => {
  const { table, pool, words } = setup();
  table.setPool(pool(3, { health: HEALTH }));
  assert.deepEqual(words(), ['up', 'up', 'up']);
  table.setPool(pool(3, { health: undefined }));
  assert.deepEqual(words(), ['up', 'up', 'up']);
});

test('a removed pool is forgotten, and stop leaves no timer', () => {
  const { table, clock, failTraffic, load } = setup({ passive: PASSIVE, slowStart: SLOW });
  failTraffic(0);
  assert.ok(clock.pending > 0);
  table.removePool('p');
  table.prune();
  assert.deepEqual(table.snapshot(), []);
  assert.equal(load.state[0], 0);
  table.stop();
  assert.equal(clock.pending, 0);
});

test('what balancers agreed on holds over our own checks; without it our own go on from there', () => {
  const { table, words, changes } = setup({ health: HEALTH }, 2);
  table.adoptVerdict('p/0', 'down', '2 of 3 vantages say down', true);
  table.adoptVerdict('p/1', 'up', '2 of 3 vantages say up', false);
  for (let i = 0; i < HEALTH.fall; i++) table.probeResult('p/1', bad);
  assert.deepEqual(words(), ['down', 'up']);
  const [last] = changes.filter(({ id }) => id === 'p/0');
  assert.deepEqual([last.cause, last.evidence], ['cluster', '2 of 3 vantages say down']);
  // The one that was not checked here begins with what was believed, the other with what was seen.
  table.adoptVerdict('p/0', undefined, 'alone', true);
  table.adoptVerdict('p/1', undefined, 'alone', false);
  assert.deepEqual(words(), ['down', 'down']);
  for (let i = 0; i < HEALTH.rise; i++) table.probeResult('p/0', good);
  assert.deepEqual(words(), ['up', 'down']);
});

test('who listens hears the verdict of our own checks after each of them', () => {
  const { table } = setup({ health: { ...HEALTH, fall: 2 } }, 1);
  const heard: string[] = [];
  table.onProbe((id, verdict) => void heard.push(`${id} ${verdict}`));
  for (const result of [good, bad, bad]) table.probeResult('p/0', result);
  assert.deepEqual(heard, ['p/0 up', 'p/0 up', 'p/0 down']);
});
