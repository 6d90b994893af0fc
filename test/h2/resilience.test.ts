// Retries by status, hedging and mirroring where endpoints speak HTTP/2.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { P } from '../../src/core/counters.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

type Answer = (stream: http2.ServerHttp2Stream) => void;

interface Endpoint {
  readonly address: string;
  readonly asked: string[];
}

async function endpoint(t: TestContext, answer: Answer): Promise<Endpoint> {
  const asked: string[] = [];
  const sessions = new Set<http2.ServerHttp2Session>();
  const server = http2.createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    asked.push(`${headers[':method']} ${headers[':path']}`);
    answer(stream);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

const says =
  (body: string, status = 200): Answer =>
  (stream) => {
    stream.respond({ ':status': status });
    stream.end(body);
  };
const bare: Answer = (stream) => stream.respond({ ':status': 503 }, { endStream: true });

async function world(t: TestContext, first: Answer, second: Answer, route: object) {
  const endpoints = [await endpoint(t, first), await endpoint(t, second)];
  const proxy = await startProxy(t, {
    endpoints: endpoints.map(({ address }) => address),
    listener: { pool: undefined, routes: [{ pool: 'b', ...route }] },
    pool: {
      protocol: 'h2',
      passive: 'off',
      retries: { budget: '100%', budgetMin: 100, backoff: '1ms' },
      endpoints: endpoints.map(({ address }, i) => ({ address, backup: i > 0 })),
    },
  });
  return { proxy, endpoints };
}

for (const [what, answer] of [
  ['with a body', says('no', 503)],
  ['without one', bare],
] as const) {
  test(`an answer with a status of the policy, ${what}, is asked for elsewhere`, async (t) => {
    const { proxy, endpoints } = await world(t, answer, says('good'), { retries: { backoff: '1ms', on: '5xx' } });
    const client = await proxy.connect();
    for (let i = 0; i < 5; i++) assert.equal((await client.write(request('GET /')).response()).body.toString(), 'good');
    assert.deepEqual(
      endpoints.map(({ asked }) => asked.length),
      [5, 5],
    );
    assert.equal(await client.status(request('POST /', {}, 'x'), 'POST'), 503);
    assert.equal(endpoints[1].asked.length, 5);
  });
}

test('a silent stream is hedged on another endpoint, and its connection serves others on', async (t) => {
  const { proxy, endpoints } = await world(t, () => undefined, says('quick'), { hedge: '30ms' });
  const client = await proxy.connect();
  for (let i = 0; i < 4; i++) assert.equal((await client.write(request('GET /')).response()).body.toString(), 'quick');
  assert.deepEqual(
    [proxy.counters.readPool(0, P.hedges), proxy.counters.readPool(0, P.hedgesWon), endpoints[0].asked.length],
    [4, 4, 4],
  );
  await eventually(() => proxy.inFlight() === 0, 'no lease is open');
});
