// Breakers and adaptive limits in a process of two workers: what one of them sees holds for both.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { eventually } from '../../src/testing/scenario.ts';

async function backend(t: TestContext, answer: RequestListener): Promise<number> {
  const server: Server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Running {
  readonly port: number;
  readonly process: BalancerProcess;
  metrics(): Promise<string>;
}

async function start(t: TestContext, pool: object): Promise<Running> {
  const [web, admin] = await freePorts(2);
  const balancer = await BalancerProcess.start(
    {
      workers: 2,
      listeners: { web: { bind: `127.0.0.1:${web}`, pool: 'web' } },
      pools: { web: { passive: 'off', health: false, retries: 0, ...pool } },
      admin: { bind: `127.0.0.1:${admin}` },
    },
    { adminPort: admin },
  );
  t.after(() => balancer.stop());
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  return { port: web, process: balancer, metrics };
}

interface Told {
  readonly status: number;
  readonly retryAfter: string;
}

/** On a connection of its own, so that the kernel spreads them over the workers. */
async function ask(port: number): Promise<Told> {
  const socket = connect(port, '127.0.0.1');
  socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
  await once(socket, 'close');
  return { status: Number(text.slice(9, 12)), retryAfter: /retry-after: (.*)\r/i.exec(text)?.[1] ?? '' };
}

const all = (port: number, count: number): Promise<Told[]> =>
  Promise.all(Array.from({ length: count }, () => ask(port)));

test('a breaker opens for both workers, says when to come back, and closes when the pool is well', async (t) => {
  let well = false;
  let asked = 0;
  const port = await backend(t, (_request, response) => {
    asked++;
    response.statusCode = well ? 200 : 500;
    response.end();
  });
  const running = await start(t, {
    endpoints: [`127.0.0.1:${port}`],
    breaker: { scope: 'pool', minRequests: 20, window: '2s', open: '1500ms', halfOpen: 2 },
  });
  assert.ok((await all(running.port, 24)).every(({ status }) => status === 500 || status === 503));
  const phase = async (): Promise<string> => (await running.process.status()).pools[0].breaker!.phase;
  await eventually(async () => (await phase()) === 'open', 'it opens');
  const before = asked;
  const refused = await all(running.port, 24);
  assert.ok(refused.every(({ status, retryAfter }) => status === 503 && retryAfter === '2'));
  assert.equal(asked, before, 'no endpoint was touched');
  const text = await running.metrics();
  assert.match(text, /evenkeel_pool_breaker_state\{pool="web",phase="open"\} 1/);
  assert.match(text, /evenkeel_pool_breaker_opened_total\{pool="web"\} 1/);
  assert.match(text, /evenkeel_errors_total\{listener="web",cause="breaker-open"\} 2[4-9]/);
  assert.match(running.process.output, /the breaker of pool web is open/);
  well = true;
  await eventually(async () => (await phase()) === 'half-open', 'it is tried');
  await eventually(async () => (await ask(running.port)).status === 200 && (await phase()) === 'closed', 'it closes');
  assert.ok((await all(running.port, 24)).every(({ status }) => status === 200));
  const { changes } = await running.process.status();
  assert.deepEqual(
    changes.filter(({ cause }) => cause === 'breaker').map(({ to }) => to),
    ['closed', 'half-open', 'open'],
  );
});

test('an endpoint whose breaker is open is left alone by both workers', async (t) => {
  let asked = 0;
  const bad = await backend(t, (_request, response) => {
    asked++;
    response.statusCode = 503;
    response.end();
  });
  const good = await Promise.all([0, 1].map(() => backend(t, (_request, response) => response.end('good'))));
  const running = await start(t, {
    endpoints: [bad, ...good].map((port) => `127.0.0.1:${port}`),
    breaker: { scope: 'endpoint', minRequests: 5, open: '60s' },
  });
  const state = async (): Promise<string> => (await running.process.status()).pools[0].endpoints[0].state;
  await eventually(async () => {
    await all(running.port, 12);
    return (await state()) === 'ejected';
  }, 'it is out');
  await wait(50);
  const before = asked;
  assert.ok((await all(running.port, 40)).every(({ status }) => status === 200));
  assert.equal(asked, before);
});

test('an adaptive limit comes down when answers become slow, and shows in the metrics', async (t) => {
  let delayMs = 5;
  const port = await backend(t, (_request, response) => void setTimeout(() => response.end('x'), delayMs));
  const running = await start(t, {
    endpoints: [`127.0.0.1:${port}`],
    maxInFlight: 'auto',
    queue: { size: 1000, timeout: '10s' },
  });
  const limit = async (): Promise<number> => (await running.process.status()).pools[0].endpoints[0].limit;
  assert.equal(await limit(), 20);
  let over = false;
  const load = Array.from({ length: 40 }, async () => {
    while (!over) await ask(running.port);
  });
  try {
    await eventually(async () => (await limit()) > 20, 'it grows');
    delayMs = 200;
    const high = await limit();
    await eventually(async () => (await limit()) < high - 2, 'it comes down');
    assert.match(await running.metrics(), /evenkeel_endpoint_limit\{pool="web",endpoint="127\.0\.0\.1:\d+"\} \d+/);
  } finally {
    over = true;
    await Promise.all(load);
  }
});
