// Readers that stop, readers that are slow, and ends that come while bytes still wait: nothing stays for ever, nothing that is
// cut looks whole, and nothing that moves is cut.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { ConnectionRecord } from '../../src/tcp/context.ts';
import type { RawSocket } from '../../src/testing/raw-socket.ts';
import { eventually, type ProxyOptions, startProxy } from '../../src/testing/scenario.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const MORE_THAN_KERNELS_HOLD = 24 * 1024 * 1024;

const start = (t: TestContext, options: ProxyOptions) =>
  startProxy(t, { ...options, listener: { protocol: 'tcp', ...options.listener } });

/** Writes in small pieces until bytes wait in the balancer as well: the reader has stopped. */
async function writeUntilStuck(from: RawSocket): Promise<void> {
  const piece = Buffer.alloc(64 * 1024, 'x');
  for (let written = 0; written < MORE_THAN_KERNELS_HOLD; written += piece.length) {
    if (from.socket.write(piece)) continue;
    await wait(30);
    if (from.socket.writableLength > 0) return;
  }
  assert.fail('the kernels took everything');
}

for (const adopt of [true, false]) {
  test(`a reader that stopped is reset when it has been idle, not ended as if that were all (${adopt ? 'adopted' : 'portable'})`, async (t) => {
    const backend = await TcpBackend.start(t);
    const listener = { timeouts: { idle: '200ms' } };
    const proxy = await start(t, { endpoints: [backend.port], listener, adopt });
    const client = await proxy.connect();
    client.socket.pause();
    const server = await backend.connection();
    await writeUntilStuck(server);
    await eventually(() => proxy.log.length === 1, 'it is over');
    client.sink = () => undefined;
    client.socket.resume();
    assert.equal(await client.untilEnded(), 'reset');
    assert.equal((proxy.log as unknown as ConnectionRecord[])[0].closedBy, 'idle');
  });

  test(`an end that waits behind unsent bytes does not save a connection from its deadline (${adopt ? 'adopted' : 'portable'})`, async (t) => {
    const backend = await TcpBackend.start(t);
    const listener = { timeouts: { lifetime: '400ms' }, limits: { connections: 1 } };
    const proxy = await start(t, { endpoints: [backend.port], listener, adopt });
    for (let i = 0; i < 2; i++) {
      const client = await proxy.connect();
      client.socket.pause();
      const server = await backend.connection(i);
      await writeUntilStuck(server);
      server.end();
      await eventually(() => proxy.log.length === i + 1, 'it is over');
      client.sink = () => undefined;
      client.socket.resume();
      assert.equal(await client.untilEnded(), 'reset', 'and its place is free');
    }
  });

  test(`a client that has ended does not leave its server waiting for ever (${adopt ? 'adopted' : 'portable'})`, async (t) => {
    const backend = await TcpBackend.start(t);
    const proxy = await start(t, { endpoints: [backend.port], listener: { timeouts: { idle: '200ms' } }, adopt });
    const client = await proxy.connect();
    const server = await backend.connection();
    server.end();
    await client.untilEnded();
    server.socket.pause();
    await writeUntilStuck(client);
    client.end();
    await eventually(() => proxy.log.length === 1, 'it is over');
    server.sink = () => undefined;
    server.socket.resume();
    assert.equal(await server.untilEnded(), 'reset');
  });
}

test('a reader that is slow and reads is not cut, though the sender is silent meanwhile', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { timeouts: { idle: '500ms' } } });
  const client = await proxy.connect();
  let received = 0;
  client.sink = (chunk) => {
    received += chunk.length;
    client.socket.pause();
    setTimeout(() => client.socket.resume(), 2);
  };
  const server = await backend.connection();
  const all = Buffer.alloc(MORE_THAN_KERNELS_HOLD, 'x');
  server.write(all);
  server.end();
  assert.equal(await client.until(() => client.ending !== 'open').then(() => client.ending), 'end');
  assert.equal(received, all.length);
});
