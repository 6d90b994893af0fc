// Reloads under load, by signal and by file: nothing that runs notices; a bad file changes nothing.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { startLoad } from '../../src/testing/load.ts';

const RELOADS = 100;

const server = createServer((_request, response) => response.end('ok\n'));
const sockets = new WebSocketServer({ server });
let balancer: BalancerProcess;
let port = 0;
let adminPort = 0;

const document = (extra: object = {}, poolExtra: object = {}) => ({
  workers: 2,
  listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web', ...extra } },
  pools: { web: { endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`], ...poolExtra } },
  admin: { bind: `127.0.0.1:${adminPort}` },
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(data as Buffer)));
  [port, adminPort] = await freePorts(2);
  balancer = await BalancerProcess.start(document(), { adminPort });
});

after(async () => {
  await balancer?.stop();
  sockets.close();
  server.close();
  server.closeAllConnections();
});

async function applied(count: number): Promise<void> {
  const until = performance.now() + 10_000;
  while ((await balancer.status()).reloads.applied < count) {
    assert.ok(
      performance.now() < until,
      `only ${(await balancer.status()).reloads.applied} of ${count} reloads\n${balancer.output}`,
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test('100 reloads under load drop no request and no WebSocket', async () => {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  let echoed = 0;
  let closed = false;
  socket.on('message', () => {
    echoed++;
  });
  socket.on('close', () => {
    closed = true;
  });
  const load = startLoad(port, { clients: 8 });
  const begin = (await balancer.status()).reloads.applied;
  for (let i = 1; i <= RELOADS; i++) {
    balancer.write(
      document({ limits: { fields: 100 + (i % 2) } }, { balance: i % 2 === 0 ? 'p2c' : 'round-robin', retries: i % 3 }),
    );
    balancer.child.kill('SIGHUP');
    await applied(begin + i);
    socket.send(`message ${i}`);
  }
  const { outcomes, answered } = await load.stop();
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual([...outcomes.keys()], ['200'], JSON.stringify([...outcomes]));
  assert.ok(answered > RELOADS);
  assert.equal(closed, false, 'the WebSocket lived through all reloads');
  assert.equal(echoed, RELOADS);
  socket.terminate();
});

test('a changed file is applied without a signal', async () => {
  const before = (await balancer.status()).reloads.applied;
  balancer.write(document({ limits: { fields: 77 } }));
  await applied(before + 1);
});

test('a bad file changes nothing, and says why with line and column', async () => {
  const from = balancer.output.length;
  const version = (await balancer.status()).configVersion;
  balancer.write('listeners:\n  web: { bind: 127.0.0.1:1, pol: web }\npools: {}\n');
  balancer.child.kill('SIGHUP');
  await balancer.said(/reload refused/, { from });
  await balancer.said(/:2:\d+: listeners\.web\.pol is not known here/, { from });
  assert.equal((await balancer.status()).configVersion, version);
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});

test('a new listener that cannot be bound leaves the old configuration whole', async () => {
  const [taken] = await freePorts(1);
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(taken, '127.0.0.1', resolve));
  const from = balancer.output.length;
  const next = document();
  balancer.write({ ...next, listeners: { ...next.listeners, more: { bind: `127.0.0.1:${taken}`, pool: 'web' } } });
  balancer.child.kill('SIGHUP');
  await balancer.said(/reload refused.*port is in use/s, { from });
  blocker.close();
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
  assert.deepEqual(
    (await balancer.status()).listeners.map((listener) => listener.name),
    ['web'],
  );
});

test('listeners and endpoints come and go by reload', async () => {
  const [second] = await freePorts(1);
  const count = (await balancer.status()).reloads.applied;
  const next = document();
  balancer.write({ ...next, listeners: { ...next.listeners, more: { bind: `127.0.0.1:${second}`, pool: 'web' } } });
  balancer.child.kill('SIGHUP');
  await applied(count + 1);
  // A connection that was open before may bring one more request.
  const fresh = { headers: { connection: 'close' } };
  const first = await fetch(`http://127.0.0.1:${second}/`, fresh);
  assert.equal(first.status, 200);
  await first.body?.cancel();
  balancer.write(next);
  balancer.child.kill('SIGHUP');
  await applied(count + 2);
  await assert.rejects(fetch(`http://127.0.0.1:${second}/`, fresh));
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});

test('a refused reload leaves health as it was', async () => {
  const [dead, other] = await freePorts(2);
  const blocker = createServer();
  await new Promise<void>((resolve) => blocker.listen(other, '127.0.0.1', resolve));
  const good = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const checked = document(
    {},
    { endpoints: [good, `127.0.0.1:${dead}`], health: { tcp: true, interval: '200ms', fall: 1 } },
  );
  const count = (await balancer.status()).reloads;
  balancer.write(checked);
  balancer.child.kill('SIGHUP');
  await applied(count.applied + 1);
  const stateOfDead = async (): Promise<string> => (await balancer.status()).pools[0].endpoints[1].state;
  const until = performance.now() + 5000;
  while ((await stateOfDead()) !== 'down') assert.ok(performance.now() < until, await stateOfDead());
  const from = balancer.output.length;
  const unchecked = document({}, { endpoints: [good, `127.0.0.1:${dead}`], health: false });
  balancer.write({
    ...unchecked,
    listeners: { ...unchecked.listeners, more: { bind: `127.0.0.1:${other}`, pool: 'web' } },
  });
  balancer.child.kill('SIGHUP');
  await balancer.said(/reload refused.*port is in use/s, { from });
  assert.equal(await stateOfDead(), 'down');
  assert.doesNotMatch(balancer.output.slice(from), /is up/);
  assert.ok((await balancer.status()).reloads.refused > count.refused);
  blocker.close();
});

test('an address that a running listener holds, and a log that cannot be written, are refused with the reason', async () => {
  const renamed = document();
  for (const [next, reason] of [
    [{ ...renamed, listeners: { other: renamed.listeners.web } }, /held by the running listener/],
    [{ ...renamed, accessLog: '/proc/nope/access.log' }, /cannot write \/proc\/nope\/access\.log/],
  ] as const) {
    const from = balancer.output.length;
    balancer.write(next);
    balancer.child.kill('SIGHUP');
    await balancer.said(reason, { from });
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).status, 200);
});
