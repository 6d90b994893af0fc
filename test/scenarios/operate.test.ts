// What an operator does with the commands: look, drain, change, take back; against a real process under traffic.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server, type ServerResponse } from 'node:http';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse, stringify } from 'yaml';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const held: ServerResponse[] = [];
const servers: Server[] = [];
let balancer: BalancerProcess;
let web = 0;
const ids: string[] = [];

before(async () => {
  for (let i = 0; i < 2; i++) {
    const server = createServer((request, response) => {
      if (request.url === '/held') held.push(response);
      else response.end(ids[i]);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.push(server);
    ids.push(`api/127.0.0.1:${(server.address() as { port: number }).port}`);
  }
  const [port, adminPort, dns] = await freePorts(3);
  web = port;
  balancer = await BalancerProcess.start(
    {
      listeners: { web: { bind: `127.0.0.1:${web}`, pool: 'api' } },
      pools: { api: { balance: 'round-robin', endpoints: ids.map((id) => id.slice(4)), health: false } },
      sites: { eu: { addresses: ['203.0.113.1'], pool: 'api' }, us: { addresses: ['203.0.113.2'] } },
      dns: {
        bind: `127.0.0.1:${dns}`,
        zones: { 'example.com': { records: { www: { ttl: 1, steer: { kind: 'failover', order: ['eu', 'us'] } } } } },
      },
      admin: { bind: `127.0.0.1:${adminPort}`, state: 'state.json' },
    },
    { adminPort },
  );
});

after(async () => {
  await balancer.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
});

function run(...args: string[]): Promise<{ code: number | null; out: string; problem: string }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [BIN, ...args, '-c', balancer.file], { stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let problem = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      problem += chunk.toString();
    });
    child.on('exit', (code) => resolve({ code, out, problem }));
  });
}

function ask(path = '/'): Promise<string> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port: web, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    }).on('error', reject);
  });
}

async function shares(): Promise<number[]> {
  const counts = ids.map(() => 0);
  for (let i = 0; i < 12; i++) counts[ids.indexOf((await ask()).slice(4))]++;
  return counts;
}

test('explain says route, candidates and pick, for people and for machines', async () => {
  const { code, out } = await run('explain', 'GET', `http://x:${web}/a`, '-H', 'X-User: ann');
  assert.equal(code, 0);
  assert.match(out, /^listener {2}web\nclient {4}127\.0\.0\.1, by the connection\n/);
  assert.match(out, /pick {6}api\/127\.0\.0\.1:\d+, by round-robin/);
  const json = JSON.parse((await run('explain', 'dns', 'www.example.com', '--json')).out);
  assert.deepEqual([json.rcode, json.answers[0].data], ['NOERROR', '203.0.113.1']);
  const wrong = await run('explain', 'GET', 'nonsense');
  assert.deepEqual([wrong.code, wrong.out], [1, '']);
  assert.match(wrong.problem, /"nonsense" is no address/);
});

test('a drain shows what still runs, ends when nothing does, and loses no request', async () => {
  const slow = ask('/held');
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const [busy] = (await balancer.status()).pools[0].endpoints.filter(({ inFlight }) => inFlight > 0);
  const drained = run('drain', busy.id, '--note', 'rolling');
  await new Promise((resolve) => setTimeout(resolve, 1500));
  const others = await shares();
  assert.equal(others[ids.indexOf(busy.id)], 0, 'nothing new goes there');
  held.pop()!.end('done');
  assert.equal(await slow, '200 done');
  const { code, out } = await drained;
  assert.equal(code, 0, out);
  assert.match(out, /drains: 1 request left/);
  assert.match(out, /is empty after/);
  assert.match((await run('ready', busy.id)).out, /its checks decide again/);
  assert.ok((await shares()).every((count) => count > 0));
  const { out: told } = await run('timeline', busy.id);
  assert.match(told, /up → draining {2}\(operator\) drain: local: rolling/);
});

