// Three real balancers and a real Redis: who probes, what all believe, one configuration for all, limits that hold together, and the
// Redis killed under traffic.

import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { stringify } from 'yaml';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import {
  backend,
  clusterNodes,
  clusterOf,
  get,
  type Node,
  pause,
  SECRET,
  statesOf,
  until,
} from '../../src/testing/cluster-world.ts';
import { redisServer, redisServerAt } from '../../src/testing/databases.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { Pebble } from '../../src/testing/pebble.ts';
import { needs } from '../../src/testing/programs.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const health = { http: { path: '/health' }, interval: '200ms', pendingInterval: '50ms', timeout: '100ms', jitter: 0 };

test('each target is probed by so many balancers as wanted, and a verdict is everywhere at once', async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  const server = await backend(t);
  const pools = { web: { endpoints: [server.address], health: { ...health, rise: 2, fall: 2 } } };
  const nodes = await clusterNodes(t, {
    url: `redis://127.0.0.1:${redis.port}`,
    document: () => ({ pools }),
    cluster: { health: { vantages: 1 } },
  });
  await until(async () => (await statesOf(nodes, 'web')).every((state) => state === 'up'), 'all say it is up');
  await pause(1500);
  server.probes.length = 0;
  await pause(4000);
  // 20 intervals; without sharing there would be 60.
  assert.ok(server.probes.length >= 15 && server.probes.length <= 21, `${server.probes.length} probes in 20 intervals`);
  server.healthy = false;
  const first = until(async () => (await statesOf(nodes, 'web')).includes('down'), 'one says down');
  const all = until(async () => (await statesOf(nodes, 'web')).every((state) => state === 'down'), 'all say down');
  const apart = (await all) - (await first);
  t.diagnostic(`all followed the first within ${Math.round(apart)} ms`);
  assert.ok(apart < 500, `${apart} ms apart`);
  const { changes } = await nodes[0].process.status();
  const news = changes.find(({ to }) => to === 'down')!;
  assert.equal(news.cause, 'cluster');
  assert.match(news.evidence, /^1 of 1 vantages say down: node-[abc] GET \/health → 503/);
});

test('what only one of three cannot reach stays up everywhere; what two cannot is down on the third as well', async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  const server = await backend(t);
  // The vantage of each is told apart by the token that it sends: the backend does not like some.
  const disliked = new Set<string>();
  server.server.removeAllListeners('request');
  server.server.on('request', (asked, response) => {
    response.statusCode = disliked.has(String(asked.headers['x-vantage'])) ? 503 : 200;
    response.end();
  });
  const nodes = await clusterNodes(t, {
    url: `redis://127.0.0.1:${redis.port}`,
    document: (i) => ({
      pools: {
        web: {
          endpoints: [server.address],
          health: { ...health, http: { path: '/health', headers: { 'x-vantage': `v${i}` } }, rise: 2, fall: 2 },
        },
      },
    }),
  });
  await until(async () => (await statesOf(nodes, 'web')).every((state) => state === 'up'), 'all say it is up');
  await until(async () => (await clusterOf(nodes[0])).health.agreed === 1, 'they agree');
  disliked.add('v0');
  await pause(1500);
  assert.deepEqual(await statesOf(nodes, 'web'), ['up', 'up', 'up']);
  disliked.add('v2');
  await until(async () => (await statesOf(nodes, 'web')).every((state) => state === 'down'), 'two of three are enough');
  disliked.clear();
  await until(async () => (await statesOf(nodes, 'web')).every((state) => state === 'up'), 'it is back');
});

test('a balancer that is killed is missed within seconds, and its targets find others who probe them', async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  const servers = await Promise.all(Array.from({ length: 6 }, () => backend(t)));
  const pools = { web: { endpoints: servers.map(({ address }) => address), health } };
  const nodes = await clusterNodes(t, {
    url: `redis://127.0.0.1:${redis.port}`,
    document: () => ({ pools }),
    cluster: { health: { vantages: 1 } },
  });
  await until(async () => (await clusterOf(nodes[0])).health.agreed === 6, 'all is agreed on');
  const left = nodes.slice(1);
  await nodes[0].process.stop('SIGKILL');
  await until(async () => (await clusterOf(left[0])).nodes.length === 2, 'it is missed');
  await until(async () => {
    const all = await Promise.all(left.map((node) => clusterOf(node)));
    return all.every(({ health: { agreed, local } }) => agreed === 6 && local === 0);
  }, 'the others share its work');
  for (const server of servers) server.healthy = false;
  await until(async () => {
    const states = await Promise.all(servers.map((_, i) => statesOf(left, 'web', i)));
    return states.flat().every((state) => state === 'down');
  }, 'all of them are watched');
});

