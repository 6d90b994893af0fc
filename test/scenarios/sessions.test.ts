// The example of sessions outside of the servers: a user logs in on one server, that server is killed, and the user is still
// logged in. Real servers, real session libraries, a real Redis, the example's own configuration.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { redisServer } from '../../src/testing/databases.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const FOLDER = fileURLToPath(new URL('../../examples/sessions', import.meta.url));

async function server(t: TestContext, file: string, port: number, redis: number): Promise<ChildProcess> {
  const env = {
    ...process.env,
    PORT: String(port),
    REDIS_URL: `redis://127.0.0.1:${redis}`,
    SESSION_SECRET: 'a secret for tests that is long enough for both',
  };
  const child = spawn(process.execPath, [`${FOLDER}/${file}`], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  t.after(() => child.kill('SIGKILL'));
  await new Promise<void>((resolve, reject) => {
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (chunk: Buffer) => {
        said += chunk.toString();
        if (said.includes('listens on')) resolve();
      });
    child.once('exit', () => reject(new Error(said)));
  });
  return child;
}

for (const file of ['express.ts', 'fastify.ts']) {
  test(`${file}: who logged in on a server that is killed is still logged in`, async (t) => {
    const redis = await redisServer();
    t.after(() => redis.stop());
    const [port, ...ports] = await freePorts(3);
    const servers = await Promise.all(ports.map((one) => server(t, file, one, redis.port)));
    const example = readFileSync(`${FOLDER}/evenkeel.yaml`, 'utf8');
    const moved = example
      .replace(':8080', `:${port}`)
      .replace(':3001', `:${ports[0]}`)
      .replace(':3002', `:${ports[1]}`);
    const balancer = await BalancerProcess.start(moved);
    t.after(() => balancer.stop('SIGKILL'));
    let cookie = '';
    const ask = async (path: string, body?: string): Promise<{ status: number; text: string; at: number }> => {
      const headers = {
        ...(cookie === '' ? {} : { cookie }),
        ...(body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded' }),
      };
      const method = body === undefined ? 'GET' : 'POST';
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { method, headers, ...(body && { body }) });
      const set = response.headers.getSetCookie().find((one) => one.startsWith('sid='));
      if (set !== undefined) cookie = set.split(';')[0];
      const text = await response.text();
      return { status: response.status, text, at: ports.indexOf(Number(/on (\d+)/.exec(text)?.[1])) };
    };

    assert.equal((await ask('/dashboard')).status, 401);
    const login = await ask('/login', 'user=anna');
    assert.equal(login.status, 200, login.text);
    const seen = new Set<number>();
    for (const until = performance.now() + 5000; seen.size < 2 && performance.now() < until; ) {
      const { text, at } = await ask('/dashboard');
      assert.match(text, /^anna on/);
      seen.add(at);
    }
    assert.equal(seen.size, 2, 'either server knows her');

    servers[login.at].kill('SIGKILL');
    for (let i = 0; i < 10; i++) {
      // Nobody clicks faster: retries have a budget, and the verdict about a dead server takes a moment.
      await wait(50);
      const { status, text, at } = await ask('/dashboard');
      assert.deepEqual([status, text.slice(0, 4)], [200, 'anna']);
      assert.notEqual(at, login.at);
    }
    await ask('/logout', 'x=1');
    assert.equal((await ask('/dashboard')).status, 401);
  });
}
