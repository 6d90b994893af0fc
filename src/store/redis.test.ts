import assert from 'node:assert/strict';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { header } from '../affinity/header.ts';
import { Counters, W } from '../core/counters.ts';
import { realEnv } from '../runtime/real-env.ts';
import { affinityConfig } from '../testing/affinity-world.ts';
import { type Database, redisServer } from '../testing/databases.ts';
import { poolConfig } from '../testing/pool-config.ts';
import { eventually } from '../testing/scenario.ts';
import { NO_ANSWER, type Reply, SharedRedis } from './redis.ts';
import { SharedStores } from './shared-stores.ts';

async function start(t: TestContext, ...settings: string[]): Promise<Database> {
  const redis = await redisServer(...settings);
  t.after(() => redis.stop());
  return redis;
}

function connect(t: TestContext, url: string): SharedRedis & { changes: number } {
  const changes = { changes: 0 };
  const redis = new SharedRedis({ url, env: realEnv(), onChange: () => void changes.changes++ });
  t.after(() => redis.close());
  return Object.defineProperty(redis, 'changes', { get: () => changes.changes }) as SharedRedis & { changes: number };
}

const ask = (redis: SharedRedis, ...command: string[]): Promise<Reply> =>
  new Promise((resolve) => redis.ask(command, 1000, resolve));

test('it asks and is answered; an error of Redis is no answer, and no end', async (t) => {
  const { port } = await start(t);
  const redis = connect(t, `redis://127.0.0.1:${port}/3`);
  assert.equal(await ask(redis, 'PING'), NO_ANSWER, 'at once, while there is no connection');
  await eventually(() => redis.up, 'it is connected');
  assert.equal(await ask(redis, 'SET', 'a', 'b'), 'OK');
  assert.equal(await ask(redis, 'GET', 'a'), 'b');
  assert.equal(await ask(redis, 'GET', 'none'), null);
  assert.equal(await ask(redis, 'INCR', 'a'), NO_ANSWER);
  assert.equal(await ask(redis, 'NO-SUCH-COMMAND'), NO_ANSWER);
  assert.equal(await ask(redis, 'GET', 'a'), 'b');
  assert.equal(redis.up, true);
});

test('a password is used; with a wrong one it stays down and goes on trying', async (t) => {
  const { port } = await start(t, '--requirepass', 'hunter2');
  const right = connect(t, `redis://:hunter2@127.0.0.1:${port}`);
  const wrong = connect(t, `redis://:hunter3@127.0.0.1:${port}`);
  await eventually(() => right.up, 'it is connected');
  assert.equal(await ask(right, 'SET', 'a', 'b'), 'OK');
  assert.equal(wrong.up, false);
  assert.equal(await ask(wrong, 'GET', 'a'), NO_ANSWER);
});

test('who answers with nonsense, or not at all, is no Redis, and harms nobody', async (t) => {
  for (const words of ['HTTP/1.1 400 Bad Request\r\n\r\n', '\u0000\u00ff$-9\r\n*1\r\n', '']) {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.write(words);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const redis = connect(t, `redis://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const began = performance.now();
    assert.equal(await ask(redis, 'GET', 'a'), NO_ANSWER);
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(await new Promise((resolve) => redis.ask(['GET', 'a'], 50, resolve)), NO_ANSWER);
    assert.ok(performance.now() - began < 1000);
    redis.close();
  }
});

test('a store that nobody names any more is let go of; one that is still named is kept', async (t) => {
  const { port } = await start(t);
  const counters = Counters.local();
  const stores = new SharedStores(realEnv(), counters);
  const config = (database: number) => ({
    url: `redis://127.0.0.1:${port}/${database}`,
    prefix: '',
    timeoutMs: 50,
  });
  t.after(() => stores.keepFor(undefined));
  const kept = stores.redis(config(0));
  stores.redis(config(1));
  await eventually(() => counters.readWorker(W.storesUp) === 2, 'both are connected');
  stores.keepFor({
    pools: { p: poolConfig({ affinity: { ...affinityConfig(header), store: config(0) } }) },
    listeners: {},
  });
  assert.equal(stores.redis(config(0)), kept);
  assert.deepEqual([counters.readWorker(W.storesUp), counters.readWorker(W.storesDown)], [1, 0]);
  const clients = async (): Promise<number> =>
    String(await ask(kept, 'CLIENT', 'LIST'))
      .trim()
      .split('\n').length;
  for (let i = 0; (await clients()) !== 1; i++) assert.ok(i < 100, 'the connection is closed');
  stores.redis(config(2));
  stores.keepFor(undefined);
});
