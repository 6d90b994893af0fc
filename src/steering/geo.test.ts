// Decisions by place, against an oracle of its own and against real databases, and the promise behind a scope: clients that
// share so many bits get the same answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, type Response } from 'mmdb-lib';
import type { Area, PolicyConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import { formatIp } from '../core/ip.ts';
import { COUNTRIES } from '../geo/centroids.ts';
import { GeoDatabase } from '../geo/database.ts';
import { readGeoFiles } from '../geo/files.ts';
import { mmdb } from '../testing/mmdb.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { SteeringWorld } from '../testing/steering.ts';
import { MeasuredLatency } from './latency-map.ts';

interface Network {
  readonly bytes: Uint8Array;
  readonly prefix: number;
}

interface Entry extends Network {
  readonly country: string;
  readonly subdivision: string;
  readonly asn: number;
}

const CODES = ['DE', 'FR', 'US', 'CA', 'JP', 'BR', 'ZA', 'AU'];
const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random.unit() * list.length)];

function randomBytes(length: 4 | 16, random: Random): Uint8Array {
  const bytes = Uint8Array.from({ length }, () => Math.floor(random.unit() * 256));
  // Few first bytes, so that networks and clients meet.
  bytes[0] = length === 4 ? 10 + Math.floor(random.unit() * 4) : 0x20;
  if (length === 16) bytes[1] = 1 + Math.floor(random.unit() * 3);
  return bytes;
}

function randomNetwork(random: Random): Network {
  const length = random.unit() < 0.5 ? 4 : 16;
  const bytes = randomBytes(length, random);
  const prefix = length === 4 ? 6 + Math.floor(random.unit() * 23) : 14 + Math.floor(random.unit() * 40);
  for (let bit = prefix; bit < length * 8; bit++) bytes[bit >> 3] &= ~(0x80 >> (bit & 7));
  return { bytes, prefix };
}

const text = (bytes: Uint8Array): string => formatIp(bytes, 0, bytes.length === 4 ? 4 : 16);
const cidr = ({ bytes, prefix }: Network): string => `${text(bytes)}/${prefix}`;
const bitAt = (bytes: Uint8Array, bit: number): number => (bytes[bit >> 3] >> (7 - (bit & 7))) & 1;

function holds({ bytes, prefix }: Network, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false;
  for (let bit = 0; bit < prefix; bit++) if (bitAt(bytes, bit) !== bitAt(address, bit)) return false;
  return true;
}

function longest<T extends Network>(list: readonly T[], address: Uint8Array): readonly T[] {
  return list.filter((one) => holds(one, address)).sort((a, b) => b.prefix - a.prefix);
}

interface World {
  readonly database: GeoDatabase;
  readonly entries: readonly Entry[];
  readonly steering: SteeringWorld;
  readonly areas: readonly (readonly [string, readonly Area[]])[];
  readonly networks: readonly (Network & { readonly member: string })[];
}

function randomWorld(seed: number): World {
  const random = seededRandom(seed);
  const entries = [
    ...new Map(
      Array.from({ length: 120 }, () => {
        const network = randomNetwork(random);
        const country = pick(CODES, random);
        const subdivision = random.unit() < 0.3 ? pick(['CA', 'NY', 'BY'], random) : '';
        return [
          cidr(network),
          { ...network, country, subdivision, asn: 64_500 + Math.floor(random.unit() * 5) },
        ] as const;
      }),
    ).values(),
  ];
  const bytes = mmdb(
    entries.map((entry) => [
      cidr(entry),
      {
        country: { iso_code: entry.country },
        ...(entry.subdivision === '' ? {} : { subdivisions: [{ iso_code: entry.subdivision }] }),
        autonomous_system_number: entry.asn,
      },
    ]),
  );
  const shared = new SharedArrayBuffer(bytes.length);
  Buffer.from(shared).set(bytes);
  const database = GeoDatabase.open([{ path: 'test', bytes: shared }]);
  assert.ok(database.ok);
  const taken = new Set<string>();
  const networks: (Network & { member: string })[] = [];
  const members = ['a', 'b', 'c', 'order', 'chance', 'inner'];
  const areas = members.map((member) => {
    const list: Area[] = [];
    for (let i = 0; i < 4; i++) {
      const area = randomArea(random);
      const key = JSON.stringify(area);
      if (taken.has(key)) continue;
      taken.add(key);
      list.push(area);
    }
    for (let i = 0; i < 3; i++) {
      const network = randomNetwork(random);
      if (taken.has(cidr(network))) continue;
      taken.add(cidr(network));
      networks.push({ ...network, member });
      list.push(networkArea(network));
    }
    return [member, list] as const;
  });
  const inside = [randomArea(random), ...Array.from({ length: 12 }, () => networkArea(randomNetwork(random)))];
  const policies: Record<string, PolicyConfig> = {
    www: { kind: 'geo', default: random.unit() < 0.5 ? 'd' : undefined, areas },
    order: { kind: 'failover', order: ['inner', 'e'] },
    chance: {
      kind: 'weighted',
      weights: [
        ['f', 1],
        ['inner', 2],
      ],
    },
    inner: {
      kind: 'geo',
      default: undefined,
      areas: [['g', inside]],
    },
  };
  const steering = new SteeringWorld(policies, seed);
  for (const site of ['a', 'b', 'c', 'd', 'e', 'f', 'g']) if (random.unit() < 0.25) steering.down(site);
  return { database: database.value, entries, steering, areas, networks };
}

