// Purging caches of a running balancer with two workers: by the command, and by HTTP, which browsers cannot be made to use.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));

test('purge: by address, prefix, tag, or all, in every worker', async (t) => {
  let asked = 0;
  const server = createServer((incoming, response) => {
    asked++;
    response.setHeader('Cache-Control', 'max-age=600');
    response.setHeader('Cache-Tag', incoming.url!.startsWith('/news') ? 'news' : 'other');
    response.end(`${incoming.url} ${asked}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const [port, adminPort] = await freePorts(2);
  const balancer = await BalancerProcess.start({
    workers: 2,
    listeners: { web: { bind: `127.0.0.1:${port}`, filters: ['cache'], pool: 'web' } },
    pools: { web: { endpoints: [`127.0.0.1:${(server.address() as AddressInfo).port}`] } },
    admin: { bind: `127.0.0.1:${adminPort}` },
  });
  t.after(async () => {
    await balancer.stop();
    server.close();
    server.closeAllConnections();
  });
  // A connection each, so that both workers see some.
  const get = (path: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const outgoing = request(
        { port, path, agent: false, headers: { Host: 'www.example.com', Connection: 'close' } },
        (response) => {
          response.resume();
          response.on('end', () => resolve(String(response.headers['cache-status'])));
        },
      );
      outgoing.on('error', reject);
      outgoing.end();
    });
  const fill = async (...paths: string[]): Promise<void> => {
    for (const path of paths) for (let i = 0; i < 16; i++) await get(path);
  };
  const command = (...args: string[]) =>
    spawnSync(process.execPath, [BIN, 'purge', '-c', balancer.file, ...args], { encoding: 'utf8', timeout: 30_000 });
  const purged = (...args: string[]): number => {
    const { status, stdout, stderr } = command('--json', ...args);
    assert.equal(status, 0, stderr);
    return (JSON.parse(stdout) as { purged: number }).purged;
  };
  await fill('/a?b=1', '/images/1', '/images/2', '/news');
  assert.match(await get('/a?b=1'), /hit/);
  const copies = purged('--url', 'http://WWW.example.com:80/a?b=1');
  assert.ok(copies === 1 || copies === 2, `${copies}: one in each worker that was asked`);
  assert.doesNotMatch(await get('/a?b=1'), /hit/);
  const images = purged('--prefix', 'http://www.example.com/images/');
  assert.ok(images >= 2 && images <= 4, `${images}`);
  assert.ok(purged('--tag', 'news') >= 1);
  assert.equal(purged('--tag', 'news'), 0);
  assert.ok(purged('--all') >= 1);
  assert.equal(purged('--all'), 0);
  assert.match(command('--all').stdout, /^0 answers purged/);
  assert.match(command().stderr, /say what/);
  assert.match(command('--all', '--tag', 'x').stderr, /one of/);
  const [nobody] = await freePorts(1);
  const alone = command('--all', '--admin', `127.0.0.1:${nobody}`);
  assert.deepEqual([alone.status, /nobody answers/.test(alone.stderr)], [1, true]);

  const post = async (query: string, headers: Record<string, string>, method = 'POST'): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const outgoing = request({ port: adminPort, path: `/cache/purge?${query}`, method, headers }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    outgoing.on('error', reject);
    outgoing.end();
    return promise;
  };
  await fill('/a');
  const ours = { 'X-Evenkeel': '1' };
  assert.equal(await post('all=1', {}), 403);
  assert.equal(await post('all=1', { 'Content-Type': 'application/x-www-form-urlencoded' }), 403);
  assert.equal(await post('all=1', { 'Content-Type': 'text/plain; application/json' }), 403);
  assert.equal(await post('all=1', { ...ours, Origin: 'https://evil.example' }), 403);
  assert.equal(await post('all=1', { ...ours, 'Sec-Fetch-Site': 'cross-site' }), 403);
  assert.equal(await post('all=1', { ...ours, Host: 'evil.example' }), 403);
  assert.equal(await post('all=1', ours, 'GET'), 405);
  assert.equal(await post('all=1', ours, 'OPTIONS'), 405, 'no preflight is allowed');
  for (const query of ['', 'all=', 'all=0', 'tag=', 'nothing=1', 'all=1&tag=a'])
    assert.equal(await post(query, ours), 400);
  assert.match(await get('/a'), /hit/, 'none of them purged anything');
  assert.equal(await post('all=1', { 'Content-Type': 'application/json' }), 200);
});