test('one configuration is published for all; who cannot take it refuses, says why, and keeps what it has', async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  const server = await backend(t);
  const url = `redis://127.0.0.1:${redis.port}`;
  const document = (route: string, more: object = {}) => ({
    workers: 1,
    admin: '127.0.0.1:0',
    cluster: { redis: url, secret: SECRET },
    listeners: { web: { bind: '127.0.0.1:0', routes: [{ path: route, pool: 'web' }] }, ...more },
    pools: { web: { endpoints: [server.address] } },
  });
  const nodes = await clusterNodes(t, {
    url,
    document: () => ({ pools: { web: { endpoints: [server.address] } } }),
  });
  const publish = (text: string, seen: number): Promise<Response> =>
    fetch(`http://127.0.0.1:${nodes[1].admin}/api/v1/cluster/config?note=try`, {
      method: 'POST',
      headers: { 'content-type': 'application/yaml', 'x-evenkeel': '1', 'if-match': `"${seen}"` },
      body: text,
    });
  const bad = await publish(stringify({ ...document('/a'), pools: { other: { endpoints: ['127.0.0.1:1'] } } }), 0);
  assert.equal(bad.status, 422);
  assert.match(await bad.text(), /web/);
  const answers = async (): Promise<
    readonly { name: string; config: { version: number; state: string; issues: string[] } }[]
  > => (await clusterOf(nodes[0])).nodes;
  const answered = (version: number) =>
    until(
      async () => (await answers()).every(({ config }) => config.version === version && config.state !== 'pending'),
      `${version} is answered`,
    );
  assert.equal((await publish(stringify(document('/a')), 0)).status, 202);
  await answered(1);
  assert.deepEqual(
    (await answers()).map(({ config }) => config.state),
    ['applied', 'applied', 'applied'],
  );
  for (const { process } of nodes) assert.match(process.output, /published configuration 1 of .* is in effect/);
  assert.equal((await publish(stringify(document('/b')), 0)).status, 412, 'somebody was faster');
  // A certificate that is missing on one of them.
  const { Authority } = await import('../../src/testing/certificates.ts');
  const { cert, key } = await (await Authority.make()).issue({ names: ['a.test'] });
  for (const { process } of nodes.slice(0, 2)) {
    const folder = join(dirname(process.file), 'certs');
    mkdirSync(folder);
    writeFileSync(join(folder, 'a.pem'), cert);
    writeFileSync(join(folder, 'a.key'), key);
  }
  const tls = { certificates: [{ cert: 'certs/a.pem', key: 'certs/a.key' }] };
  const secure = { secure: { bind: '127.0.0.1:0', protocol: 'https', tls, pool: 'web' } };
  assert.equal((await publish(stringify(document('/b', secure)), 1)).status, 202);
  await answered(2);
  const [a, b, c] = await answers();
  assert.deepEqual([a.config.state, b.config.state, c.config.state], ['applied', 'applied', 'refused']);
  assert.match(c.config.issues.join(), /certs\/a\.pem/);
  assert.match(nodes[2].process.output, /published configuration 2 of .* is refused/);
  assert.equal((await nodes[2].process.status()).listeners.length, 1, 'it keeps what it had');
  // By the command: the one that refused takes the next one.
  const file = join(dirname(nodes[0].process.file), 'next.yaml');
  writeFileSync(file, stringify(document('/c')));
  const done = await command('cluster', 'publish', file, '--admin', `127.0.0.1:${nodes[1].admin}`, '--note', 'again');
  assert.equal(done.code, 0, done.output);
  assert.match(done.output, /^published as version 3\n {2}node-a {2}version 3 applied/);
  const shown = await command('cluster', '--admin', `127.0.0.1:${nodes[0].admin}`);
  assert.match(shown.output, /published: version 3 of .*: again/);
  // A Redis that lost everything gets it back, and who starts from an older file takes it.
  await redis.stop('SIGKILL');
  const again = await redisServerAt(redis.port);
  t.after(() => again.stop());
  await until(async () => (await clusterOf(nodes[0])).nodes.length === 3, 'they are together again');
  const late = BalancerProcess.spawn(document('/old'), { args: ['--no-watch'] });
  t.after(() => late.stop('SIGKILL'));
  utimesSync(late.file, 1_000_000_000, 1_000_000_000);
  await late.said(/published configuration 3 of .* is in effect/);
  const newer = await BalancerProcess.start(document('/own'), { args: ['--no-watch'] });
  t.after(() => newer.stop('SIGKILL'));
  await newer.said(/the file is newer than the published configuration 3/);
});

