// DNS clients that are not ours against the real process: kdig over IPv4 and IPv6, UDP and TCP, every EDNS option it can send; and
// queries that both workers of one port take.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';

const run = promisify(execFile);
const skip = needs('kdig');

const BIG = Array.from({ length: 60 }, (_, n) => `198.51.100.${n}`);
let balancer: BalancerProcess;
let port = 0;
let adminPort = 0;

before(async () => {
  [port, adminPort] = await freePorts(2);
  balancer = await BalancerProcess.start({
    workers: 2,
    sites: { eu: '203.0.113.1', us: '203.0.113.2' },
    dns: {
      bind: [`127.0.0.1:${port}`, `[::1]:${port}`],
      nsid: 'ns1-test',
      zones: {
        'example.com': {
          records: {
            www: { ttl: 60, A: ['192.0.2.1', '192.0.2.2'], AAAA: '2001:db8::1' },
            near: { ttl: 30, steer: { kind: 'geo', default: 'us', eu: ['192.0.2.0/24', '2001:db8:1::/48'] } },
            big: { ttl: 60, A: BIG },
          },
        },
      },
    },
    admin: { bind: `127.0.0.1:${adminPort}` },
  });
});

after(() => balancer.stop());

async function kdig(host: string, ...args: string[]): Promise<string> {
  const { stdout, stderr } = await run(findProgram('kdig')!, [`@${host}`, '-p', `${port}`, '+retry=1', ...args]);
  assert.equal(stderr, '');
  assert.doesNotMatch(stdout, /WARNING|malformed|failed/i);
  return stdout;
}

for (const host of ['127.0.0.1', '::1']) {
  for (const transport of ['UDP', 'TCP']) {
    test(`kdig gets its answer from ${host} by ${transport}`, { skip }, async () => {
      const out = await kdig(host, 'www.example.com', 'AAAA', transport === 'TCP' ? '+tcp' : '+notcp');
      assert.match(out, /status: NOERROR/);
      assert.match(out, /Flags: qr aa rd;/);
      assert.match(out, /^www\.example\.com\.\s+60\s+IN\s+AAAA\s+2001:db8::1$/m);
      assert.match(out, new RegExp(`From ${host}@${port}\\(${transport}\\)`));
      const missing = await kdig(host, 'nope.example.com', 'A', transport === 'TCP' ? '+tcp' : '+notcp');
      assert.match(missing, /status: NXDOMAIN/);
      assert.match(missing, /^example\.com\.\s+60\s+IN\s+SOA\s/m);
    });
  }
}

test('kdig +subnet: the answer is for that network, and the scope says so', { skip }, async () => {
  const inside = await kdig('127.0.0.1', 'near.example.com', 'A', '+subnet=192.0.2.0/24');
  assert.match(inside, /CLIENT-SUBNET: 192\.0\.2\.0\/24\/24/);
  assert.match(inside, /IN\s+A\s+203\.0\.113\.1$/m);
  const elsewhere = await kdig('::1', 'near.example.com', 'A', '+subnet=198.51.100.0/24');
  assert.match(elsewhere, /IN\s+A\s+203\.0\.113\.2$/m);
  const six = await kdig('::1', 'near.example.com', 'A', '+subnet=2001:db8:1::/48');
  assert.match(six, /CLIENT-SUBNET: 2001:db8:1::\/48\/48/);
  assert.match(six, /IN\s+A\s+203\.0\.113\.1$/m);
  const plain = await kdig('127.0.0.1', 'www.example.com', 'A', '+subnet=192.0.2.0/24');
  assert.match(plain, /CLIENT-SUBNET: 192\.0\.2\.0\/24\/0/);
});

test('kdig +nsid: the server tells its name', { skip }, async () => {
  assert.match(await kdig('127.0.0.1', 'www.example.com', 'A', '+nsid'), /NSID: \w+ "ns1-test"/);
  assert.doesNotMatch(await kdig('127.0.0.1', 'www.example.com', 'A', '+edns'), /NSID/);
});

test('kdig +bufsize: an answer that does not fit is truncated, and whole by TCP', { skip }, async () => {
  for (const [bufsize, truncated] of [
    [512, true],
    [1232, false],
  ] as const) {
    const out = await kdig('127.0.0.1', 'big.example.com', 'A', `+bufsize=${bufsize}`, '+ignore');
    assert.equal(/Flags: qr aa tc/.test(out), truncated, out);
    assert.match(out, /UDP size: 1232 B/);
    assert.ok(Number(/Received (\d+) B/.exec(out)![1]) <= bufsize);
  }
  const whole = await run(findProgram('kdig')!, ['@127.0.0.1', '-p', `${port}`, 'big.example.com', '+bufsize=512']);
  assert.match(whole.stdout, /ANSWER: 60;[\s\S]*\(TCP\)/);
});

test('kdig +cookie: the answer has a server cookie for this client, which is taken back', { skip }, async () => {
  const first = await kdig('127.0.0.1', 'www.example.com', 'A', '+cookie=0123456789abcdef');
  const [, cookie] = /COOKIE: (0123456789ABCDEF[0-9A-F]{32})\n/.exec(first)!;
  await sleep(1100);
  const again = await kdig('127.0.0.1', 'www.example.com', 'A', `+cookie=${cookie}`);
  assert.match(again, /status: NOERROR/);
  // One made in another second would differ: this one was recognised.
  assert.match(again, new RegExp(`COOKIE: ${cookie}`));
  const forged = await kdig('127.0.0.1', 'www.example.com', 'A', `+cookie=${cookie.slice(0, -8)}00000000`);
  assert.doesNotMatch(forged, new RegExp(`COOKIE: ${cookie.slice(0, -8)}00000000`));
});

test('both workers answer on the one port, over UDP and TCP', { skip }, async () => {
  const perWorker = async (): Promise<number[]> => {
    const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
    return Array.from(text.matchAll(/^evenkeel_worker_dns_queries_total\{worker="\d"\} (\d+)$/gm), ([, n]) =>
      Number(n),
    );
  };
  for (const transport of ['+notcp', '+tcp']) {
    const earlier = await perWorker();
    assert.equal(earlier.length, 2);
    // Each query has a port of its own, and the kernel chooses a worker's socket by that.
    const queries = Array.from({ length: 24 }, () => ['www.example.com', 'A', transport]).flat();
    for (let i = 0; i < 3; i++) await kdig('127.0.0.1', ...queries);
    const gained = (await perWorker()).map((count, worker) => count - earlier[worker]);
    assert.equal(gained[0] + gained[1], 72);
    assert.ok(Math.min(...gained) > 0, `${transport}: ${gained.join(' and ')} queries`);
  }
});
