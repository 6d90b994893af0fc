// Real servers: a master whose replica takes over, and a cluster that loses a node.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { realEnv } from '../runtime/real-env.ts';
import { redisCluster, sentinelSet } from '../testing/redis-sets.ts';
import { eventually } from '../testing/scenario.ts';
import { NO_ANSWER, type Reply, SharedRedis } from './redis.ts';
import { RedisRates } from './redis-rates.ts';

function connect(t: TestContext, url: string): SharedRedis {
  const redis = new SharedRedis({ url, env: realEnv(), onChange: () => undefined });
  t.after(() => redis.close());
  return redis;
}

const ask = (redis: SharedRedis, ...command: string[]): Promise<Reply> =>
  new Promise((resolve) => redis.ask(command, 1000, resolve));

test('a set with sentinels: the master is found, and the replica that takes its place', async (t) => {
  const set = await sentinelSet();
  t.after(() => set.stop());
  const redis = connect(t, set.url);
  const heard: string[] = [];
  redis.subscribe('news', (text) => void heard.push(text));
  await eventually(() => redis.up, 'it is connected');
  assert.equal(await ask(redis, 'SET', 'a', 'b'), 'OK');
  assert.equal(await ask(redis, 'WAIT', '1', '1000'), 1);
  await set.servers[0].stop();
  await eventually(() => !redis.up, 'that it is gone is known at once');
  assert.equal(await ask(redis, 'GET', 'a'), NO_ANSWER);
  await until(() => redis.up, 'the replica is the master');
  assert.equal(await ask(redis, 'GET', 'a'), 'b');
  assert.equal(await ask(redis, 'SET', 'a', 'c'), 'OK');
  await until(async () => {
    await ask(redis, 'PUBLISH', 'news', 'x');
    return heard.length > 0;
  }, 'who listened listens there');
});

test('a cluster: keys go to their nodes, a lost node takes only its own along', async (t) => {
  const set = await redisCluster();
  t.after(() => set.stop());
  const redis = connect(t, set.url);
  const heard: string[] = [];
  redis.subscribe('news', (text) => void heard.push(text));
  await eventually(() => redis.up, 'it is connected');
  const keys = Array.from({ length: 30 }, (_, i) => `key${i}`);
  for (const key of keys) assert.equal(await ask(redis, 'SET', key, key), 'OK');
  for (const key of keys) assert.equal(await ask(redis, 'GET', key), key);
  for (const { port } of set.servers) {
    const node = connect(t, `redis://127.0.0.1:${port}`);
    await eventually(() => node.up, 'one of the nodes');
    assert.ok(Number(await ask(node, 'DBSIZE')) > 0, 'each node has its part');
  }
  await until(async () => {
    await ask(redis, 'PUBLISH', 'news', 'x');
    return heard.length > 0;
  }, 'what one says is heard');
  const rates = new RedisRates(redis, { url: set.url, prefix: 'x:', timeoutMs: 1000 });
  for (const key of keys)
    assert.equal((await rates.take(key, { limit: 5, periodMs: 60_000, burst: 5 }, 1))?.remaining, 4);
  await set.servers[2].stop();
  await eventually(() => !redis.up, 'that one is gone is known');
  const answers = await Promise.all(keys.map((key) => ask(redis, 'GET', key)));
  const lost = answers.filter((answer) => answer === NO_ANSWER).length;
  assert.ok(lost > 0 && lost < keys.length, `${lost} of ${keys.length} keys are lost`);
});

async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await holds())) {
    assert.ok(performance.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
