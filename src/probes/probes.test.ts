import assert from 'node:assert/strict';
import { createServer, type RequestListener } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { after, test } from 'node:test';
import type { HttpProbeConfig } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import type { ProbeResult } from '../health/entry.ts';
import { parseHealthDocument } from './health-document.ts';
import { buildProbe } from './index.ts';

const clock: Clock = {
  now: () => performance.now(),
  epoch: () => Date.now(),
  after(delayMs, fn) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
const closers: (() => void)[] = [];
after(() => {
  for (const close of closers) close();
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function backend(handler: RequestListener): Promise<number> {
  const server = createServer(handler);
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return listen(server);
}

function config(over: Partial<HttpProbeConfig> = {}): HttpProbeConfig {
  const { path = '/health', method = 'GET', host = '', headers = {}, body } = over;
  return {
    kind: 'http',
    transport: { tls: undefined, h2: false },
    path,
    method,
    host,
    headers,
    body,
    status: over.status ?? [[200, 399]],
  };
}

function probe(port: number, over: Partial<HttpProbeConfig> = {}, signal = new AbortController().signal) {
  return buildProbe(config(over), clock).run({ host: '127.0.0.1', port }, signal);
}

const tidy = ({ evidence }: ProbeResult): string => evidence.replace(/[\d.]+ ms/, 'N ms');

test('a good status within the ranges passes, any other fails', async () => {
  const port = await backend((request, response) => {
    response.statusCode = Number(request.url?.slice(1));
    response.end();
  });
  const results = await Promise.all(['200', '302', '404', '503'].map((status) => probe(port, { path: `/${status}` })));
  assert.deepEqual(
    results.map((result) => result.ok),
    [true, true, false, false],
  );
  assert.equal(tidy(results[3]), 'GET /503 → 503 in N ms');
  assert.equal((await probe(port, { path: '/404', status: [[404, 404]] })).ok, true);
});

test('failing dependencies of the health document are evidence, with a 503 as well as with a 200', async () => {
  const document = { status: 'unhealthy', checks: { database: false, cache: true, api: { status: 'down' } } };
  const port = await backend((request, response) => {
    response.statusCode = request.url === '/bad' ? 503 : 200;
    response.end(JSON.stringify(document));
  });
  const bad = await probe(port, { path: '/bad' });
  assert.equal(bad.ok, false);
  assert.equal(tidy(bad), 'GET /bad → 503 in N ms; database, api: failing');
  assert.deepEqual(bad.checks, { database: false, cache: true, api: false });
  const degraded = await probe(port, { path: '/good' });
  assert.equal(degraded.ok, true, 'the status decides');
  assert.equal(tidy(degraded), 'GET /good → 200 in N ms; database, api: failing');
});

test('method, host and headers are sent as configured, on a connection of its own', async () => {
  const seen: string[] = [];
  const ports = new Set<number | undefined>();
  const port = await backend((request, response) => {
    const { host, 'x-token': token, connection } = request.headers;
    seen.push(`${request.method} ${host} ${String(token)} ${connection}`);
    ports.add(request.socket.remotePort);
    response.end();
  });
  await probe(port, { method: 'HEAD', host: 'app.example.com', headers: { 'X-Token': 'abc' } });
  await probe(port);
  assert.deepEqual(seen, ['HEAD app.example.com abc close', `GET 127.0.0.1:${port} undefined close`]);
  assert.equal(ports.size, 2);
});

test('the body can be asked for, and is read up to a bound only', async () => {
  const port = await backend((request, response) => {
    response.on('error', () => {});
    if (request.url === '/huge') {
      const chunk = 'x'.repeat(16_384);
      const more = (): void => void response.write(chunk, () => setImmediate(more));
      more();
    } else response.end('all systems go\n');
  });
  const body = async (match: HttpProbeConfig['body'], path = '/') => (await probe(port, { path, body: match })).ok;
  assert.equal(await body({ kind: 'exact', value: 'all systems go' }), true);
  assert.equal(await body({ kind: 'prefix', value: 'all' }), true);
  assert.equal(await body({ kind: 'regex', value: 'sys.*go' }), true);
  assert.equal(await body({ kind: 'present' }), true);
  assert.equal(await body({ kind: 'absent' }), false);
  const wrong = await probe(port, { body: { kind: 'exact', value: 'maintenance' } });
  assert.equal(wrong.ok, false);
  assert.match(wrong.evidence, /the body does not match$/);
  assert.equal(await body({ kind: 'prefix', value: 'xxx' }, '/huge'), true, 'an endless body is cut, not awaited');
});

test('refused, reset, malformed and silent backends fail with a reason', async () => {
  const closed = createTcpServer();
  const closedPort = await listen(closed);
  await new Promise((resolve) => closed.close(resolve));
  assert.equal(tidy(await probe(closedPort)), 'GET /health → connection refused in N ms');

  const odd = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', (data) => {
      if (data.includes('/reset')) socket.resetAndDestroy();
      else if (data.includes('/garbage')) socket.end('SSH-2.0-OpenSSH\r\n\r\n');
    });
    closers.push(() => socket.destroy());
  });
  const port = await listen(odd);
  closers.push(() => odd.close());
  assert.equal(tidy(await probe(port, { path: '/reset' })), 'GET /reset → connection reset in N ms');
  assert.equal(tidy(await probe(port, { path: '/garbage' })), 'GET /garbage → malformed answer in N ms');
  const controller = new AbortController();
  const silent = probe(port, { path: '/silent' }, controller.signal);
  setImmediate(() => controller.abort());
  assert.equal(tidy(await silent), 'GET /silent → no answer in N ms');
});

test('a TCP check passes when the connection opens', async () => {
  const server = createTcpServer((socket) => void socket.on('error', () => {}));
  const port = await listen(server);
  const run = (signal = new AbortController().signal) =>
    buildProbe({ kind: 'tcp', send: undefined, expect: undefined }, clock).run({ host: '127.0.0.1', port }, signal);
  const good = await run();
  assert.equal(good.ok, true);
  assert.equal(tidy(good), 'TCP connect → open in N ms');
  assert.equal((await run(AbortSignal.abort())).ok, false);
  await new Promise((resolve) => server.close(resolve));
  assert.equal(tidy(await run()), 'TCP connect → connection refused in N ms');
});

test('a health document is bounded and cleaned; anything else is none', () => {
  assert.equal(parseHealthDocument('OK'), undefined);
  assert.equal(parseHealthDocument('{"checks":'), undefined);
  assert.equal(parseHealthDocument('{"checks":[1]}'), undefined);
  assert.equal(parseHealthDocument('{"status":"healthy"}'), undefined);
  assert.deepEqual(parseHealthDocument('{"checks":{"a\\nb":"ok","c":{"healthy":false},"d":7}}'), {
    'a?b': true,
    c: false,
  });
  const many = JSON.stringify({ checks: Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`c${i}`, true])) });
  assert.equal(Object.keys(parseHealthDocument(many)!).length, 50);
});
