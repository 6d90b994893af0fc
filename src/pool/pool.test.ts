import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BalancerKind } from '../balancing/balancer.ts';
import type { EndpointConfig, PoolConfig } from '../config/types.ts';
import { proxyError } from '../core/error.ts';
import { LoadTable, STATE } from '../core/load-table.ts';
import { CANCELLED, type Outcome } from '../core/outcome.ts';
import { withLeftOver } from '../health/left-over.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { endpointConfig, PASSIVE, poolConfig } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { Lease } from './lease.ts';
import { Pool } from './pool.ts';
import type { Refusal } from './refusal.ts';
import { SlotRegistry } from './registry.ts';

const OK: Outcome = { kind: 'ok', status: 200, firstByteMs: 8 };
const FAILED: Outcome = { kind: 'failed', error: proxyError('connect-failed') };
const UP = STATE.used | STATE.up;
const FIRST = { key: '', tried: [] };

/** Takes the first that is not excluded. */
const first: BalancerKind<unknown> = {
  name: 'first',
  needs: 'nothing',
  schema: {} as never,
  build: (view) => ({
    pick: (request) => view.endpoints.find((endpoint) => !request.excluding || !request.excludes(endpoint)),
  }),
};

function setup(endpoints: readonly Partial<EndpointConfig>[], over: Partial<PoolConfig> = {}, workers = 1) {
  const clock = fakeClock();
  const shape = { capacity: 8, pools: 2, workers };
  const buffer = new SharedArrayBuffer(LoadTable.byteLength(shape));
  const tables = Array.from({ length: workers }, (_, worker) => new LoadTable(buffer, shape, worker));
  const load = tables[0];
  const registry = new SlotRegistry(load);
  const config = poolConfig({ ...over, endpoints: endpoints.map((e, i) => endpointConfig(i + 1, e)) });
  const assigned = registry.assign('p', config.endpoints);
  assert.ok(assigned.ok);
  const { slot } = assigned.value;
  const set = (at: number, bits: number): void => {
    load.state[at] = bits;
    load.poolVersion[slot]++;
  };
  for (const endpoint of assigned.value.endpoints) set(endpoint.slot, UP);
  let signals = 0;
  const make = (worker = 0, previous?: Pool, kind = first, more: Partial<PoolConfig> = {}) =>
    new Pool({
      name: 'p',
      slot,
      config: { ...config, ...more },
      endpoints: assigned.value.endpoints,
      kind,
      env: { clock, random: seededRandom(1), load: tables[worker] },
      zone: '',
      onSignal: () => void signals++,
      previous,
    });
  return { clock, load, set, make, pool: make(), signals: () => signals };
}

function lease(answer: Lease | Refusal): Lease {
  assert.ok(answer instanceof Lease, (answer as Refusal).code);
  return answer;
}

const code = (answer: Lease | Refusal): string => (answer.refused ? answer.code : answer.endpoint.id);

test('acquire counts, settle un-counts and teaches the averages; a second settle changes nothing and is noticed', () => {
  const { pool, load } = setup([{}]);
  const one = lease(pool.acquire(FIRST));
  assert.equal(load.inFlight[0], 1);
  one.settle(OK);
  one.settle(FAILED);
  assert.deepEqual([load.inFlight[0], load.ewmaMs[0], load.failures[0], pool.misuses, pool.open], [0, 8, 0, 1, 0]);
});

test('upstream failures and failing statuses count against the endpoint; aborts and client errors never do', () => {
  const { pool, load, signals } = setup([{}], { passive: PASSIVE });
  const settle = (outcome: Outcome) => lease(pool.acquire(FIRST)).settle(outcome);
  settle(CANCELLED);
  settle({ kind: 'failed', error: proxyError('client-gone') });
  settle({ kind: 'failed', error: proxyError('draining') });
  assert.deepEqual([load.failures[0], signals()], [0, 0]);
  settle(FAILED);
  settle({ kind: 'ok', status: 503, firstByteMs: 1 });
  assert.deepEqual([load.failures[0], signals()], [2, 2]);
  assert.equal(load.sampledAt[0], 0, 'a fast error does not make the endpoint look fast');
});

