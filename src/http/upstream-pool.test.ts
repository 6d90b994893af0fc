import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { UpstreamConnectionConfig } from '../config/types.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { NetLoop } from '../net/loop.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import type { UpstreamUser } from './upstream.ts';
import type { UpstreamConn } from './upstream-conn.ts';
import { UpstreamPool } from './upstream-pool.ts';

const CONNECTION: UpstreamConnectionConfig = {
  connectTimeoutMs: 1000,
  bodyIdleMs: 1000,
  idleMs: 10_000,
  maxAgeMs: 10_000,
  maxIdle: 4,
  pipelining: 1,
  streams: 100,
};
const TERMS = { config: CONNECTION, tls: undefined };

/** Asks once over a connection; resolves when the answer is complete, and so the connection let go. */
function ask(upstream: UpstreamConn): Promise<UpstreamConn> {
  return new Promise((resolve, reject) => {
    const nothing = (): void => undefined;
    const user: UpstreamUser = {
      isHead: false,
      requestDone: true,
      wantsPlainBody: false,
      wantsUpgrade: false,
      firstByteMs: 1000,
      idleMs: 0,
      onUpstreamReady: (ready) => void ready.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n'),
      onInformational: nothing,
      onUpgraded: nothing,
      onResponse: nothing,
      onResponseBody: nothing,
      onResponseEnd: () => resolve(upstream),
      onUpstreamDrain: nothing,
      onUpstreamFailed: (code) => reject(new Error(code)),
    };
    upstream.assign(user);
  });
}

test('a slot with a new tenant never gives out a connection of the former one', async (t) => {
  const server = createServer((_request, response) => response.end('ok'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const pool = new UpstreamPool(new NetLoop(fakeClock()));
  t.after(() => {
    pool.close();
    server.close();
    server.closeAllConnections();
  });
  const endpoint = (id: string): Endpoint => ({
    id,
    address: { host: '127.0.0.1', port },
    weight: 1,
    tier: 0,
    zone: '',
    slot: 7,
  });
  const former = await ask(pool.take(endpoint('web/old'), TERMS, true));
  assert.equal(await ask(pool.take(endpoint('web/old'), TERMS, false)), former, 'kept for its own endpoint');
  const next = await ask(pool.take(endpoint('web/new'), TERMS, false));
  assert.notEqual(next, former);
  assert.ok(former.conn.closed, 'closed when the slot changed hands');
});
