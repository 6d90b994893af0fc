// The access log can tell in a word how an endpoint was found.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

test('why: by which algorithm, among how many, at which try; or by affinity', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('ok')),
  );
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const { port } = gone.address() as AddressInfo;
  await new Promise((resolve) => gone.close(resolve));
  const proxy = await startProxy(t, {
    endpoints: [port, upstream],
    pool: { balance: 'round-robin', affinity: { by: 'header:x-user', ttl: '1h' } },
  });
  for (const user of ['', 'ann', 'ann']) {
    const client = await proxy.connect();
    client.write(request('GET /', user === '' ? {} : { 'X-User': user }));
    await client.response('GET');
    client.socket.destroy();
  }
  await eventually(() => proxy.log.length === 3, 'three lines');
  assert.deepEqual(
    proxy.log.map(({ why }) => why),
    ['round-robin, 2 of 2, normal, try 2', 'round-robin, 2 of 2, normal, try 2', 'affinity, 2 of 2, normal'],
  );
});
