// Session persistence of whole processes: what outlives a restart and what does not, over several workers, and what metrics say.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, type TestContext, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const servers: Server[] = [];
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-keys-'));

before(async () => {
  for (let i = 0; i < 4; i++) {
    const server = createServer((_request, response) => response.end(String(i)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
  }
});

after(() => {
  rmSync(folder, { recursive: true });
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
  }
});

interface Started {
  readonly process: BalancerProcess;
  readonly document: object;
  /** Asks on a connection of its own; workers take turns. */
  visit(cookie?: string): Promise<{ readonly place: string; readonly cookie: string | undefined }>;
  metrics(): Promise<string>;
}

async function start(t: TestContext, affinity: object, workers = 1): Promise<Started> {
  const [port, adminPort] = await freePorts(2);
  const document = {
    workers,
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'web' } },
    pools: {
      web: {
        balance: 'random',
        health: false,
        endpoints: servers.map((server) => `127.0.0.1:${(server.address() as AddressInfo).port}`),
        affinity,
      },
    },
    admin: { bind: `127.0.0.1:${adminPort}` },
  };
  const process = await BalancerProcess.start(document, { adminPort });
  t.after(() => process.stop('SIGKILL'));
  return {
    process,
    document,
    async visit(cookie) {
      const headers = { connection: 'close', ...(cookie === undefined ? {} : { cookie }) };
      const response = await fetch(`http://127.0.0.1:${port}/`, { headers });
      return { place: await response.text(), cookie: response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie };
    },
    metrics: async () => (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text(),
  };
}

type Visits = readonly { readonly place: string; readonly cookie: string | undefined }[];

async function visitors({ visit }: Started, count = 8): Promise<Visits> {
  const visits = [];
  for (let i = 0; i < count; i++) visits.push(await visit());
  return visits;
}

async function again({ visit }: Started, visits: Visits): Promise<string[]> {
  const places = [];
  for (const { cookie } of visits) places.push((await visit(cookie)).place);
  return places;
}

const placesOf = (visits: Visits): string[] => visits.map(({ place }) => place);

test('with a keys file that is made on the way, sessions outlive a restart; the file is nobody else’s', async (t) => {
  const keysFile = join(folder, 'made.keys');
  const first = await start(t, { cookie: 'S', keysFile });
  const visits = await visitors(first);
  await first.process.stop('SIGKILL');
  assert.match(readFileSync(keysFile, 'utf8'), /^[\w-]{43}\n$/);
  assert.equal(statSync(keysFile).mode & 0o777, 0o600);
  const second = await start(t, { cookie: 'S', keysFile });
  assert.deepEqual(await again(second, visits), placesOf(visits));
});

test('keys in the configuration do the same, on any balancer that has them and over all workers', async (t) => {
  const affinity = { cookie: 'S', keys: ['one key for both of them, long enough'] };
  const [first, second] = await Promise.all([start(t, affinity, 2), start(t, affinity)]);
  const visits = await visitors(first);
  for (let i = 0; i < 3; i++) assert.deepEqual(await again(first, visits), placesOf(visits));
  assert.deepEqual(await again(second, visits), placesOf(visits));
});

test('without keys it says so, and a restart begins sessions anew: old cookies are counted, nobody is refused', async (t) => {
  const first = await start(t, { cookie: 'S' });
  await first.process.said(/affinity cookies of web end with this process/);
  const visits = await visitors(first);
  assert.deepEqual(await again(first, visits), placesOf(visits));
  await first.process.stop('SIGKILL');
  const second = await start(t, { cookie: 'S' });
  await again(second, visits);
  assert.match(await second.metrics(), /evenkeel_affinity_refused_total\{pool="web",reason="forged"\} 8\n/);
});

test('a key is rotated by a line in front and a reload; one that cannot be used changes nothing', async (t) => {
  const keysFile = join(folder, 'rotated.keys');
  writeFileSync(keysFile, 'the first key, long enough for that\n', { mode: 0o600 });
  const one = await start(t, { cookie: 'S', keysFile });
  const visits = await visitors(one);
  const reload = async (keys: string): Promise<void> => {
    const from = one.process.output.length;
    writeFileSync(keysFile, keys);
    one.process.child.kill('SIGHUP');
    await one.process.said(/reload/, { from });
  };
  await reload('# newest first\nthe second key, long enough for that\nthe first key, long enough for that\n');
  assert.deepEqual(await again(one, visits), placesOf(visits));
  const fresh = await visitors(one);
  await reload('short\n');
  assert.deepEqual(await again(one, fresh), placesOf(fresh));
  await reload('the second key, long enough for that\n');
  assert.deepEqual(await again(one, fresh), placesOf(fresh), 'the second one sealed these');
  await again(one, visits);
  assert.match(await one.metrics(), /evenkeel_affinity_refused_total\{pool="web",reason="forged"\} 8\n/);
});

test('metrics say how many sessions are where, and how requests found their way', async (t) => {
  const one = await start(t, { cookie: 'S', keys: ['one key for both of them, long enough'] }, 2);
  const visits = await visitors(one, 20);
  await again(one, visits);
  const text = await one.metrics();
  const sessions = [...text.matchAll(/evenkeel_affinity_sessions\{pool="web",endpoint="127\.0\.0\.1:(\d+)"\} (\d+)/g)];
  const expected = servers.map((server, i) => {
    const port = String((server.address() as AddressInfo).port);
    return [port, String(visits.filter(({ place }) => place === String(i)).length)];
  });
  assert.deepEqual(
    sessions.map(([, port, count]) => [port, count]),
    expected,
  );
  assert.match(text, /evenkeel_affinity_picks_total\{pool="web",result="begun"\} 20\n/);
  assert.match(text, /evenkeel_affinity_picks_total\{pool="web",result="pinned"\} 20\n/);
});
