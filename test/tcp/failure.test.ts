// Servers that die, drain and come back behind a TCP listener, with the whole control plane at work: who is moved, who is
// kept, and that nothing is lost.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { compile } from '../../src/config/compile.ts';
import { createLog } from '../../src/observe/log.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { RawSocket } from '../../src/testing/raw-socket.ts';
import { eventually } from '../../src/testing/scenario.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const INTERVAL_MS = 100;

async function start(t: TestContext, backends: readonly TcpBackend[], pool: object = {}) {
  const compiled = compile({
    listeners: { relay: { bind: '127.0.0.1:0', protocol: 'tcp', pool: 'servers' } },
    pools: { servers: { endpoints: backends.map(({ port }) => `127.0.0.1:${port}`), ...pool } },
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const env = realEnv();
  const runtime = new Runtime({
    env,
    log: createLog({ write: () => undefined, epoch: env.clock.epoch, human: false }),
    workers: 1,
    version: 'test',
  });
  const applied = await runtime.apply(compiled.value);
  assert.ok(applied.ok, JSON.stringify(applied));
  t.after(async () => {
    for (const socket of sockets) socket.destroy();
    await runtime.stop();
  });
  const { port } = (await runtime.status()).listeners[0];
  const sockets: RawSocket['socket'][] = [];
  const open = (): RawSocket => {
    const client = new RawSocket(connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }));
    sockets.push(client.socket);
    return client;
  };
  return { runtime, open, idOf: (backend: TcpBackend) => `servers/127.0.0.1:${backend.port}` };
}

/** Says its own name to whoever connects, and then echoes. */
function named(t: TestContext, name: string): Promise<TcpBackend> {
  return TcpBackend.start(t, (connection) => {
    connection.write(`${name}\n`);
    connection.socket.pipe(connection.socket);
  });
}

async function nameOf(client: RawSocket): Promise<string> {
  await client.untilText('\n');
  return client.text.slice(0, client.text.indexOf('\n'));
}

async function echoes(client: RawSocket, text: string): Promise<void> {
  client.write(text);
  await client.untilText(text);
}

const CHECKED = {
  health: { tcp: true, interval: `${INTERVAL_MS}ms`, pendingInterval: `${INTERVAL_MS}ms`, rise: 2, fall: 2, jitter: 0 },
};

test('killing a server moves new connections within the checks, and the connections of the others stay', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)));
  const { runtime, open } = await start(t, backends, CHECKED);
  await eventually(() => runtime.health.serving('servers')!.length === 3, 'all are up');
  const clients = Array.from({ length: 9 }, open);
  const names = await Promise.all(clients.map(nameOf));
  backends[0].close();
  const died = performance.now();
  await eventually(() => runtime.health.serving('servers')!.length === 2, 'it is out');
  assert.ok(performance.now() - died < 2 * INTERVAL_MS + 300, `${performance.now() - died} ms`);
  for (let i = 0; i < 6; i++) assert.notEqual(await nameOf(open()), 'a');
  for (const [i, client] of clients.entries()) {
    if (names[i] === 'a') assert.equal(await client.untilEnded(), 'reset');
    else await echoes(client, `still here ${i}`);
  }
});

test('until the checks notice, dials that fail go elsewhere: nobody is turned away', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)));
  const { open } = await start(t, backends, { retries: { budget: '100%', backoff: '1ms' } });
  backends[1].close();
  const names = await Promise.all(Array.from({ length: 12 }, async () => nameOf(open())));
  assert.deepEqual([...new Set(names)].sort(), ['a', 'c']);
});

test('a rolling drain of every server under load loses nothing, new or old', async (t) => {
  const backends = await Promise.all(['a', 'b', 'c'].map((name) => named(t, name)));
  const { runtime, open, idOf } = await start(t, backends);
  const long = Array.from({ length: 12 }, open);
  await Promise.all(long.map(nameOf));
  let stopped = false;
  let short = 0;
  const load = Promise.all(
    Array.from({ length: 6 }, async () => {
      while (!stopped) {
        const client = open();
        await nameOf(client);
        await echoes(client, 'payload');
        client.end();
        assert.equal(await client.untilEnded(), 'end');
        short++;
      }
    }),
  );
  for (const [i, backend] of backends.entries()) {
    assert.ok(runtime.override(idOf(backend), 'drain', 'rolling').ok);
    const before = backend.connections.length;
    await wait(120);
    assert.ok(backend.connections.length <= before + 6, 'no new connections but those on their way');
    for (const [n, client] of long.entries()) await echoes(client, `drain ${i} ${n}`);
    assert.ok(runtime.override(idOf(backend), 'ready', 'done').ok);
  }
  stopped = true;
  await load;
  assert.ok(short > 30, `${short} short connections`);
  const { pools } = await runtime.status();
  assert.equal(
    pools[0].endpoints.reduce((sum, { failures }) => sum + failures, 0),
    0,
  );
});

test('an endpoint that a reload removes takes nobody new, and whom it has stays', async (t) => {
  const backends = await Promise.all(['a', 'b'].map((name) => named(t, name)));
  const { runtime, open } = await start(t, backends);
  const clients = [open(), open()];
  const names = await Promise.all(clients.map(nameOf));
  assert.deepEqual([...names].sort(), ['a', 'b']);
  const next = compile({
    listeners: { relay: { bind: '127.0.0.1:0', protocol: 'tcp', pool: 'servers' } },
    pools: { servers: { endpoints: [`127.0.0.1:${backends[1].port}`] } },
  });
  assert.ok(next.ok && (await runtime.apply(next.value)).ok);
  for (let i = 0; i < 4; i++) assert.equal(await nameOf(open()), 'b');
  for (const client of clients) await echoes(client, 'still here');
});

test('a stop waits for connections until the deadline, then cuts and counts them', async (t) => {
  const backends = [await named(t, 'a')];
  const compiled = compile({
    drain: { streams: '200ms' },
    listeners: { relay: { bind: '127.0.0.1:0', protocol: 'tcp', pool: 'servers' } },
    pools: { servers: { endpoints: [`127.0.0.1:${backends[0].port}`] } },
  });
  assert.ok(compiled.ok);
  const { runtime, open } = await start(t, backends);
  assert.ok((await runtime.apply(compiled.value)).ok);
  const [stays, leaves] = [open(), open()];
  await Promise.all([stays, leaves].map(nameOf));
  setTimeout(() => leaves.end(), 50);
  const report = await runtime.stop();
  assert.equal(report.cutStreams, 1);
  assert.ok(report.tookMs >= 190, `${report.tookMs}`);
  assert.equal(await stays.untilEnded(), 'reset');
  assert.equal(await leaves.untilEnded(), 'end');
});
