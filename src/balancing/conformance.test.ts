import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultsOf } from '../core/schema.ts';
import type { BalancerKind } from './balancer.ts';
import { assertBalancer, type CheckName, checkBalancer, createWorld, endpointsOf, requestFor } from './conformance.ts';
import { BALANCERS, balancerByName } from './index.ts';

/** These follow latency or ignore weights on purpose. */
const IGNORE_WEIGHTS = new Set(['round-robin', 'least-response-time', 'peak-ewma']);

for (const kind of BALANCERS) {
  test(`${kind.name} conforms`, () => {
    const skip: CheckName[] = IGNORE_WEIGHTS.has(kind.name) ? ['weights'] : [];
    assert.deepEqual(checkBalancer(kind, { skip, tolerance: 0.2 }), []);
  });
}

for (const [name, config] of [
  ['weighted-round-robin', { mode: 'block' }],
  ['ring-hash', { bound: 1.25 }],
  ['ring-hash', { variant: 'ketama' }],
  ['maglev', { table: 1009 }],
] as const) {
  test(`${name} conforms with ${JSON.stringify(config)}`, () => {
    const kind = balancerByName(name)!;
    // A bound gives up stickiness for evenness while requests run; the kit's sticky check leaves none running.
    assertBalancer(kind, { config: { ...defaultsOf(kind.schema), ...config }, tolerance: 0.2 });
  });
}

test('names are unique, and every kind is found by its name', () => {
  assert.equal(new Set(BALANCERS.map((kind) => kind.name)).size, BALANCERS.length);
  for (const kind of BALANCERS) assert.equal(balancerByName(kind.name), kind);
  assert.equal(balancerByName('no-such-kind'), undefined);
});

test('a kind of ones own takes about ten lines and passes the kit', () => {
  const lowestPort: BalancerKind = {
    name: 'lowest-port',
    needs: 'nothing',
    schema: {},
    build: ({ endpoints }) => {
      const sorted = endpoints.toSorted((a, b) => a.address.port - b.address.port);
      return { pick: (request) => sorted.find((endpoint) => !request.excludes(endpoint)) };
    },
  };
  assertBalancer(lowestPort, { skip: ['weights'] });
  assert.equal(balancerByName('lowest-port', [lowestPort]), lowestPort);
});

test('the kit reports what a broken kind does wrong', () => {
  const first: BalancerKind = {
    name: 'first',
    needs: 'nothing',
    schema: {},
    build: ({ endpoints }) => ({ pick: () => endpoints[0] }),
  };
  const found = new Set(checkBalancer(first).map(({ check }) => check));
  assert.deepEqual(found, new Set(['excluded', 'exhausted', 'weights']));
  assert.throws(() => assertBalancer(first), /"first" does not conform:\n {2}excluded: gave the excluded/);

  let calls = 0;
  const moody: BalancerKind = {
    name: 'moody',
    needs: 'key',
    schema: {},
    build: ({ endpoints }) => ({ pick: () => endpoints[calls++ % 7] }),
  };
  const moodyFound = new Set(checkBalancer(moody).map(({ check }) => check));
  for (const check of ['repeatable', 'sticky'] as const) assert.ok(moodyFound.has(check), check);

  const throwing: BalancerKind = {
    name: 'throwing',
    needs: 'nothing',
    schema: {},
    build: () => ({
      pick: () => {
        throw new Error('oops');
      },
    }),
  };
  assert.match(checkBalancer(throwing)[0].detail, /threw Error: oops/);
});

test('excluding half of the endpoints leaves the relative weights of the others', () => {
  for (const name of ['random', 'weighted-round-robin']) {
    const kind = balancerByName(name)!;
    const world = createWorld(11);
    const endpoints = endpointsOf([1, 5, 3, 7]);
    const balancer = kind.build(
      { version: 1, endpoints, mode: 'normal' },
      defaultsOf(kind.schema) as never,
      world.env,
      undefined,
    );
    const request = requestFor('', new Set([endpoints[1].id, endpoints[3].id]));
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) counts[balancer.pick(request)!.slot]++;
    assert.ok(Math.abs(counts[0] - 1000) < 100, `${name}: ${counts.join()}`);
  }
});
