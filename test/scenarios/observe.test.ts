// What operators see of real traffic: metrics that Prometheus accepts, a status, an access log, an admin server that
// answers loopback only.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';

const log = join(tmpdir(), `evenkeel-access-${process.pid}.log`);
let server: Server;
let balancer: BalancerProcess;
let port = 0;
let admin = 0;

before(async () => {
  server = createServer((message, response) => {
    if (message.url === '/health') {
      response.statusCode = 503;
      response.setHeader('content-type', 'application/json');
      response.end('{"status":"unhealthy","checks":{"database":false,"cache":true}}');
      return;
    }
    response.statusCode = message.url === '/missing' ? 404 : 200;
    response.end('ok\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const backend = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  let dead = 0;
  [port, admin, dead] = await freePorts(3);
  balancer = await BalancerProcess.start(
    {
      workers: 2,
      listeners: {
        web: {
          bind: `127.0.0.1:${port}`,
          routes: [{ path: '/gone', pool: 'gone' }, { path: '/sick', pool: 'sick' }, { pool: 'web' }],
        },
      },
      pools: {
        web: { endpoints: [backend] },
        gone: { endpoints: [`127.0.0.1:${dead}`], retries: 0 },
        sick: { endpoints: [backend], health: { http: '/health', interval: '200ms', fall: 1 } },
      },
      admin: { bind: `127.0.0.1:${admin}` },
      accessLog: { to: log },
    },
    { adminPort: admin },
  );
  for (let i = 0; i < 20; i++) await (await fetch(`http://127.0.0.1:${port}/`)).text();
  await (await fetch(`http://127.0.0.1:${port}/missing`, { headers: { 'user-agent': 'a"b' } })).text();
  assert.equal((await fetch(`http://127.0.0.1:${port}/gone`)).status, 502);
  const rude = connect(port, '127.0.0.1');
  rude.resume().end('GET / HTTP/1.1\r\n\r\n');
  await new Promise((resolve) => rude.once('close', resolve));
});

after(async () => {
  await balancer?.stop();
  server.close();
  server.closeAllConnections();
  rmSync(log, { force: true });
});

const metrics = async (): Promise<string> => (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();

test('metrics count what happened, over all workers', async () => {
  const text = await metrics();
  const value = (line: string): number =>
    Number(new RegExp(`^${line.replace(/[{}]/g, '\\$&')} (\\S+)$`, 'm').exec(text)?.[1]);
  assert.equal(value('evenkeel_requests_total{listener="web"}'), 22);
  assert.equal(value('evenkeel_responses_total{listener="web",code="2xx"}'), 20);
  assert.equal(value('evenkeel_responses_total{listener="web",code="4xx"}'), 2);
  assert.equal(value('evenkeel_responses_total{listener="web",code="5xx"}'), 1);
  assert.equal(value('evenkeel_errors_total{listener="web",cause="connect-failed"}'), 1);
  assert.equal(value('evenkeel_response_time_seconds_count{pool="web"}'), 21);
  assert.equal(value('evenkeel_reloads_total{result="applied"}'), 0);
  assert.match(text, /evenkeel_endpoint_state\{pool="web",endpoint="[\d.:]+",state="up"\} 1/);
});

test('promtool accepts the metrics', { skip: needs('promtool') }, async () => {
  const checked = spawnSync(findProgram('promtool')!, ['check', 'metrics'], {
    input: await metrics(),
    encoding: 'utf8',
  });
  assert.equal(checked.status, 0, checked.stdout + checked.stderr);
  assert.equal(checked.stdout + checked.stderr, '');
});

test('the status shows health with its evidence, down to the named dependency', async () => {
  const until = performance.now() + 5000;
  for (;;) {
    const status = await balancer.status();
    const sick = status.pools.find((pool) => pool.name === 'sick')!;
    if (sick.endpoints[0].state === 'down') {
      assert.equal(sick.mode, 'empty');
      assert.deepEqual(sick.endpoints[0].active.last?.checks, { database: false, cache: true });
      assert.match(
        status.changes.find((change) => change.pool === 'sick' && change.to === 'down')!.evidence,
        /503.*database/,
      );
      break;
    }
    assert.ok(performance.now() < until, JSON.stringify(sick));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/sick`)).status, 503);
});

test('the access log has one JSON object a request, with what became of it', async () => {
  const until = performance.now() + 5000;
  let lines: Record<string, unknown>[] = [];
  while (lines.length < 23) {
    assert.ok(performance.now() < until, `${lines.length} lines`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    lines = readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line));
  }
  const missing = lines.find((line) => line.path === '/missing')!;
  assert.equal(missing.status, 404);
  assert.equal(missing.userAgent, 'a"b');
  assert.equal(missing.client, '127.0.0.1');
  assert.match(String(missing.requestId), /^[0-9a-z-]+$/);
  const refused = lines.find((line) => line.error === 'bad-host')!;
  assert.deepEqual([refused.status, refused.client, refused.method], [400, '127.0.0.1', ''], 'no request, but logged');
  const gone = lines.find((line) => line.path === '/gone')!;
  assert.deepEqual([gone.status, gone.error, gone.pool], [502, 'connect-failed', 'gone']);
});

test('the admin server answers loopback names only, and reads only', async () => {
  const ask = (options: object): Promise<number> =>
    new Promise((resolve, reject) => {
      request({ host: '127.0.0.1', port: admin, path: '/status', ...options }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on('error', reject)
        .end();
    });
  assert.equal(await ask({}), 200);
  assert.equal(await ask({ headers: { host: 'evil.example' } }), 403, 'DNS rebinding');
  assert.equal(await ask({ method: 'POST' }), 403, 'a form of some page');
  assert.equal(await ask({ method: 'POST', headers: { 'x-evenkeel': '1' } }), 405);
  assert.equal(await ask({ path: '/nope' }), 404);
});