test('refusals say why', () => {
  assert.equal(code(setup([]).pool.acquire(FIRST)), 'pool-empty');
  assert.equal(code(setup([{ weight: 0 }]).pool.acquire(FIRST)), 'pool-empty');
  const { pool, set } = setup([{}, { maxInFlight: 1 }]);
  assert.equal(code(pool.acquire({ key: '', tried: [0, 1] })), 'tried-all');
  lease(pool.acquire({ key: '', tried: [0] }));
  assert.equal(code(pool.acquire({ key: '', tried: [0] })), 'pool-saturated');
  set(0, STATE.used);
  set(1, STATE.used);
  assert.equal(code(pool.acquire(FIRST)), 'pool-down');
  pool.retire();
  assert.equal(code(pool.acquire(FIRST)), 'draining');
});

test('a retry that tried the whole tier goes to the backup tier before it gives up', () => {
  const { pool } = setup([{}, { tier: 1 }]);
  assert.equal(code(pool.acquire(FIRST)), 'p/10.0.0.1:1');
  assert.equal(code(pool.acquire({ key: '', tried: [0] })), 'p/10.0.0.1:2');
});

test('the limit in flight holds even when another worker is faster between the look and the count', () => {
  const { make, load } = setup([{ maxInFlight: 1 }, { maxInFlight: 1 }]);
  let races = 1;
  const racing: BalancerKind<unknown> = {
    ...first,
    build: (view) => ({
      pick(request) {
        const endpoint = view.endpoints.find((candidate) => !request.excludes(candidate));
        if (endpoint && races-- > 0) load.begin(endpoint.slot);
        return endpoint;
      },
    }),
  };
  const pool = make(0, undefined, racing);
  assert.equal(code(pool.acquire(FIRST)), 'p/10.0.0.1:2', 'the first was taken meanwhile');
  assert.deepEqual(Array.from(load.inFlight.slice(0, 2)), [1, 1]);
  races = 5;
  assert.equal(code(pool.acquire(FIRST)), 'pool-saturated');
  assert.deepEqual(Array.from(load.inFlight.slice(0, 2)), [1, 1], 'what was undone leaves no trace');
});

test('an endpoint in trial takes one request at a time, and its success is told', () => {
  const { pool, load, set, signals } = setup([{}], { passive: PASSIVE });
  const old = lease(pool.acquire(FIRST));
  set(0, withLeftOver(UP | STATE.trial, 1));
  const trial = lease(pool.acquire(FIRST));
  assert.equal(trial.trial, true, 'a request from before the ejection does not block the trial');
  assert.equal(code(pool.acquire(FIRST)), 'pool-saturated');
  old.settle(FAILED);
  assert.equal(load.failures[0], 0, 'what began before says nothing about the recovery');
  assert.equal(code(pool.acquire(FIRST)), 'pool-saturated');
  trial.settle(CANCELLED);
  assert.deepEqual([load.trialSuccesses[0], signals()], [0, 0]);
  const second = lease(pool.acquire(FIRST));
  second.answered(101, 5);
  assert.deepEqual([load.trialSuccesses[0], signals()], [1, 1], 'known with the first byte, not with the last');
  second.settle(OK);
  assert.equal(load.trialSuccesses[0], 1);
});

test('two workers start one trial between them', () => {
  const { make, set } = setup([{}], {}, 2);
  set(0, UP | STATE.trial);
  const [one, two] = [make(0), make(1)];
  lease(one.acquire(FIRST));
  assert.equal(code(two.acquire(FIRST)), 'pool-saturated');
});

test('waiting requests are served first come first served, and nobody overtakes', () => {
  const { pool, make } = setup([{ maxInFlight: 1 }], { queue: { size: 3, timeoutMs: 1000 } });
  assert.ok(make);
  let held = lease(pool.acquire(FIRST));
  const served: string[] = [];
  for (const name of ['a', 'b', 'c', 'd']) {
    pool.wait(FIRST, Number.POSITIVE_INFINITY, (answer) => {
      served.push(answer.refused ? `${name}:${answer.code}` : name);
      if (!answer.refused) held = answer;
    });
  }
  assert.deepEqual(served, ['d:pool-saturated'], 'the queue is bounded');
  held.settle(OK);
  assert.deepEqual(served.slice(1), ['a']);
  assert.equal(code(pool.acquire(FIRST)), 'pool-saturated');
  held.settle(OK);
  held.settle(OK);
  held.settle(OK);
  assert.deepEqual(served.slice(1), ['a', 'b', 'c']);
  assert.equal(pool.open, 0);
  lease(pool.acquire(FIRST));
});