const networkArea = (network: Network): Area => ({ kind: 'network', cidr: cidr(network) });

function randomArea(random: Random): Area {
  const what = random.unit();
  const country = pick(CODES, random);
  if (what < 0.2) return { kind: 'continent', code: COUNTRIES.get(country)![0] };
  if (what < 0.6) return { kind: 'country', code: country };
  if (what < 0.8) return { kind: 'subdivision', country, code: pick(['CA', 'NY', 'BY'], random) };
  return { kind: 'asn', asn: 64_500 + Math.floor(random.unit() * 5) };
}

const wanted = process.env.EVENKEEL_SEED;
const SEEDS = wanted === undefined ? Array.from({ length: 60 }, (_, i) => i + 1) : [Number(wanted)];

test('decisions are those of the database and of the networks, from the smallest area to the largest', () => {
  let decided = 0;
  for (const seed of SEEDS) {
    const { database, entries, steering, areas, networks } = randomWorld(seed);
    const random = seededRandom(seed + 1000);
    for (let i = 0; i < 100; i++) {
      const bytes = randomBytes(random.unit() < 0.5 ? 4 : 16, random);
      const address = text(bytes);
      const [entry] = longest(entries, bytes);
      const facts = database.find(address);
      assert.deepEqual(
        [facts.country, facts.subdivision, facts.asn],
        entry === undefined ? ['', '', 0] : [entry.country, entry.subdivision, entry.asn],
        `seed ${seed}: ${address}`,
      );
      const is = (area: Area): number => {
        if (entry === undefined || area.kind === 'network') return -1;
        if (area.kind === 'asn') return area.asn === entry.asn ? 3 : -1;
        if (area.kind === 'continent') return area.code === COUNTRIES.get(entry.country)![0] ? 0 : -1;
        if (area.kind === 'country') return area.code === entry.country ? 1 : -1;
        return area.country === entry.country && area.code === entry.subdivision ? 2 : -1;
      };
      const near = longest(networks, bytes).map(({ member }) => member);
      const byPlace = areas
        .flatMap(([member, list]) => list.map((area) => ({ member, rank: is(area) })))
        .filter(({ rank }) => rank >= 0)
        .sort((a, b) => b.rank - a.rank)
        .map(({ member }) => member);
      const { sites, why } = steering.ask('www', { address, facts });
      const order = [...near, ...byPlace];
      // Plain sites are decided by the order alone; policies have a say of their own.
      const first = order.findIndex((member) => !steering.sites.has(member) || steering.site(member).up);
      if (first < 0 || !/^[abc]$/.test(order[first])) continue;
      decided++;
      assert.deepEqual(sites, [order[first]], `seed ${seed}: ${address}: ${why.join()}`);
    }
  }
  assert.ok(wanted !== undefined || decided > 300, `only ${decided}`);
});