test('three balancers let through what one would: a limit that holds for all of them', async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  const server = await backend(t);
  const url = `redis://127.0.0.1:${redis.port}`;
  const limit = 100;
  const filters = [
    { 'rate-limit': { rate: `${limit}/s`, burst: 100, key: '${method}', store: { redis: url, timeout: '2s' } } },
  ];
  const nodes = await clusterNodes(t, {
    url,
    document: () => ({ pools: { web: { endpoints: [server.address] } } }),
    web: { pool: 'web', filters },
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.after(() => agent.destroy());
  let passed = 0;
  let ended = false;
  let refused: (() => void) | undefined;
  const worker = async ({ port }: Node): Promise<void> => {
    while (!ended) {
      const status = await get(port, agent);
      if (status === 200) passed++;
      else if (status === 429) refused?.();
    }
  };
  const workers = nodes.flatMap((node) => Array.from({ length: 4 }, () => worker(node)));
  // Who is refused finds nothing left: between two such moments so much passes as the rate says, however busy this machine is.
  const nothingLeft = (): Promise<void> =>
    new Promise((resolve) => {
      refused = resolve;
    });
  await nothingLeft();
  // Those that are under way still are of what could come at once.
  await pause(500);
  await nothingLeft();
  passed = 0;
  const began = performance.now();
  await pause(5000);
  await nothingLeft();
  const seconds = (performance.now() - began) / 1000;
  const counted = passed;
  ended = true;
  await Promise.all(workers);
  const share = counted / seconds / limit;
  t.diagnostic(`${(counted / seconds).toFixed(1)} a second of ${limit}: ${((share - 1) * 100).toFixed(2)} %`);
  assert.ok(Math.abs(share - 1) <= 0.02, `${counted} in ${seconds} s`);
});

test('the Redis is killed and comes back under traffic: no request fails, health moves on, and all is shared again', async (t) => {
  const redis = await redisServer();
  const [server, other] = [await backend(t), await backend(t)];
  const url = `redis://127.0.0.1:${redis.port}`;
  const filters = [{ 'rate-limit': { rate: '1000000/s', key: '${method}', store: { redis: url } } }];
  const nodes = await clusterNodes(t, {
    url,
    document: () => ({
      pools: { web: { endpoints: [server.address, other.address], health: { ...health, rise: 2, fall: 2 } } },
    }),
    web: { pool: 'web', filters },
  });
  await until(async () => (await clusterOf(nodes[0])).health.agreed === 2, 'they agree');
  const agent = new Agent({ keepAlive: true, maxSockets: 4 });
  t.after(() => agent.destroy());
  const statuses = new Map<number, number>();
  let ended = false;
  const worker = async ({ port }: Node): Promise<void> => {
    while (!ended) {
      const status = await get(port, agent);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const workers = nodes.flatMap((node) => [worker(node), worker(node)]);
  await pause(500);
  await redis.stop('SIGKILL');
  await until(async () => (await clusterOf(nodes[2])).state === 'alone', 'they notice');
  other.healthy = false;
  await until(
    async () => (await statesOf(nodes, 'web', 1)).every((state) => state === 'down'),
    'each sees it by itself',
  );
  for (const { process } of nodes) assert.match(process.output, /goes on alone/);
  // Nobody needs the Redis to start.
  const late = await BalancerProcess.start({
    workers: 1,
    cluster: { redis: url, secret: SECRET, node: 'late' },
    listeners: { web: { bind: '127.0.0.1:0', pool: 'web' } },
    pools: { web: { endpoints: [server.address], health } },
  });
  t.after(() => late.stop('SIGKILL'));
  assert.match(late.output, /goes on alone/);
  const again = await redisServerAt(redis.port);
  t.after(() => again.stop());
  await until(async () => (await clusterOf(nodes[2])).nodes.length === 4, 'they are together again');
  await until(async () => (await clusterOf(nodes[0])).health.agreed === 2, 'they agree again');
  assert.deepEqual(await statesOf(nodes, 'web', 1), ['down', 'down', 'down']);
  other.healthy = true;
  await until(async () => (await statesOf(nodes, 'web', 1)).every((state) => state === 'up'), 'it is back for all');
  ended = true;
  await Promise.all(workers);
  t.diagnostic(`answers by status: ${JSON.stringify([...statuses])}`);
  assert.deepEqual([...statuses.keys()], [200]);
  for (const { process } of nodes) assert.equal(process.output.match(/goes on alone/g)?.length, 1, 'said once');
});

test('one balancer orders a certificate, another one answers for it, and both serve it', {
  skip: needs('pebble'),
}, async (t) => {
  const redis = await redisServer();
  t.after(() => redis.stop());
  // A Redis that is new gives nobody the right to act for a while.
  execFileSync('redis-cli', ['-p', `${redis.port}`, 'set', 'evenkeel:{cluster}:fence:acme', '1']);
  const [httpPort, tlsPort, dnsPort, otherHttp, otherTls] = await freePorts(5);
  const pebble = await Pebble.prepare({ httpPort, tlsPort, dnsPort });
  t.after(() => pebble.stop());
  const document = (node: string, http: number, tls: number): object => ({
    workers: 1,
    cluster: { redis: `redis://127.0.0.1:${redis.port}`, secret: SECRET, node },
    acme: { directory: pebble.directory, ca: pebble.caFile, storage: 'acme', agreeTerms: true },
    listeners: {
      plain: { bind: `127.0.0.1:${http}`, pool: 'web' },
      web: {
        bind: `127.0.0.1:${tls}`,
        protocol: 'https',
        tls: { certificates: [{ acme: 'example.com' }] },
        pool: 'web',
      },
    },
    pools: { web: { endpoints: ['127.0.0.1:1'], health: false } },
    ...(http === httpPort
      ? { dns: { bind: `127.0.0.1:${dnsPort}`, zones: { 'example.com': { records: { '@': { A: '127.0.0.1' } } } } } }
      : {}),
  });
  // The authority is not there yet; the one that may order is not the one that it will come to.
  const orders = await BalancerProcess.start(document('orders', otherHttp, otherTls));
  t.after(() => orders.stop('SIGKILL'));
  await orders.said(/no certificate for example.com/);
  const answers = await BalancerProcess.start(document('answers', httpPort, tlsPort));
  t.after(() => answers.stop('SIGKILL'));
  await pebble.start();
  await orders.said(/there is a new certificate for example.com/, { withinMs: 30_000 });
  await answers.said(/another balancer obtained example.com/);
  assert.doesNotMatch(answers.output, /there is a new certificate|no certificate for/, 'it never asked for one');
  const serials = await Promise.all([otherTls, tlsPort].map((port) => foundBy(() => serialOf(port))));
  assert.equal(serials[0], serials[1]);
});

async function foundBy(look: () => Promise<string>): Promise<string> {
  let found = '';
  await until(async () => {
    found = await look();
    return found !== '';
  }, 'it serves what was obtained');
  return found;
}

/** '' for one that we made ourselves. */
function serialOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, servername: 'example.com', rejectUnauthorized: false }, () => {
      const { serialNumber, issuer } = socket.getPeerCertificate();
      socket.destroy();
      resolve(/Pebble/.test(String(issuer.CN)) ? serialNumber : '');
    });
    socket.on('error', () => resolve(''));
  });
}

function command(...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [BIN, ...args], (_error, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    );
  });
}