test('waiting ends by cancelling, by the timeout of the queue or by the own deadline, and leaves no timer', () => {
  const { pool, clock } = setup([{ maxInFlight: 1 }], { queue: { size: 5, timeoutMs: 1000 } });
  const held = lease(pool.acquire(FIRST));
  const log: string[] = [];
  const wait = (name: string, deadline: number) =>
    pool.wait(FIRST, deadline, (answer) => void log.push(`${name}:${code(answer)}@${clock.now()}`));
  wait('past', clock.now());
  const ticket = wait('left', 1e9);
  wait('short', clock.now() + 100);
  wait('long', 1e9);
  ticket.cancel();
  clock.advance(5000);
  assert.deepEqual(log, ['past:queue-timeout@1000', 'short:queue-timeout@1100', 'long:queue-timeout@2000']);
  held.settle(OK);
  clock.advance(5);
  assert.equal(clock.pending, 0);
});

test('capacity that appears elsewhere (another worker, a recovery) is noticed within milliseconds; so is that all is down', () => {
  const { make, clock, set } = setup(
    [{ maxInFlight: 1 }, { maxInFlight: 1 }],
    { queue: { size: 5, timeoutMs: 1000 } },
    2,
  );
  set(1, STATE.used);
  const [mine, theirs] = [make(0), make(1)];
  const held = lease(theirs.acquire(FIRST));
  const log: string[] = [];
  const wait = () => mine.wait(FIRST, 1e9, (answer) => void log.push(code(answer)));
  wait();
  wait();
  wait();
  held.settle(OK);
  clock.advance(5);
  assert.deepEqual(log, ['p/10.0.0.1:1']);
  set(1, UP);
  clock.advance(5);
  assert.deepEqual(log, ['p/10.0.0.1:1', 'p/10.0.0.1:2']);
  set(0, STATE.used);
  set(1, STATE.used);
  clock.advance(5);
  assert.equal(log[2], 'pool-down');
});

test('a waiting callback may acquire, wait, settle and cancel', () => {
  const { pool, load } = setup([{ maxInFlight: 2 }], { queue: { size: 9, timeoutMs: 1000 } });
  const held = [lease(pool.acquire(FIRST)), lease(pool.acquire(FIRST))];
  const log: string[] = [];
  const a = pool.wait(FIRST, 1e9, (answer) => {
    log.push('a');
    b.cancel();
    assert.equal(code(pool.acquire(FIRST)), 'pool-saturated');
    pool.wait(FIRST, 1e9, (late) => {
      log.push('c');
      lease(late).settle(OK);
    });
    lease(answer).settle(OK);
  });
  const b = pool.wait(FIRST, 1e9, () => void log.push('b'));
  held[0].settle(OK);
  a.cancel();
  assert.deepEqual(log, ['a', 'c']);
  held[1].settle(OK);
  assert.deepEqual([load.inFlight[0], pool.open, pool.waiting], [0, 0, 0]);
});

test('a reload moves those who wait to the successor; running leases settle where they began', () => {
  const { make, pool, clock } = setup([{ maxInFlight: 1 }], { queue: { size: 5, timeoutMs: 1000 } });
  const held = lease(pool.acquire(FIRST));
  const log: string[] = [];
  pool.wait(FIRST, 1e9, (answer) => void log.push(code(answer)));
  const next = make(0, pool);
  pool.retire(next);
  assert.equal(next.waiting, 1);
  assert.equal(next.retryBudget, pool.retryBudget, 'the budget goes on');
  held.settle(OK);
  assert.deepEqual(log, ['p/10.0.0.1:1']);
  assert.equal(code(pool.acquire(FIRST)), 'pool-saturated', 'an old request goes on in the successor');
  next.wait(FIRST, 1e9, (answer) => void log.push(code(answer)));
  next.retire();
  assert.equal(log[1], 'draining');
  clock.advance(5);
  assert.equal(clock.pending, 0);
});

