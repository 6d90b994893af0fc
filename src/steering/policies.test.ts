// What makes each steering kind what it is: shares, order, places, measurements, load.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../testing/seeded-random.ts';
import { SteeringWorld } from '../testing/steering.ts';
import { MeasuredLatency } from './latency-map.ts';

const DRAWS = 100_000;

function sharesOf(world: SteeringWorld, policy: string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < DRAWS; i++) {
    const [site] = world.ask(policy).sites;
    counts.set(site, (counts.get(site) ?? 0) + 1 / DRAWS);
  }
  return counts;
}

function assertShares(actual: Map<string, number>, wanted: Readonly<Record<string, number>>): void {
  for (const [site, share] of Object.entries(wanted)) {
    const got = actual.get(site) ?? 0;
    assert.ok(Math.abs(got - share) <= 0.01, `${site}: ${got.toFixed(4)} instead of ${share.toFixed(4)}`);
  }
  assert.deepEqual(
    [...actual.keys()].sort(),
    Object.keys(wanted)
      .filter((site) => wanted[site] > 0)
      .sort(),
  );
}

const WEIGHTS = [
  ['us', 70],
  ['eu', 25],
  ['as', 5],
  ['spare', 0],
  ['last', 0],
] as const;

test('weighted: shares are those of the weights, within 1 %, also while members are down', () => {
  const world = new SteeringWorld({ w: { kind: 'weighted', weights: WEIGHTS } });
  assertShares(sharesOf(world, 'w'), { us: 0.7, eu: 0.25, as: 0.05 });
  world.down('us');
  assertShares(sharesOf(world, 'w'), { eu: 25 / 30, as: 5 / 30 });
  world.down('eu', 'as');
  assertShares(sharesOf(world, 'w'), { spare: 0.5, last: 0.5 });
  world.down('spare', 'last');
  assert.deepEqual(world.ask('w').sites, []);
});

test('weighted: random weights and outages keep their shares', () => {
  const random = seededRandom(7);
  for (let round = 0; round < 5; round++) {
    const weights = Array.from({ length: 6 }, (_, i) => [`s${i}`, 1 + Math.floor(random.unit() * 50)] as const);
    const world = new SteeringWorld({ w: { kind: 'weighted', weights } }, round + 1);
    const up = weights.filter(([name]) => {
      const isUp = random.unit() < 0.6 || name === 's0';
      if (!isUp) world.down(name);
      return isUp;
    });
    const total = up.reduce((sum, [, weight]) => sum + weight, 0);
    assertShares(sharesOf(world, 'w'), Object.fromEntries(up.map(([name, weight]) => [name, weight / total])));
  }
});

test('failover: the first that is up, whatever happened before', () => {
  const order = ['a', 'b', 'c', 'd'];
  const world = new SteeringWorld({ f: { kind: 'failover', order } });
  const random = seededRandom(3);
  for (let i = 0; i < 1000; i++) {
    for (const name of order) world.site(name).up = random.unit() < 0.5;
    const first = order.find((name) => world.site(name).up);
    assert.deepEqual(world.ask('f').sites, first === undefined ? [] : [first]);
  }
  for (const name of order) world.site(name).up = name === 'c';
  assert.deepEqual(world.ask('f').why, ['f: failover uses c, number 3 in order']);
});

test('round robin: everything that is up, once', () => {
  const world = new SteeringWorld({
    r: { kind: 'round-robin', members: ['a', 'b', 'inner'] },
    inner: { kind: 'round-robin', members: ['b', 'c'] },
  });
  assert.deepEqual(world.ask('r').sites, ['a', 'b', 'c']);
  world.down('b');
  assert.deepEqual(world.ask('r').sites, ['a', 'c']);
});

const CITIES = { london: [51.5, -0.1], paris: [48.9, 2.4], newyork: [40.7, -74], sydney: [-33.9, 151.2] } as const;

function placed(policies: ConstructorParameters<typeof SteeringWorld>[0]): SteeringWorld {
  const world = new SteeringWorld(policies);
  for (const [name, [latitude, longitude]] of Object.entries(CITIES)) world.place(name, latitude, longitude);
  return world;
}

