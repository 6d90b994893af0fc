// The process as an operator meets it: what it says when it cannot start, how it stops, what it survives.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { startLoad } from '../../src/testing/load.ts';

let server: Server;
let backend = '';

before(async () => {
  server = createServer((request, response) => {
    const delay = Number(new URL(request.url ?? '/', 'http://x').searchParams.get('ms') ?? 0);
    setTimeout(() => response.end('ok\n'), delay);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  backend = `127.0.0.1:${(server.address() as AddressInfo).port}`;
});

after(() => {
  server.close();
  server.closeAllConnections();
});

const document = (port: number, adminPort: number, workers = 1, extra: object = {}) => ({
  workers,
  listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web' } },
  pools: { web: { endpoints: [backend] } },
  admin: { bind: `127.0.0.1:${adminPort}` },
  ...extra,
});

test('a bad configuration: every issue, exit code 1, nothing started', async () => {
  const balancer = BalancerProcess.spawn(
    'listeners:\n  web: { bind: 127.0.0.1:1, pool: nope, routs: [] }\npools:\n  api: { balance: rond-robin }\n',
  );
  const { code } = await balancer.exited;
  assert.equal(code, 1);
  assert.match(balancer.output, /evenkeel\.yaml:2:\d+: .*names the pool "nope"/);
  assert.match(balancer.output, /routs is not known here\n.*\n.*\n {2}hint: did you mean "routes"\?/);
  assert.match(balancer.output, /evenkeel\.yaml:4:\d+: .*"rond-robin"\n.*\n.*\n {2}hint: did you mean "round-robin"\?/);
  assert.doesNotMatch(balancer.output, /listens/);
  await balancer.stop();
});

test('a firewall whose engine does not load is refused by check and at the start, and told why', async () => {
  const [port, adminPort] = await freePorts(2);
  const firewall = { listeners: { web: { bind: `127.0.0.1:${port}`, filters: [{ waf: 'block' }], pool: 'web' } } };
  // What a platform without a binary is like.
  const without = { ...process.env, NODE_OPTIONS: '--no-addons' };
  const balancer = BalancerProcess.spawn(document(port, adminPort, 1, firewall), { env: without });
  const { code } = await balancer.exited;
  assert.equal(code, 1);
  assert.match(
    balancer.output,
    /waf\.mode needs the native engine @datadog\/native-appsec, which does not load on \S+ with Node v/,
  );
  assert.doesNotMatch(balancer.output, /serving/);
  const bin = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
  const checked = spawnSync(process.execPath, [bin, 'check', balancer.file], { encoding: 'utf8', env: without });
  assert.equal(checked.status, 1, checked.stdout);
  assert.match(checked.stderr, /evenkeel\.yaml:\d+:\d+: .*needs the native engine[\s\S]*hint: .*"mode: off"/);
  await balancer.stop();
});

for (const workers of [1, 2]) {
  test(`a port in use is said clearly and leaves nothing running (workers: ${workers})`, async () => {
    const [adminPort] = await freePorts(1);
    const balancer = BalancerProcess.spawn(document((server.address() as AddressInfo).port, adminPort, workers));
    const { code } = await balancer.exited;
    assert.equal(code, 1);
    assert.match(balancer.output, /cannot listen on 127\.0\.0\.1:\d+: the port is in use/);
    await balancer.stop();
  });

  test(`an admin port in use stops everything again (workers: ${workers})`, async () => {
    const [port] = await freePorts(1);
    const balancer = BalancerProcess.spawn(document(port, (server.address() as AddressInfo).port, workers));
    const { code } = await balancer.exited;
    assert.equal(code, 1);
    assert.match(balancer.output, /admin: cannot listen/);
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'the listener is gone');
    await balancer.stop();
  });

  test(`SIGTERM lets running requests finish and reports it (workers: ${workers})`, async () => {
    const [port, adminPort] = await freePorts(2);
    const balancer = await BalancerProcess.start(document(port, adminPort, workers));
    const slow = fetch(`http://127.0.0.1:${port}/?ms=600`);
    await new Promise((resolve) => setTimeout(resolve, 200));
    balancer.child.kill('SIGTERM');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await assert.rejects(fetch(`http://127.0.0.1:${port}/`), 'new connections are refused');
    const response = await slow;
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('connection'), 'close');
    assert.equal(await response.text(), 'ok\n');
    const { code } = await balancer.exited;
    assert.equal(code, 0);
    assert.match(balancer.output, /every request was finished/);
    await balancer.stop();
  });

  test(`what outlives the drain deadline is cut and counted (workers: ${workers})`, async () => {
    const [port, adminPort] = await freePorts(2);
    const balancer = await BalancerProcess.start(
      document(port, adminPort, workers, { drain: { requests: '200ms', streams: '200ms' } }),
    );
    const slow = fetch(`http://127.0.0.1:${port}/?ms=5000`);
    slow.catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 200));
    const { code } = await balancer.stop();
    assert.equal(code, 1);
    assert.match(balancer.output, /cut off 1 requests/);
    await assert.rejects(slow);
  });
}