test('a balancer is handed on over a reload when it is of the same kind', () => {
  const seen: unknown[] = [];
  const spy = (name: string): BalancerKind<unknown> => ({
    ...first,
    name,
    build(view, config, env, previous) {
      seen.push(previous);
      return first.build(view, config, env);
    },
  });
  const { make } = setup([{}]);
  const one = make(0, undefined, spy('x'));
  const two = make(0, one, spy('x'));
  make(0, two, spy('y'));
  assert.equal(seen[0], undefined);
  assert.notEqual(seen[1], undefined);
  assert.equal(seen[2], undefined);
});

test('who is pinned may use an endpoint that drains, within its limits, and none that is out', () => {
  const { set, pool, clock } = setup([{ maxInFlight: 2 }, {}]);
  const pinned = { ...FIRST, pinned: 0 };
  set(0, UP | STATE.draining);
  const leases = [pool.acquire(pinned), pool.acquire(pinned), pool.acquire(pinned)];
  assert.deepEqual(
    leases.map((lease) => !lease.refused && lease.endpoint.slot),
    [0, 0, 1],
  );
  for (const out of [STATE.used, UP | STATE.maintenance]) {
    set(0, out);
    const lease = pool.acquire(pinned);
    assert.equal(!lease.refused && lease.endpoint.slot, 1);
  }
  clock.advance(1);
});

test('an endpoint with a rate takes its turns, pinned or not, and the others take the rest', () => {
  const { pool, clock } = setup([{ maxRate: 10 }, {}]);
  const slots = [0, 1, 2].map(() => {
    const lease = pool.acquire({ ...FIRST, pinned: 0 });
    return lease.refused ? -1 : lease.endpoint.slot;
  });
  assert.deepEqual(slots, [0, 1, 1]);
  clock.advance(100);
  const later = pool.acquire(FIRST);
  assert.equal(!later.refused && later.endpoint.slot, 0);
});

const QUEUE = { queue: { size: 5, timeoutMs: 1000 } };

test('who is bound to an endpoint waits for that one and for no other; others pass meanwhile', () => {
  const { pool } = setup([{ maxInFlight: 1 }, {}], QUEUE);
  const bound = { ...FIRST, pinned: 0, strict: true };
  const running = lease(pool.acquire(bound));
  assert.equal(code(pool.acquire(bound)), 'pool-saturated');
  let later: Lease | Refusal | undefined;
  pool.wait(bound, Number.POSITIVE_INFINITY, (answer) => {
    later = answer;
  });
  assert.equal(lease(pool.acquire(FIRST)).endpoint.slot, 1);
  assert.equal(later, undefined);
  running.settle(OK);
  assert.equal(lease(later!).endpoint.slot, 0);
});

test('who is bound to an endpoint that is out is told so, also while he waits; one without weight binds nobody', () => {
  const { set, pool, clock } = setup([{ maxInFlight: 1 }, {}, { weight: 0 }], QUEUE);
  const bound = { ...FIRST, pinned: 0, strict: true };
  lease(pool.acquire(bound));
  const answers: string[] = [];
  pool.wait(bound, Number.POSITIVE_INFINITY, (answer) => answers.push(code(answer)));
  set(0, STATE.used);
  clock.advance(10);
  assert.deepEqual(answers, ['pinned-down']);
  assert.equal(code(pool.acquire(bound)), 'pinned-down');
  assert.equal(code(pool.acquire({ ...bound, tried: [0] })), 'tried-all');
  assert.equal(lease(pool.acquire({ ...bound, pinned: 2 })).endpoint.slot, 1);
  assert.equal(lease(pool.acquire({ ...bound, pinned: -1 })).endpoint.slot, 1, 'a new session');
  set(0, UP | STATE.draining);
  assert.equal(code(pool.acquire(bound)), 'pool-saturated');
});