test('proximity: the nearest that is up; a bias moves the border; without a place the default', () => {
  const world = placed({
    near: {
      kind: 'proximity',
      default: 'newyork',
      biases: [
        ['london', 0],
        ['paris', 0],
        ['sydney', 0],
      ],
    },
    biased: {
      kind: 'proximity',
      default: undefined,
      biases: [
        ['london', 50],
        ['paris', 0],
        ['sydney', -90],
      ],
    },
  });
  const lille = { facts: { latitude: 50.6, longitude: 3.1, prefix: 20 } };
  assert.deepEqual(world.ask('near', lille).sites, ['paris']);
  assert.deepEqual(world.ask('biased', lille).sites, ['london'], '240 km count as 120');
  assert.deepEqual(world.ask('near').sites, ['newyork']);
  assert.deepEqual(world.ask('near').why, ['near: proximity uses its default, newyork']);
  assert.deepEqual(world.ask('biased').sites, []);
  world.down('paris');
  assert.deepEqual(world.ask('near', lille).sites, ['london']);
  assert.equal(world.ask('near', lille).scope, 20);
  // Across the date line.
  assert.deepEqual(world.ask('near', { facts: { latitude: -17.8, longitude: -179 } }).sites, ['sydney']);
});

test('latency: the fastest measured, then the nearest, then the default, and it says which', () => {
  const world = placed({
    fast: { kind: 'latency', default: 'sydney', members: ['london', 'newyork', 'paris'] },
  });
  const latency = new MeasuredLatency();
  latency.report('192.0.2.7', 'newyork', 20, 0);
  latency.report('192.0.2.9', 'london', 35, 0);
  const lille = { latitude: 50.6, longitude: 3.1, prefix: 20 };
  const ask = (address: string, facts = {}) => world.ask('fast', { address, latency, facts, now: 1 });
  const measured = ask('192.0.2.1', lille);
  assert.deepEqual(measured.sites, ['newyork']);
  assert.deepEqual(measured.why, ['fast: newyork was measured fastest for 192.0.2.1/24 (20.0 ms)']);
  assert.equal(measured.scope, 24);
  assert.match(ask('192.0.3.1', lille).why[0], /newyork was measured fastest for 192\.0\.3\.1\/16/, 'a neighbour');
  assert.equal(ask('192.0.3.1', lille).scope, 24, 'which may have measurements of its own');
  const near = ask('10.0.0.1', lille);
  assert.deepEqual(near.why, ['fast: paris is nearest to 10.0.0.1 (196 km)']);
  assert.deepEqual(ask('10.0.0.1').why, ['fast: latency uses its default, sydney']);
  assert.equal(ask('10.0.0.1').scope, 24, 'that nobody measured is known of the network only');
  world.down('newyork');
  assert.deepEqual(ask('192.0.2.1', lille).sites, ['london'], 'the second fastest, not the nearest');
  world.down('london');
  assert.deepEqual(ask('192.0.2.1', lille).sites, ['paris']);
});

test('geo, weighted and failover nest', () => {
  const world = new SteeringWorld({
    www: {
      kind: 'geo',
      default: 'world',
      areas: [['europe', [{ kind: 'continent', code: 'EU' }]]],
    },
    europe: {
      kind: 'weighted',
      weights: [
        ['frankfurt', 3],
        ['north', 1],
      ],
    },
    north: { kind: 'failover', order: ['oslo', 'stockholm'] },
    world: { kind: 'failover', order: ['virginia', 'europe'] },
  });
  const german = { facts: { continent: 'EU', country: 'DE', prefix: 16 } };
  const shares = new Map<string, number>();
  for (let i = 0; i < DRAWS; i++) {
    const [site] = world.ask('www', german).sites;
    shares.set(site, (shares.get(site) ?? 0) + 1 / DRAWS);
  }
  assertShares(shares, { frankfurt: 0.75, oslo: 0.25 });
  world.down('oslo', 'frankfurt');
  const { sites, why, scope } = world.ask('www', german);
  assert.deepEqual([sites, scope], [['stockholm'], 16]);
  assert.match(
    why.join('; '),
    /^north: failover uses stockholm, number 2 in order; europe: weighted chose north \(1 of [14]\); www: geo uses europe for 192\.0\.2\.1 \(continent:EU\)$/,
  );
  world.down('stockholm');
  assert.deepEqual(world.ask('www', german).sites, ['virginia'], 'the next larger area');
  world.down('virginia');
  assert.deepEqual(world.ask('www', german).sites, []);
});

