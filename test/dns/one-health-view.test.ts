// The reason for all of this: DNS and the proxies read one health view, so a verdict changes both in the same tick.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../src/config/compile.ts';
import { KeyedTable } from '../../src/core/keyed-table.ts';
import { LoadTable } from '../../src/core/load-table.ts';
import type { DnsHandler } from '../../src/dns/context.ts';
import { Answerer } from '../../src/dns/engine/answerer.ts';
import { SLACK } from '../../src/dns/wire/writer.ts';
import { HealthTable } from '../../src/health/table.ts';
import { SlotRegistry } from '../../src/pool/registry.ts';
import { LiveWeights } from '../../src/routing/split.ts';
import { assignSlots, healthSets, siteId } from '../../src/runtime/health-sets.ts';
import { type Blueprint, buildSnapshot } from '../../src/runtime/snapshot.ts';
import { NO_TLS } from '../../src/runtime/tls-keeper.ts';
import { readZones } from '../../src/runtime/zones.ts';
import { NO_MEASUREMENTS, NOWHERE } from '../../src/steering/unknown.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { KnownStaples } from '../../src/tls/staples.ts';

const DOCUMENT = {
  listeners: { web: { bind: '127.0.0.1:8080', pool: 'eu-web' } },
  pools: {
    'eu-web': {
      endpoints: ['10.0.0.1:80', '10.0.0.2:80'],
      health: { tcp: true, fall: 3, interval: '5s', pendingInterval: '1s' },
    },
    'us-web': { endpoints: ['10.1.0.1:80'] },
  },
  sites: {
    eu: { addresses: ['203.0.113.1', '2001:db8::1'], pool: 'eu-web' },
    us: { addresses: '203.0.113.2', pool: 'us-web' },
  },
  dns: {
    bind: '127.0.0.1:0',
    zones: {
      'example.com': {
        records: {
          www: { ttl: 60, steer: { kind: 'failover', order: ['eu', 'us'] } },
          direct: { ttl: 60, steer: 'eu-web', rotate: 'fixed' },
          closed: { ttl: 60, steer: 'eu', allDown: 'closed' },
          open: { ttl: 60, steer: 'eu' },
        },
      },
    },
  },
};

/** A query for the A (or AAAA) records of a name in example.com. */
function query(name: string, type = 1): Buffer {
  const labels = [...name.split('.'), 'example', 'com'].flatMap((label) => [label.length, ...Buffer.from(label)]);
  return Buffer.from([0, 7, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...labels, 0, 0, type, 0, 1]);
}

