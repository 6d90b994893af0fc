// A pattern that backtracks exponentially, and the input it dreads: the answer must come as fast as any other.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

for (const workers of [1, 2]) {
  test(`no input makes a route slow (workers: ${workers})`, async (t) => {
    const server = createServer((_request, response) => response.end('ok'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const [port] = await freePorts(1);
    const balancer = await BalancerProcess.start({
      workers,
      listeners: { web: { bind: `127.0.0.1:${port}`, routes: [{ path: '~^/(a+)+$', pool: 'web' }, { pool: 'web' }] } },
      pools: { web: { endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } },
    });
    t.after(async () => {
      await balancer.stop();
      server.close();
      server.closeAllConnections();
    });
    // Without the linear engine this takes longer than the universe has been there.
    const response = await fetch(`http://127.0.0.1:${port}/${'a'.repeat(80)}!`, {
      signal: AbortSignal.timeout(10_000),
    });
    assert.equal(response.status, 200);
  });
}
