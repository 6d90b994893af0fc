import assert from 'node:assert/strict';
import { createServer, get, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, test } from 'node:test';
import express from 'express';
import fastify from 'fastify';
import { buildProbe } from '../probes/index.ts';
import { healthEndpoint } from './index.ts';

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listen(server: Server): Promise<number> {
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function fetchJson(port: number, path = '/health'): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers: { connection: 'close' } });
  return { status: response.status, body: await response.json() };
}

const hang = (): Promise<never> => new Promise(() => {});

test('200 with every check true when all pass, 503 with the failing ones false otherwise', async () => {
  let databaseWorks = true;
  const endpoint = healthEndpoint({ checks: { database: async () => databaseWorks, cache: () => undefined } });
  const port = await listen(createServer(endpoint.handler));
  assert.deepEqual(await fetchJson(port), {
    status: 200,
    body: { status: 'healthy', checks: { database: true, cache: true } },
  });
  databaseWorks = false;
  assert.deepEqual(await fetchJson(port), {
    status: 503,
    body: { status: 'unhealthy', checks: { database: false, cache: true } },
  });
});

test('without checks it says that the process answers', async () => {
  assert.deepEqual(await healthEndpoint().report(), { status: 'healthy', checks: {} });
});

test('a check that throws, rejects or hangs fails; why is told to the log and not to the client', async () => {
  const told: string[] = [];
  let aborted = false;
  const endpoint = healthEndpoint({
    timeoutMs: 30,
    checks: {
      throws: () => {
        throw new Error('password=secret');
      },
      rejects: async () => {
        throw new Error('password=secret');
      },
      hangs: (signal) => {
        signal.addEventListener('abort', () => {
          aborted = true;
        });
        return hang();
      },
      works: () => true,
    },
    onFailure: (name, error) => {
      told.push(`${name}: ${(error as Error).message}`);
      throw new Error('the logger is broken too');
    },
  });
  const port = await listen(createServer(endpoint.handler));
  const response = await fetch(`http://127.0.0.1:${port}/`);
  const text = await response.text();
  assert.equal(response.status, 503);
  assert.ok(!text.includes('secret'));
  assert.deepEqual(JSON.parse(text).checks, { throws: false, rejects: false, hangs: false, works: true });
  assert.ok(aborted, 'the check is told to stop');
  assert.deepEqual(told.sort(), [
    'hangs: check "hangs" took longer than 30 ms',
    'rejects: password=secret',
    'throws: password=secret',
  ]);
});

test('those who ask at the same time share one run, and a cached answer is given again', async () => {
  let runs = 0;
  const checks = { database: async () => void runs++ };
  const shared = healthEndpoint({ checks });
  await Promise.all([shared.report(), shared.report(), shared.report()]);
  assert.equal(runs, 1);
  await shared.report();
  assert.equal(runs, 2);
  const cached = healthEndpoint({ checks, cacheMs: 60_000 });
  await cached.report();
  await cached.report();
  assert.equal(runs, 3);
});

test('HEAD gets the head only, and answers are not to be stored', async () => {
  const port = await listen(createServer(healthEndpoint().handler));
  const response = await fetch(`http://127.0.0.1:${port}/health`, { method: 'HEAD' });
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(await response.text(), '');
});

test('it serves as an Express route and middleware, and as a fastify plugin', async () => {
  const endpoint = healthEndpoint({ checks: { database: () => true } });
  const app = express();
  app.get('/health', endpoint.handler);
  app.use('/mounted', endpoint.handler);
  const expressPort = await listen(createServer(app));
  const expected = { status: 200, body: { status: 'healthy', checks: { database: true } } };
  assert.deepEqual(await fetchJson(expressPort), expected);
  assert.deepEqual(await fetchJson(expressPort, '/mounted'), expected);

  const service = fastify();
  await service.register(endpoint.fastify);
  await service.listen({ port: 0, host: '127.0.0.1' });
  cleanups.push(() => void service.close());
  assert.deepEqual(await fetchJson((service.server.address() as AddressInfo).port), expected);
});

test('the probe of the balancer reads what the endpoint says', async () => {
  const port = await listen(
    createServer(healthEndpoint({ checks: { database: () => false, cache: () => true } }).handler),
  );
  const config = {
    kind: 'http',
    transport: { tls: undefined, h2: false },
    path: '/health',
    method: 'GET',
    host: '',
    headers: {},
    body: undefined,
  } as const;
  const clock = { now: () => performance.now(), epoch: () => Date.now(), after: () => ({ cancel() {} }) };
  const probe = buildProbe({ ...config, status: [[200, 299]] }, clock);
  const result = await probe.run({ host: '127.0.0.1', port }, new AbortController().signal);
  assert.equal(result.ok, false);
  assert.deepEqual(result.checks, { database: false, cache: true });
  assert.match(result.evidence, /^GET \/health → 503 in .* ms; database: failing$/);
});

test('drain fails the check first, lets the running request finish, then closes', async () => {
  const endpoint = healthEndpoint();
  let release = (): void => {};
  const server = createServer((incoming, response) => {
    if (incoming.url === '/health') return endpoint.handler(incoming, response);
    release = () => response.end('done');
  });
  const port = await listen(server);
  const slow = new Promise<string>((resolve, reject) => {
    get({ port, host: '127.0.0.1', path: '/slow' }, async (response) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      resolve(body);
    }).on('error', reject);
  });
  await until(() => release.name !== '' && release.toString().includes('done'));
  let finished = false;
  const drained = endpoint.drain(server, { graceMs: 80, timeoutMs: 5000 });
  void drained.then(() => {
    finished = true;
  });
  assert.equal(endpoint.draining, true);
  assert.deepEqual(
    await fetchJson(port),
    { status: 503, body: { status: 'draining' } },
    'still accepting, but failing',
  );
  await until(() => !server.listening);
  await assert.rejects(fetchJson(port), 'no new connections');
  assert.equal(finished, false, 'the running request is waited for');
  release();
  assert.equal(await slow, 'done');
  assert.deepEqual(await drained, { clean: true });
});

test('requests that outlast the deadline are cut off, and drain says so', async () => {
  const endpoint = healthEndpoint();
  let started = false;
  const server = createServer(() => {
    started = true;
  });
  const port = await listen(server);
  const stuck = request({ port, host: '127.0.0.1' }).on('error', () => {});
  stuck.end();
  await until(() => started);
  assert.deepEqual(await endpoint.drain(server, { graceMs: 0, timeoutMs: 20 }), { clean: false });
  assert.equal(endpoint.drain(server), endpoint.drain(server), 'a second drain is the first');
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}
