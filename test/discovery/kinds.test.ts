// What is peculiar to each kind of discovery: how its source says weight, tier, zone and health, and how it is spoken to.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Authority } from '../../src/testing/certificates.ts';
import { redisServer } from '../../src/testing/databases.ts';
import { redisCommands } from '../../src/testing/discovery-worlds.ts';
import { Etcd } from '../../src/testing/etcd.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { nsd } from '../../src/testing/nsd.ts';
import { apiDouble, ConsulDouble, DockerDouble, json, KubernetesDouble } from '../../src/testing/platform-doubles.ts';
import { needs } from '../../src/testing/programs.ts';
import { eventually } from '../../src/testing/scenario.ts';
import { Watched } from '../../src/testing/watched.ts';

function watch(t: TestContext, discover: object, folder?: string): Watched {
  const watched = new Watched(discover, folder);
  t.after(() => watched.close());
  return watched;
}

function folderFor(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-kinds-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const brief = (watched: Watched): readonly string[] =>
  watched.endpoints
    .map(({ address, weight, tier, zone }) => `${address.host}:${address.port} w${weight} t${tier} ${zone}`.trim())
    .sort();

async function zone(t: TestContext, records: string): Promise<number> {
  const [port] = await freePorts(1);
  const head = '$ORIGIN example.test.\n$TTL 1\n@ SOA ns admin 1 3600 600 86400 1\n@ NS ns\nns A 127.0.0.1\n';
  const server = await nsd(port, [{ name: 'example.test', text: head + records }]);
  t.after(() => server.stop());
  return port;
}

test('dns: SRV priorities become tiers and weights weights, targets and ports come along', {
  skip: needs('nsd'),
}, async (t) => {
  const port = await zone(
    t,
    `_http._tcp SRV 10 60 8080 a
_http._tcp SRV 10 0 8081 b
_http._tcp SRV 20 5 8082 c
a A 127.0.0.1
b A 127.0.0.2
b AAAA ::1
c CNAME d
d A 127.0.0.4
`,
  );
  const watched = watch(t, { dns: '_http._tcp.example.test', type: 'SRV', resolvers: [`127.0.0.1:${port}`] });
  await watched.is('ok');
  assert.deepEqual(brief(watched), [
    '127.0.0.1:8080 w60 t0',
    '127.0.0.2:8081 w0.005 t0',
    '127.0.0.4:8082 w5 t1',
    '::1:8081 w0.005 t0',
  ]);
});

test('dns: an answer too long for a datagram is fetched by TCP', { skip: needs('nsd') }, async (t) => {
  const port = await zone(t, Array.from({ length: 200 }, (_, i) => `many A 127.0.1.${i + 1}\n`).join(''));
  const watched = watch(t, { dns: 'many.example.test:80', type: 'A', resolvers: [`127.0.0.1:${port}`] });
  await eventually(() => watched.endpoints.length === 200, 'all 200');
});

test('dns: a name that is not there is an error, told as what it is; a silent resolver is passed by', {
  skip: needs('nsd'),
}, async (t) => {
  const port = await zone(t, 'api A 127.0.0.1\nempty TXT "x"\n');
  const [silent] = await freePorts(1);
  const resolvers = [`127.0.0.1:${silent}`, `127.0.0.1:${port}`];
  const found = watch(t, { dns: 'api.example.test:80', resolvers });
  const missing = watch(t, { dns: 'nobody.example.test:80', resolvers });
  const empty = watch(t, { dns: 'empty.example.test:80', resolvers });
  await found.has('127.0.0.1:80');
  await missing.is('stale');
  assert.match(missing.report.lastError ?? '', /does not exist \(NXDOMAIN\)/);
  await empty.is('stale');
  assert.match(empty.report.lastError ?? '', /has no addresses/);
});

test('kubernetes: ready ones with their zones, of all pages; those that end only when nobody is ready', async (t) => {
  const double = await KubernetesDouble.start();
  t.after(() => double.api.stop());
  const ports = [
    { name: 'http', port: 8080 },
    { name: 'metrics', port: 9090 },
  ];
  double.put(
    'web-1',
    [{ address: '10.0.0.1', zone: 'a', conditions: { ready: true } }, { address: '10.0.0.2' }],
    ports,
  );
  double.put('web-2', [{ address: '10.0.0.3', conditions: { ready: false, serving: true, terminating: true } }], ports);
  double.put('web-3', [{ address: '10.0.0.4', conditions: { ready: false } }], ports);
  const server = `http://127.0.0.1:${double.api.port}`;
  const watched = watch(t, { kubernetes: 'default/web', port: 'http', server, zone: 'x' });
  await watched.is('ok');
  assert.deepEqual(brief(watched), ['10.0.0.1:8080 w1 t0 a', '10.0.0.2:8080 w1 t0 x']);
  double.put('web-1', [{ address: '10.0.0.1', conditions: { ready: false, serving: true, terminating: true } }], ports);
  await watched.has('10.0.0.1:8080', '10.0.0.3:8080');
  double.remove('web-2');
  await watched.has('10.0.0.1:8080');
  const wrong = watch(t, { kubernetes: 'default/web', port: 'grpc', server });
  await wrong.is('stale');
  assert.match(wrong.report.lastError ?? '', /has no port "grpc", but http, metrics/);
  const open = watch(t, { kubernetes: 'default/web', server });
  await open.is('stale');
  assert.match(open.report.lastError ?? '', /has several ports \(http, metrics\)/);
});

test('kubernetes: 410 Gone, as an answer or in the stream, is followed by a new list', async (t) => {
  const double = await KubernetesDouble.start();
  t.after(() => double.api.stop());
  double.put('web-1', [{ address: '10.0.0.1' }]);
  const watched = watch(t, { kubernetes: 'default/web', server: `http://127.0.0.1:${double.api.port}` });
  await watched.has('10.0.0.1:80');
  await eventually(() => double.api.asked.some((line) => line.includes('watch=1')), 'watching');
  double.compact();
  double.put('web-1', [{ address: '10.0.0.2' }]);
  await watched.has('10.0.0.2:80');
  const lists = (): number => double.api.asked.filter((line) => !line.includes('watch=1')).length;
  await eventually(() => lists() === 2, 'listed anew');
  await eventually(() => double.api.asked.at(-1)?.includes('watch=1') === true, 'watching again');
  double.expire();
  await eventually(() => lists() === 3, 'listed anew');
  double.put('web-1', [{ address: '10.0.0.3' }]);
  await watched.has('10.0.0.3:80');
  assert.equal(watched.report.errors, 0, 'none of it is an error');
});

test('kubernetes: the token is read anew when it was rotated', async (t) => {
  const folder = folderFor(t);
  const double = await KubernetesDouble.start();
  t.after(() => double.api.stop());
  double.token = 'first';
  writeFileSync(join(folder, 'token'), 'first\n');
  double.put('web-1', [{ address: '10.0.0.1' }]);
  const server = `http://127.0.0.1:${double.api.port}`;
  const watched = watch(t, { kubernetes: 'default/web', server, tokenFile: 'token' }, folder);
  await watched.has('10.0.0.1:80');
  double.token = 'second';
  double.compact();
  await watched.is('stale');
  assert.match(watched.report.lastError ?? '', /answered 401/);
  writeFileSync(join(folder, 'token'), 'second\n');
  double.put('web-1', [{ address: '10.0.0.2' }]);
  await watched.has('10.0.0.2:80');
});

test('consul: weights, datacenters and tags; a token; an index that goes back', async (t) => {
  process.env.TEST_CONSUL_TOKEN = 'secret';
  const double = await ConsulDouble.start();
  t.after(() => double.api.stop());
  double.token = 'secret';
  double.set([
    { address: '10.0.0.1', port: 8080, weight: 3, datacenter: 'eu', tags: ['v2'] },
    { address: '10.0.0.2', port: 8080 },
    { address: 'not an address', port: 8080, tags: ['v2'] },
  ]);
  const server = `http://127.0.0.1:${double.api.port}`;
  const watched = watch(t, { consul: 'web', server, tokenEnv: 'TEST_CONSUL_TOKEN', tags: 'v2' });
  await watched.is('ok');
  assert.deepEqual(brief(watched), ['10.0.0.1:8080 w3 t0 eu']);
  assert.match(watched.report.note, /"web-not an address"/);
  double.set([{ address: '10.0.0.3', port: 8080, tags: ['v2'] }], 1);
  await watched.has('10.0.0.3:8080');
  double.set([], 2);
  await watched.has();
  assert.equal(watched.report.state, 'ok', 'nobody passing is a set');
});

test('etcd: values with settings, one that is wrong is left out, compaction is survived', {
  skip: needs('etcd'),
}, async (t) => {
  const etcd = await Etcd.start();
  t.after(() => etcd.stop());
  await etcd.change({
    '/api/a': '10.0.0.1:80',
    '/api/b': '{"address":"10.0.0.2:80","weight":4,"tier":1,"zone":"eu"}',
    '/api/10.0.0.3:80': '',
    '/api/bad': 'nonsense',
    '/apis/other': '10.9.9.9:80',
  });
  const watched = watch(t, { etcd: '/api/', server: etcd.url });
  await watched.is('ok');
  assert.deepEqual(brief(watched), ['10.0.0.1:80 w1 t0', '10.0.0.2:80 w4 t1 eu', '10.0.0.3:80 w1 t0']);
  assert.match(watched.report.note, /"\/api\/bad"/);
  // While it is away, its revision goes.
  await etcd.end();
  await watched.is('stale');
  await etcd.begin();
  for (let i = 0; i < 3; i++) await etcd.change({ '/api/a': `10.0.1.${i}:80` });
  const revision = await etcd.revision();
  assert.ok((await etcd.post('/v3/kv/compaction', { revision, physical: true })).ok);
  await watched.has('10.0.1.2:80', '10.0.0.2:80', '10.0.0.3:80');
});

test('redis: hashes, sets and sorted sets; entries that are over are left out', {
  skip: needs('redis-server'),
}, async (t) => {
  const server = await redisServer();
  t.after(() => server.stop());
  const redis = `redis://127.0.0.1:${server.port}`;
  const now = Math.floor(Date.now() / 1000);
  await redisCommands(server.port, [
    ['HSET', 'hash', 'a', '{"address":"10.0.0.1:80","weight":3}', '10.0.0.2:80', ''],
    ['HSET', 'hash', 'c', `{"address":"10.0.0.3:80","expires":${now - 1}}`],
    ['SADD', 'set', '10.0.0.4:80', `{"address":"10.0.0.5:80","expires":${now + 60}}`],
    ['ZADD', 'sorted', String(now - 5), '10.0.0.6:80', String(now + 60), '10.0.0.7:80'],
    ['SET', 'text', 'x'],
  ]);
  const of = (key: string): Watched => watch(t, { redis, key, interval: '500ms' });
  const [hash, set, sorted, text, none] = ['hash', 'set', 'sorted', 'text', 'none'].map(of);
  await hash.has('10.0.0.1:80', '10.0.0.2:80');
  assert.deepEqual(brief(hash), ['10.0.0.1:80 w3 t0', '10.0.0.2:80 w1 t0']);
  await set.has('10.0.0.4:80', '10.0.0.5:80');
  await sorted.has('10.0.0.7:80');
  await text.is('stale');
  assert.match(text.report.lastError ?? '', /has a string at "text"/);
  await none.is('stale');
  assert.match(none.report.lastError ?? '', /has no key "none"/);
});

test('docker: labels say port, weight, tier and zone; who has no clear address or port is left out', async (t) => {
  const socket = join(folderFor(t), 'docker.sock');
  const double = await DockerDouble.start(socket);
  t.after(() => double.api.stop());
  const mine = { 'evenkeel.pool': 'p' };
  double.set([
    { name: 'one', address: '172.17.0.2', ports: [80], labels: mine },
    {
      name: 'two',
      address: '172.17.0.3',
      ports: [80, 443],
      labels: { ...mine, 'evenkeel.port': '8080', 'evenkeel.weight': '4', 'evenkeel.tier': '1', 'evenkeel.zone': 'eu' },
    },
    { name: 'three', address: '172.17.0.4', ports: [80, 443], labels: mine },
    { name: 'four', address: '', ports: [80], labels: mine },
    { name: 'other', address: '172.17.0.9', ports: [80], labels: { 'evenkeel.pool': 'q' } },
  ]);
  const watched = watch(t, { docker: `unix://${socket}` });
  await watched.is('ok');
  assert.deepEqual(brief(watched), ['172.17.0.2:80 w1 t0', '172.17.0.3:8080 w4 t1 eu']);
  assert.match(watched.report.note, /"\/three" has no port.*"\/four" has no address/);
});

test('http: certificates are verified, tokens sent, redirects not followed, nonsense not believed', async (t) => {
  const folder = folderFor(t);
  const authority = await Authority.make();
  const { cert, key } = await authority.issue({ names: ['localhost'] });
  writeFileSync(join(folder, 'ca.pem'), authority.pem);
  const seen: (string | undefined)[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    seen.push(request.headers.authorization);
    json(response, [{ targets: ['10.0.0.1:80'], labels: { zone: 'eu' } }]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `https://localhost:${(server.address() as AddressInfo).port}/sd.json`;
  writeFileSync(join(folder, 'token'), 'hush\n');
  const good = watch(t, { http: url, ca: 'ca.pem', tokenFile: 'token' }, folder);
  await good.has('10.0.0.1:80');
  assert.equal(seen[0], 'Bearer hush');
  const unknown = watch(t, { http: url });
  await unknown.is('stale');
  assert.match(unknown.report.lastError ?? '', /certificate/);
  const answers: Record<string, [number, string]> = {
    '/moved': [302, ''],
    '/html': [200, '<p>'],
    '/bad': [200, '[5]'],
  };
  const double = await apiDouble((where, _request, response) => {
    const [status, body] = answers[where.pathname];
    response.writeHead(status, { location: 'http://elsewhere.example/' }).end(body);
  });
  t.after(() => double.stop());
  const expected = { '/moved': /redirects are not followed/, '/html': /no JSON/, '/bad': /entry 1/ };
  for (const [path, pattern] of Object.entries(expected)) {
    const watched = watch(t, { http: `http://127.0.0.1:${double.port}${path}` });
    await watched.is('stale');
    assert.match(watched.report.lastError ?? '', pattern);
  }
});

test('http: a server that never ends, or never begins, is given up', { timeout: 30_000 }, async (t) => {
  const double = await apiDouble((url, _request, response) => {
    if (url.pathname === '/silent') return;
    response.writeHead(200);
    const part = Buffer.alloc(1024 * 1024, 32);
    const more = (): void => {
      while (!response.destroyed && response.write(part));
      if (!response.destroyed) response.once('drain', more);
    };
    more();
  });
  t.after(() => double.stop());
  const at = (path: string): object => ({ http: `http://127.0.0.1:${double.port}${path}`, timeout: '10s' });
  const [silent, endless] = [watch(t, at('/silent')), watch(t, at('/endless'))];
  await endless.is('stale');
  assert.match(endless.report.lastError ?? '', /larger than|no answer within/);
  await silent.is('stale');
  assert.match(silent.report.lastError ?? '', /no answer within/);
});

test('file: groups as Prometheus has them, JSON, a list with comments; a file that grows counts when it is whole', async (t) => {
  const folder = folderFor(t);
  const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
  write('sd.json', '[{"targets":["10.0.0.1:80"],"labels":{"weight":"3"}}]');
  write('list.yaml', '# ours\n- 10.0.0.1:80\n\n- 10.0.0.2:80\n');
  write('full.yaml', 'endpoints:\n  - { address: "10.0.0.1:80", tier: 1 }\n  - "[::1]:80"\n');
  const sd = watch(t, { file: 'sd.json' }, folder);
  const list = watch(t, { file: 'list.yaml' }, folder);
  const full = watch(t, { file: 'full.yaml' }, folder);
  await sd.is('ok');
  assert.deepEqual(brief(sd), ['10.0.0.1:80 w3 t0']);
  await list.has('10.0.0.1:80', '10.0.0.2:80');
  await full.has('10.0.0.1:80', '[::1]:80');
  const sizes = new Set<number>();
  // In place, piece by piece: every piece is a valid list.
  for (let i = 1; i <= 40; i++) {
    const lines = Array.from({ length: i }, (_, n) => `- 10.0.1.${n}:80\n`).join('');
    write('list.yaml', lines);
    await new Promise((resolve) => setTimeout(resolve, 2));
    sizes.add(list.endpoints.length);
  }
  await eventually(() => list.endpoints.length === 40, 'the whole file');
  assert.ok(sizes.size <= 3, `few halves were believed: ${[...sizes].join()}`);
  rmSync(join(folder, 'list.yaml'));
  await list.is('stale');
  assert.equal(list.report.lastError, 'does not exist');
  assert.equal(list.endpoints.length, 40);
  assert.ok(readFileSync(join(folder, 'full.yaml')).length > 0);
});