async function setup() {
  const compiled = compile(DOCUMENT);
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const config = compiled.value;
  const clock = fakeClock();
  const load = LoadTable.local(16);
  const registry = new SlotRegistry(load);
  const slots = assignSlots(registry, config);
  const dns = await readZones(config.dns, '.', 0);
  assert.ok(slots.ok && dns.ok);
  const blueprint: Blueprint = {
    version: 1,
    config,
    ...slots.value,
    dns: dns.value,
    geo: [],
    tls: NO_TLS,
    listenerSlots: {},
    variantSlots: {},
    sockets: {},
    kernel: [],
    affinityKeys: {},
    kindsFile: '',
  };
  const health = new HealthTable({ load, clock });
  for (const set of healthSets(blueprint, config.pools)) health.setPool(set, { initial: true });
  const random = seededRandom(3);
  const snapshot = buildSnapshot(blueprint, {
    env: { clock, random, load },
    pins: KeyedTable.local(),
    kinds: [],
    onSignal: () => undefined,
    staples: new KnownStaples(),
    policy: undefined,
    routing: { predicates: new Map(), place: () => NOWHERE, onThrow: () => undefined, live: new LiveWeights() },
    previous: undefined,
  });
  const handler = snapshot.handlers.get('dns@127.0.0.1:0') as DnsHandler;
  const tools = {
    random,
    now: () => clock.now(),
    epochSeconds: () => 0,
    latency: NO_MEASUREMENTS,
    geo: () => NOWHERE,
    external: undefined,
  };
  const answerer = new Answerer(handler, tools);
  const out = Buffer.alloc(65_535 + SLACK);
  /** Addresses and TTL of an answer; everything happens before this returns. */
  const ask = (name: string): { addresses: string[]; ttl: number } => {
    const packet = query(name);
    const length = answerer.answer(packet, packet.length, { address: '192.0.2.9', transport: 'udp' }, out, 0);
    const count = out.readUInt16BE(6);
    const addresses: string[] = [];
    let ttl = -1;
    let at = packet.length;
    for (let i = 0; i < count; i++) {
      // A compressed name, type, class, TTL, length, address.
      ttl = out.readUInt32BE(at + 6);
      addresses.push([...out.subarray(at + 12, at + 16)].join('.'));
      at += 16;
    }
    assert.ok(at <= length);
    return { addresses, ttl };
  };
  const pick = (pool: string): string => {
    const lease = snapshot.pools.get(pool)!.pool.acquire({ key: '', tried: [] });
    if (lease.refused) return lease.code;
    lease.settle({ kind: 'cancelled' });
    return lease.endpoint.id;
  };
  const fail = (id: string, times = 3): void => {
    for (let i = 0; i < times; i++) health.probeResult(id, { ok: false, tookMs: 1, evidence: 'refused' });
  };
  const pass = (id: string, times = 2): void => {
    for (let i = 0; i < times; i++) health.probeResult(id, { ok: true, tookMs: 1, evidence: 'open' });
  };
  pass('eu-web/10.0.0.1:80');
  pass('eu-web/10.0.0.2:80');
  return { ask, pick, fail, pass, health };
}

test('killing a site takes it from the proxies and from the answers in the same tick, and it comes back in one', async () => {
  const { ask, pick, fail, pass } = await setup();
  assert.deepEqual(ask('www'), { addresses: ['203.0.113.1'], ttl: 60 });
  assert.deepEqual(ask('direct').addresses, ['10.0.0.1', '10.0.0.2']);
  fail('eu-web/10.0.0.1:80');
  assert.equal(pick('eu-web'), 'eu-web/10.0.0.2:80');
  assert.deepEqual(ask('direct').addresses, ['10.0.0.2']);
  assert.deepEqual(ask('www').addresses, ['203.0.113.1'], 'the site has somebody left');
  fail('eu-web/10.0.0.2:80');
  assert.equal(pick('eu-web'), 'pool-down');
  assert.deepEqual(ask('www').addresses, ['203.0.113.2']);
  assert.deepEqual(ask('closed').addresses, []);
  assert.deepEqual(ask('open').addresses, ['203.0.113.1'], 'all down answers as if nothing were');
  pass('eu-web/10.0.0.2:80');
  assert.equal(pick('eu-web'), 'eu-web/10.0.0.2:80');
  assert.deepEqual(ask('www').addresses, ['203.0.113.1']);
});

test('answers live shorter while a verdict may change', async () => {
  const { ask, fail, pass } = await setup();
  assert.equal(ask('direct').ttl, 60);
  fail('eu-web/10.0.0.1:80', 1);
  assert.equal(ask('direct').ttl, 1);
  assert.equal(ask('www').ttl, 1);
  pass('eu-web/10.0.0.1:80', 1);
  assert.equal(ask('direct').ttl, 60);
});

test("an operator's word about a site moves its answers, and leaves its pool alone", async () => {
  const { ask, pick, health } = await setup();
  assert.ok(health.override(siteId('eu'), 'drain', 'maintenance of the hall').ok);
  assert.deepEqual(ask('www').addresses, ['203.0.113.2']);
  assert.match(pick('eu-web'), /^eu-web\//);
  assert.ok(health.override(siteId('eu'), 'ready', 'done').ok);
  assert.deepEqual(ask('www').addresses, ['203.0.113.1']);
});