test('load: a growing share goes to the next site as the first fills up, and it does not flap in between', () => {
  const config = { kind: 'load', order: ['a', 'b'], high: 0.9, low: 0.7 } as const;
  const world = new SteeringWorld({ l: config });
  const shareOfB = (load: number): number => {
    world.site('a').load = load;
    let b = 0;
    for (let i = 0; i < 10_000; i++) if (world.ask('l').sites[0] === 'b') b++;
    return b / 10_000;
  };
  assert.equal(shareOfB(0.5), 0);
  assert.equal(shareOfB(0.89), 0, 'not yet');
  const begun = shareOfB(0.9);
  assert.ok(Math.abs(begun - 2 / 3) < 0.03, `${begun}`);
  const less = shareOfB(0.8);
  assert.ok(Math.abs(less - 1 / 3) < 0.03, `still shedding, and less: ${less}`);
  assert.equal(shareOfB(1), 1);
  assert.equal(shareOfB(0.7), 0);
  assert.equal(shareOfB(0.89), 0, 'it stopped, and begins at high only');
  world.site('b').load = 2;
  assert.equal(shareOfB(1.5), 0, 'all are full: the preferred one');
});

test('a member that has nothing for this client and may have something for its neighbour widens the scope', () => {
  const world = placed({
    place: { kind: 'geo', default: undefined, areas: [['a', [{ kind: 'country', code: 'DE' }]]] },
    near: { kind: 'proximity', default: 'x', biases: [['london', 0]] },
    fast: { kind: 'latency', default: 'x', members: ['london'] },
    first: { kind: 'failover', order: ['place', 'x'] },
    drawn: {
      kind: 'weighted',
      weights: [
        ['place', 1_000_000],
        ['x', 1],
      ],
    },
    last: {
      kind: 'weighted',
      weights: [
        ['place', 1],
        ['x', 0],
      ],
    },
    all: { kind: 'round-robin', members: ['place', 'x'] },
    large: { kind: 'geo', default: 'x', areas: [['place', [{ kind: 'network', cidr: '0.0.0.0/0' }]]] },
  });
  for (const policy of ['near', 'fast', 'first', 'drawn', 'last', 'all', 'large']) {
    const { sites, scope } = world.ask(policy, { facts: { country: 'FR', prefix: 27 } });
    assert.deepEqual([sites, scope], [['x'], 27], policy);
  }
});

/** A site whose load follows the share of answers it gets, as clients come and go with their DNS answers. */
test('load shedding settles: simulated clients swing neither the load nor the decision', () => {
  const capacity = 1000;
  for (const demand of [600, 950, 1200, 1500]) {
    const world = new SteeringWorld({ l: { kind: 'load', order: ['a', 'b'], high: 0.9, low: 0.7 } }, demand);
    const clients = Array.from({ length: demand }, () => 'a');
    const random = seededRandom(demand);
    const loads: number[] = [];
    for (let step = 0; step < 400; step++) {
      world.site('a').load = clients.filter((site) => site === 'a').length / capacity;
      world.site('b').load = clients.filter((site) => site === 'b').length / capacity;
      loads.push(world.site('a').load);
      // A twentieth of the answers expires in each step.
      for (let i = 0; i < clients.length; i++) if (random.unit() < 0.05) clients[i] = world.ask('l').sites[0];
    }
    const settled = loads.slice(200);
    const spread = Math.max(...settled) - Math.min(...settled);
    assert.ok(spread < 0.25, `${demand} clients: the load swings by ${spread.toFixed(2)}`);
    assert.ok(Math.max(...settled) <= 1.0, `${demand} clients: ${Math.max(...settled)} of its capacity`);
    let turns = 0;
    for (let i = 2; i < settled.length; i++) if (settled[i] >= 0.9 !== settled[i - 1] >= 0.9) turns++;
    assert.ok(turns <= 20, `${demand} clients: ${turns} times across the border in 200 steps`);
  }
});
