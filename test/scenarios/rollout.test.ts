// Rollouts and percentages with real processes: a canary that starts failing is rolled back by itself; weights set at runtime
// reach all workers and survive reloads; predicates of a TypeScript configuration run in every worker.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { compile } from '../../src/config/compile.ts';
import { createLog } from '../../src/observe/log.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const agent = new Agent({ keepAlive: true });
/** What the new version answers. */
let canaryStatus = 200;
let canaryDelayMs = 0;
const servers: Server[] = [];
const [stable, canary] = [serve('stable'), serve('canary')];

function serve(name: string): Server {
  const server = createServer((_request, response) => {
    const isCanary = name === 'canary';
    response.statusCode = isCanary ? canaryStatus : 200;
    setTimeout(() => response.end(name), isCanary ? canaryDelayMs : 0);
  });
  servers.push(server);
  return server;
}

before(async () => {
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening');
});

after(() => {
  agent.destroy();
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

const portOf = (server: Server): number => (server.address() as AddressInfo).port;
let client = 0;

/** As another client each time; which version answered, and how. */
function ask(port: number, headers: Record<string, string> = {}): Promise<string> {
  client++;
  const address = `10.${(client >> 16) & 255}.${(client >> 8) & 255}.${client & 255}`;
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', agent, headers: { 'x-forwarded-for': address, ...headers } }, (response) => {
      response.setEncoding('latin1');
      let body = '';
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve(`${body} ${response.statusCode}`));
    }).on('error', reject);
  });
}

async function answers(port: number, count: number): Promise<Map<string, number>> {
  const seen = new Map<string, number>();
  for (let i = 0; i < count; i += 20) {
    const some = await Promise.all(Array.from({ length: 20 }, () => ask(port)));
    for (const one of some) seen.set(one, (seen.get(one) ?? 0) + 1);
  }
  return seen;
}

const variants = { stable: { pool: 'stable', weight: 1 }, canary: { pool: 'canary', weight: 0 } };
const document = (port: number, adminPort: number, rollout: object, extra: object = {}): object => ({
  workers: 2,
  trustedProxies: ['127.0.0.0/8'],
  listeners: { web: { bind: `127.0.0.1:${port}`, routes: [{ name: 'shop', split: { variants, rollout } }] } },
  pools: {
    stable: { endpoints: [`127.0.0.1:${portOf(stable)}`] },
    canary: { endpoints: [`127.0.0.1:${portOf(canary)}`], passive: false, ...extra },
  },
  admin: { bind: `127.0.0.1:${adminPort}` },
});

/** Under a load that goes on, until it is so. */
async function until(balancer: BalancerProcess, port: number, isSo: (phase: string, step: number) => boolean) {
  const end = performance.now() + 20_000;
  for (;;) {
    await answers(port, 40);
    const { rollout } = (await balancer.status()).splits[0];
    if (isSo(rollout!.phase, rollout!.step)) return rollout!;
    assert.ok(performance.now() < end, `${JSON.stringify(rollout)}\n${balancer.output}`);
  }
}

test('a canary that starts failing is rolled back by itself, and a reload does not bring it back', async (t) => {
  canaryStatus = 200;
  const [port, adminPort] = await freePorts(2);
  const rollout = {
    to: 'canary',
    steps: ['20%', '60%', '100%'],
    every: '500ms',
    halt: { minRequests: 30, latency: 'off' },
  };
  const balancer = await BalancerProcess.start(document(port, adminPort, rollout), { adminPort });
  t.after(() => balancer.stop());
  await until(balancer, port, (_, step) => step === 1);
  assert.ok(((await answers(port, 400)).get('canary 200') ?? 0) > 100, 'it grew while it was well');
  canaryStatus = 500;
  const { phase, reason } = await until(balancer, port, (now) => now !== 'running');
  assert.equal(phase, 'halted');
  assert.match(reason, /of its answers are errors/);
  await balancer.said(/rollout web\/shop: \\?"canary\\?" was taken back to 0 %: [\d.]+ % of its answers are errors/);
  assert.deepEqual([...(await answers(port, 400)).keys()], ['stable 200'], 'nobody gets it any more');
  const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  assert.match(metrics, /evenkeel_rollout_halts_total\{split="web\/shop"\} 1\n/);
  assert.match(metrics, /evenkeel_rollout_state\{split="web\/shop",state="halted"\} 1\n/);
  assert.match(metrics, /evenkeel_variant_share\{split="web\/shop",variant="canary"\} 0\n/);
  canaryStatus = 200;
  const from = balancer.output.length;
  balancer.write(document(port, adminPort, rollout, { slowStart: '1s' }));
  balancer.child.kill('SIGHUP');
  await balancer.said(/reloaded/, { from });
  assert.deepEqual([...(await answers(port, 200)).keys()], ['stable 200'], 'another setting is no new rollout');
});

