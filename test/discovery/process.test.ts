// Discovery in a whole balancer: sets that change under load fail no request, what is found is probed, a start does not fail
// because a source does, and status and metrics say how sources stand.

import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, get, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { eventually } from '../../src/testing/scenario.ts';

interface Backend {
  readonly address: string;
  readonly server: Server;
  probes: number;
}

async function backends(t: TestContext, count: number): Promise<Backend[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer((request, response) => {
        if (request.url === '/health') backend.probes++;
        setTimeout(() => response.end(backend.address), 2);
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => {
        server.close();
        server.closeAllConnections();
      });
      const backend = { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, server, probes: 0 };
      return backend;
    }),
  );
}

function sourceFile(t: TestContext): { readonly path: string; write(text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-discovery-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'endpoints.json');
  return {
    path,
    write(text) {
      writeFileSync(`${path}.new`, text);
      renameSync(`${path}.new`, path);
    },
  };
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

function ask(port: number, agent?: Agent): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ port, host: '127.0.0.1', ...(agent && { agent }) }, (response) => {
      let body = '';
      response.on('data', (part) => {
        body += String(part);
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    }).on('error', reject);
  });
}

async function balancer(
  t: TestContext,
  pool: object,
  workers = 2,
): Promise<{ port: number; process: BalancerProcess; admin: number }> {
  const [port, admin] = await freePorts(2);
  const process = await BalancerProcess.start(
    {
      workers,
      admin: { bind: `127.0.0.1:${admin}` },
      listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web' } },
      pools: { web: pool },
    },
    { adminPort: admin },
  );
  t.after(() => process.stop());
  return { port, process, admin };
}

test('sets change under load without a failed request, and what is found is probed', { timeout: 60_000 }, async (t) => {
  const all = await backends(t, 6);
  const file = sourceFile(t);
  const list = (...which: number[]): string => JSON.stringify(which.map((i) => all[i].address));
  file.write(list(0, 1));
  const { port, process } = await balancer(t, {
    health: { http: '/health', interval: '200ms' },
    discover: { file: file.path },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  t.after(() => agent.destroy());
  assert.equal((await ask(port, agent)).status, 200, 'found before it serves');
  let isLoading = true;
  const failures: string[] = [];
  const seen = new Set<string>();
  let requests = 0;
  const load = Array.from({ length: 16 }, async () => {
    while (isLoading) {
      const { status, body } = await ask(port, agent).catch((error: Error) => ({ status: 0, body: error.message }));
      requests++;
      if (status === 200) seen.add(body);
      else failures.push(`${status} ${body}`);
    }
  });
  for (const set of [[2, 3], [3, 4, 5], [0], [1, 2, 3, 4, 5]]) {
    file.write(list(...set));
    const wanted = new Set(set.map((i) => all[i].address));
    await eventually(async () => {
      const { pools } = await process.status();
      const now = pools[0].endpoints.filter(({ state }) => state === 'up').map(({ address }) => address);
      return now.length === wanted.size && now.every((address) => wanted.has(address));
    }, `served by ${set.join()}`);
    seen.clear();
    await wait(150);
    const gone = [...seen].filter((address) => !wanted.has(address));
    assert.deepEqual(gone, [], 'who is gone gets nothing new');
    assert.equal(seen.size, wanted.size, 'everybody new gets something');
  }
  // An error empties nothing.
  file.write('[');
  await eventually(() => process.output.includes('cannot be used; the 5 endpoints of before are kept'), 'said');
  await wait(200);
  isLoading = false;
  await Promise.all(load);
  assert.deepEqual(failures, []);
  assert.ok(requests > 500, `${requests} requests`);
  assert.ok(
    all.every(({ probes }) => probes > 0),
    'all were probed',
  );
  const status = await process.status();
  assert.equal(status.discovery[0].state, 'stale');
  assert.ok(status.pools[0].endpoints.every(({ origin }) => origin === 'discovery'));
});

test('a source that fails at the start is no obstacle: it serves what is written down, and the rest when it comes', async (t) => {
  const [fixed, later] = await backends(t, 2);
  const file = sourceFile(t);
  const { port, process, admin } = await balancer(t, { endpoints: [fixed.address], discover: { file: file.path } }, 1);
  assert.equal((await ask(port)).body, fixed.address);
  const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
  const labels = `{pool="web",kind="file",where="${file.path}"}`;
  assert.ok((await metrics()).includes(`evenkeel_discovery_up${labels} 0`));
  file.write(
    JSON.stringify([
      { address: later.address, weight: 3 },
      { address: fixed.address, weight: 50 },
    ]),
  );
  await eventually(async () => (await process.status()).pools[0].endpoints.length === 2, 'both');
  const { endpoints } = (await process.status()).pools[0];
  assert.deepEqual(
    endpoints.map(({ address, weight, origin }) => [address, weight, origin]),
    [
      [fixed.address, 1, 'config'],
      [later.address, 3, 'discovery'],
    ],
    'what is written down counts',
  );
  const text = await metrics();
  assert.ok(text.includes(`evenkeel_discovery_up${labels} 1`));
  assert.ok(text.includes(`evenkeel_discovery_endpoints${labels} 2`));
  assert.match(text, /evenkeel_discovery_errors_total\{[^}]*\} [1-9]/);
});

test('a reload that adds a source waits for its first set, and one that removes it takes its endpoints along', async (t) => {
  const [one, two] = await backends(t, 2);
  const file = sourceFile(t);
  file.write(JSON.stringify([two.address]));
  const [port, admin] = await freePorts(2);
  const document = (pool: object): object => ({
    workers: 1,
    admin: { bind: `127.0.0.1:${admin}` },
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web' } },
    pools: { web: pool },
  });
  const process = await BalancerProcess.start(document({ endpoints: [one.address] }), { adminPort: admin });
  t.after(() => process.stop());
  assert.equal((await ask(port)).body, one.address);
  process.write(document({ discover: { file: file.path } }));
  await eventually(async () => (await ask(port)).body === two.address, 'the other one');
  process.write(document({ endpoints: [one.address] }));
  await eventually(async () => {
    const { pools } = await process.status();
    return pools[0].endpoints.length === 1 && pools[0].endpoints[0].address === one.address;
  }, 'the first one again');
  assert.deepEqual((await process.status()).discovery, []);
});
