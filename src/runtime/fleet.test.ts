import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import { D } from '../core/counters.ts';
import { ok } from '../core/result.ts';
import { SlotRegistry } from '../pool/registry.ts';
import { askUdp, decode, question } from '../testing/dns-scenario.ts';
import { freePorts } from '../testing/free-port.ts';
import type { Facts } from './facts.ts';
import { Fleet } from './fleet.ts';
import { assignSlots } from './health-sets.ts';
import { realEnv } from './real-env.ts';
import { countersOf, createSharedMemory, loadTableOf } from './shared-memory.ts';
import type { Blueprint } from './snapshot.ts';
import { NO_TLS } from './tls-keeper.ts';
import { readZones } from './zones.ts';

test('workers answer by what they are told, and one that is replaced is told all of it', async (t) => {
  const [port] = await freePorts(1);
  const records = { a: { ALIAS: 'a.example.net.' }, b: { ALIAS: 'b.example.net.' } };
  const compiled = compile({ dns: { bind: `127.0.0.1:${port}`, zones: { 'example.com': { records } } } });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const config = compiled.value;
  const env = realEnv();
  const memory = createSharedMemory(2);
  const slots = assignSlots(new SlotRegistry(loadTableOf(memory, 0)), config);
  const dns = await readZones(config.dns, '.', 0);
  assert.ok(slots.ok && dns.ok);
  const blueprint: Blueprint = {
    version: 1,
    config,
    ...slots.value,
    dns: dns.value,
    geo: [],
    tls: NO_TLS,
    listenerSlots: { [`dns@127.0.0.1:${port}`]: 0 },
    variantSlots: {},
    sockets: {},
    kernel: [],
    affinityKeys: {},
    kindsFile: '',
  };
  const until = env.clock.now() + 3_600_000;
  const known = (name: string, address: string): Facts => ({
    names: [{ name, family: 4, addresses: [address], freshUntil: until, keptUntil: until }],
  });
  const silent = { info() {}, warn() {}, error() {} };
  const fleet = new Fleet({
    env,
    log: silent,
    memory,
    onSignal() {},
    onSpans() {},
    current: () => blueprint,
    facts: () => known('a.example.net.', '192.0.2.1'),
    inTurn: (work) => work(),
  });
  t.after(() => fleet.close());
  await fleet.learn(known('b.example.net.', '192.0.2.2'));
  assert.deepEqual(await fleet.prepare(blueprint), ok(undefined));
  await fleet.commit();
  const ask = async (name: string): Promise<unknown> => {
    const answer = await askUdp(port, question(`${name}.example.com`, 'A'));
    const { answers } = decode(answer);
    return (answers as { data?: string }[])[0]?.data;
  };
  const counted = (worker: number): number => countersOf(memory, worker).readDns(D.udp);
  /** What both workers answer: each question has a port of its own, by which the kernel chooses. */
  const all = async (name: string): Promise<ReadonlySet<unknown>> => {
    const before = [counted(0), counted(1)];
    const began = performance.now();
    const seen = new Set<unknown>();
    while (counted(0) === before[0] || counted(1) === before[1]) {
      assert.ok(performance.now() - began < 20_000, 'one of them never answers');
      seen.add(await ask(name).catch(() => 'nobody'));
    }
    return seen;
  };
  assert.deepEqual([await all('a'), await all('b')], [new Set([undefined]), new Set(['192.0.2.2'])]);
  await Promise.all([fleet.kill(0), fleet.kill(1)]);
  await all('a');
  assert.deepEqual(fleet.restarts, [1, 1]);
  assert.deepEqual([await all('a'), await all('b')], [new Set(['192.0.2.1']), new Set([undefined])]);
});
