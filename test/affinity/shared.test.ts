// Sessions in a real Redis that two balancers share: each knows where the other put them, over restarts of either; and when Redis
// is gone, or hangs, traffic goes on with what each knows itself, visibly, and Redis is used again when it is back.

import assert from 'node:assert/strict';
import { createServer, type Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { type Database, redisServer, redisServerAt } from '../../src/testing/databases.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { findProgram } from '../../src/testing/programs.ts';

const servers: HttpServer[] = [];
const hasRedis = findProgram('redis-server') !== undefined;

before(async () => {
  assert.ok(hasRedis, 'redis-server is needed');
  for (let i = 0; i < 4; i++) {
    const server = createServer((_request, response) => {
      response.setHeader('Set-Cookie', 'sid=not-this-one');
      response.end(String(i));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
  }
});

after(() => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

interface Balancer {
  readonly process: BalancerProcess;
  readonly port: number;
  ask(user: string): Promise<string>;
  metric(name: string): Promise<number>;
}

async function balancer(
  t: TestContext,
  redis: number,
  affinity: object = {},
  workers = 1,
  connects = true,
): Promise<Balancer> {
  const [port, adminPort] = await freePorts(2);
  const store = { redis: `redis://127.0.0.1:${redis}`, timeout: '100ms' };
  const process = await BalancerProcess.start(
    {
      workers,
      listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web' } },
      pools: {
        web: {
          balance: 'random',
          health: false,
          endpoints: servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`),
          affinity: { by: 'header:x-user', store, ...affinity },
        },
      },
      admin: { bind: `127.0.0.1:${adminPort}` },
    },
    { adminPort },
  );
  t.after(() => process.stop('SIGKILL'));
  const metric = async (name: string): Promise<number> => {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    return Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${name} `))
        ?.split(' ')[1] ?? Number.NaN,
    );
  };
  const until = performance.now() + 5000;
  while (connects && (await metric(UP)) !== workers && performance.now() < until) await wait(20);
  return {
    process,
    port,
    metric,
    async ask(user) {
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-user': user } });
      assert.equal(response.status, 200);
      return response.text();
    },
  };
}

const UP = 'evenkeel_store_connections{state="up"}';
const DOWN = 'evenkeel_store_connections{state="down"}';
const FAILED = 'evenkeel_affinity_store_lookups_total{pool="web",result="failed"}';

async function placesOf(one: Balancer, users: readonly string[]): Promise<string[]> {
  const places: string[] = [];
  for (const user of users) places.push(await one.ask(user));
  return places;
}

const USERS = Array.from({ length: 24 }, (_, i) => `user-${i}`);

async function startRedis(t: TestContext, port?: number): Promise<Database> {
  const redis = port === undefined ? await redisServer() : await redisServerAt(port);
  t.after(() => redis.stop());
  return redis;
}

test('two balancers put a user at the same endpoint, and so does one that is started again', async (t) => {
  const redis = await startRedis(t);
  const [a, b] = await Promise.all([balancer(t, redis.port), balancer(t, redis.port, {}, 2)]);
  const places = await placesOf(a, USERS);
  assert.ok(new Set(places).size > 1);
  assert.deepEqual(await placesOf(b, USERS), places);
  await a.process.stop('SIGKILL');
  const again = await balancer(t, redis.port);
  assert.deepEqual(await placesOf(again, USERS), places);
});

test('what a client is known by is nowhere to be read in Redis, and keys end with the sessions', async (t) => {
  const redis = await startRedis(t);
  const one = await balancer(t, redis.port, { ttl: '90s' });
  await placesOf(one, ['a-secret-api-key']);
  await wait(50);
  const { createClient } = await import('@redis/client');
  const client = createClient({ url: `redis://127.0.0.1:${redis.port}` });
  client.on('error', () => undefined);
  await client.connect();
  const keys = await client.keys('*');
  const ttl = await client.pTTL(keys[0]);
  client.destroy();
  assert.equal(keys.length, 1);
  assert.match(keys[0], /^evenkeel:affinity:web:[\w-]{43}$/);
  assert.ok(ttl > 80_000 && ttl <= 90_000, String(ttl));
});

test('Redis gone: sessions stay where they are known, at once and visibly; back again: it is used again', async (t) => {
  const redis = await startRedis(t);
  const [a, b] = await Promise.all([balancer(t, redis.port), balancer(t, redis.port)]);
  const places = await placesOf(a, USERS);
  await redis.stop();
  await a.process.said(/shared store does not answer/);
  assert.equal(await a.metric(DOWN), 1);
  const began = performance.now();
  assert.deepEqual(await placesOf(a, USERS), places, 'by its own table');
  await placesOf(b, USERS);
  const each = (performance.now() - began) / (2 * USERS.length);
  assert.ok(each < 50, `nobody waits for what is gone: ${each} ms`);
  assert.ok((await b.metric(FAILED)) >= USERS.length);
  await startRedis(t, redis.port);
  await a.process.said(/shared store answers again/);
  await b.process.said(/shared store answers again/);
  assert.equal(await a.metric(UP), 1);
  const fresh = USERS.map((user) => `fresh-${user}`);
  assert.deepEqual(await placesOf(b, fresh), await placesOf(a, fresh));
});

test('Redis hangs: a few requests wait their deadline, the others not at all', async (t) => {
  const redis = await startRedis(t);
  const one = await balancer(t, redis.port);
  await placesOf(one, USERS);
  redis.child.kill('SIGSTOP');
  t.after(() => redis.child.kill('SIGCONT'));
  const began = performance.now();
  await placesOf(
    one,
    USERS.map((user) => `other-${user}`),
  );
  const took = performance.now() - began;
  assert.ok(took < 1500, `${took} ms for ${USERS.length} requests`);
  assert.equal(await one.metric(DOWN), 1);
  redis.child.kill('SIGCONT');
  const until = performance.now() + 5000;
  for (let i = 0; (await one.metric(UP)) !== 1; i++) {
    assert.ok(performance.now() < until, 'it is used again');
    await one.ask(`later-${i}`);
  }
});

test('a balancer that started without Redis serves, and uses it when it comes', async (t) => {
  const [port] = await freePorts(1);
  const a = await balancer(t, port, {}, 1, false);
  const places = await placesOf(a, USERS);
  assert.deepEqual(await placesOf(a, USERS), places);
  await a.process.said(/shared store does not answer/);
  await startRedis(t, port);
  await a.process.said(/shared store answers again/);
  const b = await balancer(t, port);
  const fresh = ['x', 'y', 'z'];
  assert.deepEqual(await placesOf(a, fresh), await placesOf(b, fresh));
});