test('a crashed worker is replaced, its requests are given back, the others do not notice', async () => {
  const [port, adminPort] = await freePorts(2);
  const program = `
    import { BALANCERS } from ${JSON.stringify(new URL('../../src/balancing/index.ts', import.meta.url).href)};
    const inner = BALANCERS.find((kind) => kind.name === 'round-robin');
    const crashing = { name: 'crashing', needs: 'key', schema: {}, build(view, _config, env) {
      const balancer = inner.build(view, {}, env);
      return { pick(request) { if (request.key === 'crash') throw new Error('as planned'); return balancer.pick(request); } };
    } };
    export default { ...${JSON.stringify(document(port, adminPort, 2))}, balancers: [crashing],
      pools: { web: { endpoints: ['${backend}'], balance: { kind: 'crashing', key: 'header:x-key' } } } };
  `;
  const balancer = await BalancerProcess.start(program, { adminPort, name: 'evenkeel.config.mjs' });
  await assert.rejects(fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-key': 'crash' } }));
  await balancer.said(/worker \d died and is replaced/);
  const until = performance.now() + 5000;
  while (!(await balancer.status()).workers.some((worker) => worker.restarts === 1))
    assert.ok(performance.now() < until);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const load = startLoad(port, { clients: 8 });
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { outcomes } = await load.stop();
  assert.deepEqual([...outcomes.keys()], ['200']);
  const { endpoints } = (await balancer.status()).pools[0];
  assert.equal(endpoints[0].inFlight, 0, 'the crashed worker holds no lease');
  await balancer.stop();
});

test('SIGINT twice stops at once', async () => {
  const [port, adminPort] = await freePorts(2);
  const balancer = await BalancerProcess.start(document(port, adminPort));
  const slow = fetch(`http://127.0.0.1:${port}/?ms=5000`);
  slow.catch(() => undefined);
  await new Promise((resolve) => setTimeout(resolve, 100));
  balancer.child.kill('SIGINT');
  await balancer.said(/draining/);
  balancer.child.kill('SIGINT');
  const { code } = await balancer.exited;
  assert.equal(code, 130);
  await balancer.stop();
});

test('too many open files: requests are refused and it is said why, no endpoint is blamed, service goes on after', async () => {
  const [port, adminPort] = await freePorts(2);
  const balancer = await BalancerProcess.start(document(port, adminPort), { adminPort, openFiles: 50 });
  try {
    const ask = async (): Promise<number> => {
      const response = await fetch(`http://127.0.0.1:${port}/?ms=1500`, { headers: { connection: 'close' } });
      await response.text();
      return response.status;
    };
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, ask));
    assert.ok(
      outcomes.some((outcome) => outcome.status === 'rejected' || outcome.value === 503),
      'some were refused',
    );
    await balancer.said(/out of sockets: \d+ requests were refused; raise the limit/);
    const { endpoints } = (await balancer.status()).pools[0];
    assert.equal(endpoints[0].state, 'up');
    assert.equal(await ask(), 200);
  } finally {
    await balancer.stop();
  }
});