test('a deadline that passes with something left is told by the exit code; nothing is cut', async () => {
  const slow = ask('/held');
  while (held.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
  const [busy] = (await balancer.status()).pools[0].endpoints.filter(({ inFlight }) => inFlight > 0);
  const { code, out } = await run('drain', busy.id, '--deadline', '1s');
  assert.equal(code, 1);
  assert.match(out, /the deadline has passed, 1 request left; they finish, nothing new comes/);
  held.pop()!.end('done');
  assert.equal(await slow, '200 done');
  await run('ready', busy.id);
});

test('weights, new endpoints and their end; what cannot be is refused with a hint', async () => {
  assert.match((await run('weight', ids[0], '0')).out, /has weight 0\n$/, 'saved: nothing more to say');
  assert.deepEqual((await shares())[0], 0);
  assert.equal((await run('reset', ids[0])).code, 0);
  assert.ok((await shares())[0] > 0);
  const near = `${ids[0].slice(0, -1)}x`;
  const wrong = await run('maintenance', near);
  assert.equal(wrong.code, 1);
  assert.match(wrong.problem, /there is no endpoint/);
  assert.match((await run('add', 'api/127.0.0.1:1', '--weight', '-2')).problem, /weight/);
  assert.match((await run('add', 'apy/127.0.0.1:1')).problem, /did you mean "api"/);
});

test('a whole site is drained: DNS first, then its endpoints', async () => {
  const drained = run('drain', 'site:eu');
  await new Promise((resolve) => setTimeout(resolve, 700));
  const early = JSON.parse((await run('explain', 'dns', 'www.example.com', '--json')).out);
  assert.equal(early.answers[0].data, '203.0.113.2');
  const { code, out } = await drained;
  assert.equal(code, 0, out);
  assert.match(
    out,
    /^eu is out of DNS answers; those that were given run out in 1\.0 s; then the endpoints of api drain\n/,
  );
  assert.match(out, /is empty after/);
  assert.equal((await run('ready', 'site:eu')).code, 0);
  assert.ok((await shares()).every((count) => count > 0));
});

test('a configuration is planned, applied, saved and rolled back by commands', async () => {
  const written = parse(readFileSync(balancer.file, 'utf8'));
  const other = `${balancer.file}.next.yaml`;
  writeFileSync(other, stringify({ ...written, pools: { api: { ...written.pools.api, balance: 'random' } } }));
  assert.equal((await run('config', 'plan', other)).out, '~ pool api: balance\n');
  const applied = await run('config', 'apply', other, '--note', 'try it');
  assert.match(applied.out, /^~ pool api: balance\nin effect, but not to its file/);
  assert.match((await run('config', 'versions')).out, /2 {2}.* {2}local: try it\n {3}1 .*the start\n$/);
  assert.match((await run('config', 'rollback', '1', '--save')).out, /and written to its file\n$/);
  writeFileSync(other, 'listeners: { web: { bind: nowhere } }');
  const wrong = await run('config', 'apply', other);
  assert.equal(wrong.code, 1);
  assert.match(wrong.problem, /1:27: listeners\.web\.bind needs a port, as in 10\.0\.0\.1:8080/);
});

test('top shows numbers as they come, for people and for machines', async () => {
  const asking = setInterval(() => void ask(), 20);
  const text = await run('top', '--count', '3');
  const json = await run('top', '--count', '2', '--json');
  clearInterval(asking);
  assert.equal(text.code, 0);
  assert.match(text.out, /^evenkeel \d+\.\d+\.\d+ {2}configuration \d+ {2}\d workers {2}\d\d:\d\d:\d\d$/m);
  assert.match(text.out, /^api {2}[\d.]+\/s {2}0 % errors {2}\d+ in flight {2}p50 [\d.]+ ms/m);
  assert.match(text.out, new RegExp(`^ {2}${ids[0]} {2}up .*share`, 'm'));
  const samples = json.out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(samples.length, 2);
  assert.ok(
    samples[1].endpoints.some(({ rate, p50 }: { rate: number; p50: number | null }) => rate > 1 && p50 !== null),
  );
});

test('without a balancer commands say where they looked', async () => {
  const { code, problem } = await run('timeline', '--admin', '127.0.0.1:1');
  assert.equal(code, 1);
  assert.match(problem, /nobody answers on 127\.0\.0\.1:1 \(ECONNREFUSED\)/);
});