test('a good canary gets everybody in the end; a slow one does not', async (t) => {
  canaryStatus = 200;
  const [port, adminPort] = await freePorts(2);
  const rollout = { to: 'canary', steps: ['50%', '100%'], every: '300ms', halt: { minRequests: 30, latency: 'off' } };
  const balancer = await BalancerProcess.start(document(port, adminPort, rollout), { adminPort });
  t.after(() => balancer.stop());
  await until(balancer, port, (phase) => phase === 'done');
  assert.deepEqual([...(await answers(port, 100)).keys()], ['canary 200']);
  canaryDelayMs = 150;
  t.after(() => {
    canaryDelayMs = 0;
  });
  const from = balancer.output.length;
  balancer.write(document(port, adminPort, { ...rollout, halt: { minRequests: 30, latency: 2 } }));
  balancer.child.kill('SIGHUP');
  await balancer.said(/reloaded/, { from });
  const { reason } = await until(balancer, port, (phase) => phase === 'halted');
  assert.match(reason, /^its 95th percentile is \d+ ms, the others' \d+ ms$/);
});

test('weights that are set while it runs reach every worker at once, and hold over reloads', async (t) => {
  canaryStatus = 200;
  const env = realEnv();
  const log = createLog({ write: () => undefined, human: false, epoch: env.clock.epoch });
  const runtime = new Runtime({ env, log, workers: 2, version: 'test' });
  t.after(() => runtime.stop());
  const config = (zone: string, weight = 1) => {
    const split = { variants: { ...variants, stable: { ...variants.stable, weight } } };
    const [port] = ports;
    const given = { ...document(port, 0, {}), admin: false, zone } as Record<string, unknown>;
    given.listeners = { web: { bind: `127.0.0.1:${port}`, routes: [{ name: 'shop', split }] } };
    const compiled = compile(given);
    assert.ok(compiled.ok, JSON.stringify(compiled));
    return compiled.value;
  };
  const ports = await freePorts(1);
  const apply = async (zone: string, weight?: number): Promise<void> => {
    const applied = await runtime.apply(config(zone, weight));
    assert.ok(applied.ok, JSON.stringify(applied));
  };
  await apply('a');
  assert.deepEqual([...(await answers(ports[0], 100)).keys()], ['stable 200']);
  assert.ok((await runtime.operations.setSplit('web/shop', { canary: 1 }, 'test')).ok);
  await wait(20);
  assert.deepEqual([...(await answers(ports[0], 100)).keys()], ['canary 200']);
  await apply('b');
  assert.deepEqual([...(await answers(ports[0], 100)).keys()], ['canary 200'], 'a reload that says nothing of it');
  await apply('b', 2);
  await wait(20);
  assert.deepEqual([...(await answers(ports[0], 100)).keys()], ['stable 200'], 'a reload with other weights');
  assert.deepEqual(await runtime.operations.setSplit('web/none', {}, ''), {
    ok: false,
    error: [{ path: [], message: 'there is no split "web/none"' }],
  });
});

test('predicates run in every worker; one that throws is contained, counted, and told once a worker', async (t) => {
  const [port, adminPort] = await freePorts(2);
  const base = document(port, adminPort, {}) as { pools: object };
  const program = `
    export default {
      workers: 2,
      trustedProxies: ['127.0.0.0/8'],
      admin: { bind: '127.0.0.1:${adminPort}' },
      predicates: { beta: (request) => request.header('x-plan') === 'beta' && request.cookie('opt') !== 'out' },
      listeners: { web: { bind: '127.0.0.1:${port}', routes: [
        { path: '/', method: 'GET', query: { boom: false }, header: { 'x-boom': true }, when: () => { throw new Error('no such thing'); }, pool: 'canary' },
        { when: 'beta', pool: 'canary' },
        { pool: 'stable' },
      ] } },
      pools: ${JSON.stringify(base.pools)},
    };`;
  canaryStatus = 200;
  const balancer = await BalancerProcess.start(program, { adminPort, name: 'evenkeel.config.ts' });
  t.after(() => balancer.stop());
  for (let i = 0; i < 20; i++) {
    assert.equal(await ask(port, { connection: 'close', 'x-plan': 'beta' }), 'canary 200');
    assert.equal(await ask(port, { connection: 'close', 'x-plan': 'beta', cookie: 'opt=out' }), 'stable 200');
    assert.equal(await ask(port, { connection: 'close', 'x-boom': '1' }), 'stable 200');
  }
  await balancer.said(/the predicate web\[0\] throws, and counts as not matching: no such thing/);
  assert.ok(balancer.output.match(/the predicate web\[0\] throws/g)!.length <= 2);
  const metrics = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const thrown = [...metrics.matchAll(/evenkeel_predicate_errors_total\{worker="\d"\} (\d+)/g)].map(([, n]) =>
    Number(n),
  );
  assert.equal(
    thrown.reduce((all, one) => all + one, 0),
    20,
  );
});