test('clients that share the bits of the scope get the same answer', () => {
  let narrowed = 0;
  for (const seed of SEEDS) {
    const { database, steering } = randomWorld(seed);
    const random = seededRandom(seed + 2000);
    for (let i = 0; i < 150; i++) {
      const bytes = randomBytes(random.unit() < 0.5 ? 4 : 16, random);
      const ask = (client: Uint8Array) => {
        const address = text(client);
        // The same chance for both: what differs then is the client.
        return steering.ask('www', { address, facts: database.find(address), random: seededRandom(seed + i) });
      };
      const { sites, scope } = ask(bytes);
      if (sites.length === 0) continue;
      assert.ok(scope >= 0 && scope <= bytes.length * 8);
      if (scope < bytes.length * 8) narrowed++;
      for (let neighbour = 0; neighbour < 8; neighbour++) {
        const other = Uint8Array.from(bytes);
        for (let bit = scope; bit < bytes.length * 8; bit++)
          if (random.unit() < 0.5) other[bit >> 3] ^= 0x80 >> (bit & 7);
        assert.deepEqual(
          ask(other).sites,
          sites,
          `seed ${seed}: ${text(bytes)} and ${text(other)} share ${scope} bits`,
        );
      }
    }
  }
  assert.ok(wanted !== undefined || narrowed > 1000, `only ${narrowed}`);
});

test('the same holds for measurements, and for what is used where there are none', () => {
  const places = [
    ['london', 51.5, -0.1],
    ['tokyo', 35.7, 139.7],
    ['rio', -22.9, -43.2],
  ] as const;
  for (const seed of SEEDS) {
    const { database } = randomWorld(seed);
    const random = seededRandom(seed + 3000);
    const steering = new SteeringWorld({
      fast: { kind: 'failover', order: ['measured', 'rio'] },
      measured: { kind: 'latency', members: ['london', 'tokyo'], default: seed % 2 === 0 ? 'rio' : 'chance' },
      chance: { kind: 'geo', default: undefined, areas: [['x', [{ kind: 'asn', asn: 64_501 }]]] },
    });
    for (const [name, latitude, longitude] of places) steering.place(name, latitude, longitude);
    if (seed % 3 === 0) steering.down('london');
    if (seed % 5 === 0) steering.down('tokyo');
    const latency = new MeasuredLatency();
    for (let i = 0; i < 200; i++) {
      const address = text(randomBytes(random.unit() < 0.5 ? 4 : 16, random));
      latency.report(address, pick(['london', 'tokyo'], random), random.unit() * 200, 0);
    }
    for (let i = 0; i < 60; i++) {
      const bytes = randomBytes(random.unit() < 0.5 ? 4 : 16, random);
      const ask = (client: Uint8Array) => {
        const address = text(client);
        return steering.ask('fast', { address, facts: database.find(address), latency, now: 1 });
      };
      const { sites, scope } = ask(bytes);
      for (let neighbour = 0; neighbour < 8; neighbour++) {
        const other = Uint8Array.from(bytes);
        for (let bit = Math.max(0, scope); bit < bytes.length * 8; bit++)
          if (random.unit() < 0.5) other[bit >> 3] ^= 0x80 >> (bit & 7);
        assert.deepEqual(
          ask(other).sites,
          sites,
          `seed ${seed}: ${text(bytes)} and ${text(other)} share ${scope} bits`,
        );
      }
    }
  }
});

test('with the embedded database, every client goes where the database says that it is', async () => {
  const files = await readGeoFiles({ database: 'embedded', asn: '' });
  assert.ok(files.ok);
  const opened = GeoDatabase.open(files.value);
  assert.ok(opened.ok);
  const reader = new Reader<Response>(Buffer.from(files.value[0].bytes));
  const steering = new SteeringWorld({
    www: {
      kind: 'geo',
      default: 'elsewhere',
      areas: [
        ['canada', [{ kind: 'country', code: 'CA' }]],
        ...['AF', 'AN', 'AS', 'EU', 'NA', 'OC', 'SA'].map(
          (code) => [code, [{ kind: 'continent' as const, code }]] as const,
        ),
      ],
    },
  });
  const random = seededRandom(11);
  const seen = new Set<string>();
  for (let i = 0; i < 20_000; i++) {
    const bytes = Uint8Array.from({ length: i % 4 === 0 ? 16 : 4 }, () => Math.floor(random.unit() * 256));
    if (bytes.length === 16) bytes.set([0x2a, Math.floor(random.unit() * 8)]);
    const address = text(bytes);
    const country = (reader.get(address) as { country_code?: string } | null)?.country_code ?? '';
    const continent = COUNTRIES.get(country)?.[0] ?? '';
    const place = country === 'CA' ? 'canada' : continent === '' ? 'elsewhere' : continent;
    const { sites } = steering.ask('www', { address, facts: opened.value.find(address) });
    assert.deepEqual(sites, [place], address);
    seen.add(place);
  }
  for (const place of ['canada', 'elsewhere', 'EU', 'NA', 'AS', 'SA', 'AF', 'OC']) assert.ok(seen.has(place), place);
});
