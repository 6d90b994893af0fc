// A backend dies under load and comes back: what clients notice (nothing), and how fast the balancer does.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { startLoad } from '../../src/testing/load.ts';
import { type NginxBackend, nginxBackend } from '../../src/testing/nginx.ts';
import { needs } from '../../src/testing/programs.ts';

const INTERVAL_MS = 300;
const RISE = 2;
const FALL = 3;
const TIMEOUT_MS = 500;

const skip = needs('nginx');
let backends: NginxBackend[] = [];
let balancer: BalancerProcess;
let port = 0;

before(async () => {
  if (skip !== false) return;
  const [web, admin, ...rest] = await freePorts(5);
  port = web;
  backends = await Promise.all(rest.map((free) => nginxBackend(free)));
  balancer = await BalancerProcess.start(
    {
      workers: 2,
      listeners: { web: { bind: `127.0.0.1:${web}`, pool: 'web' } },
      pools: {
        web: {
          endpoints: rest.map((free) => `127.0.0.1:${free}`),
          health: {
            http: '/',
            interval: `${INTERVAL_MS}ms`,
            pendingInterval: `${INTERVAL_MS}ms`,
            timeout: `${TIMEOUT_MS}ms`,
            rise: RISE,
            fall: FALL,
            jitter: 0,
          },
        },
      },
      admin: { bind: `127.0.0.1:${admin}` },
    },
    { adminPort: admin },
  );
});

after(async () => {
  await balancer?.stop();
  await Promise.all(backends.map((backend) => backend.stop()));
});

const stateOf = async (index: number): Promise<string> => (await balancer.status()).pools[0].endpoints[index].state;

/** How long until the endpoint's state is one of `wanted`, in ms. */
async function until(index: number, wanted: readonly string[], withinMs: number): Promise<number> {
  const began = performance.now();
  while (!wanted.includes(await stateOf(index))) {
    const waited = performance.now() - began;
    assert.ok(
      waited < withinMs,
      `still ${await stateOf(index)} after ${waited.toFixed(0)} ms, wanted ${wanted.join(' or ')}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - began;
}

test('kill -9 of one of three backends loses no request, and it is out and back in time', { skip }, async () => {
  await until(0, ['up'], 5000);
  const load = startLoad(port, { clients: 16, mostMs: 15_000 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await backends[0].kill();
  // Traffic may notice before the probes do; the probes must in any case.
  const slack = 400;
  await until(0, ['down', 'ejected'], FALL * INTERVAL_MS + slack);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const quiet = load.bodies.get(`${backends[0].port}\n`) ?? 0;
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(load.bodies.get(`${backends[0].port}\n`) ?? 0, quiet, 'a dead backend answers nothing');
  await until(0, ['down'], FALL * INTERVAL_MS + slack);
  await backends[0].start();
  await until(0, ['up', 'trial'], RISE * INTERVAL_MS + slack);
  await until(0, ['up'], 1000);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { outcomes, answered, bodies } = await load.stop();
  assert.deepEqual([...outcomes.keys()], ['200'], `every request was answered: ${JSON.stringify([...outcomes])}`);
  assert.ok(answered > 500, `${answered} requests`);
  assert.ok(bodies.get(`${backends[0].port}\n`)! > quiet, 'the revived backend takes traffic again');
});

test('with every backend dead clients get a 503 that says so, and service comes back by itself', { skip }, async () => {
  await Promise.all(backends.map((backend) => backend.kill()));
  for (const index of backends.keys()) await until(index, ['down'], 5000);
  const response = await fetch(`http://127.0.0.1:${port}/`);
  assert.equal(response.status, 503);
  assert.ok(Number(response.headers.get('retry-after')) > 0);
  assert.match(await response.text(), /Every endpoint of the pool is down/);
  await Promise.all(backends.map((backend) => backend.start()));
  for (const index of backends.keys()) await until(index, ['up', 'trial'], 5000);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});
