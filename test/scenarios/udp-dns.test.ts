// Real name servers behind `evenkeel run`, asked by real clients over UDP: the answers are theirs, a server that dies is
// left, a load of tens of thousands of questions loses nothing, and running out of sockets is survived.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { BalancerProcess, type SpawnOptions } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { nameServer } from '../../src/testing/nsd.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';

const run = promisify(execFile);

async function start(t: TestContext, document: object, options: SpawnOptions = {}): Promise<BalancerProcess> {
  const balancer = await BalancerProcess.start(document, options);
  t.after(() => balancer.stop());
  return balancer;
}

async function dig(port: number, ...question: string[]): Promise<string> {
  const args = ['@127.0.0.1', '-p', `${port}`, '+short', '+tries=1', '+time=2', ...question];
  const { stdout } = await run(findProgram('dig')!, args);
  return stdout.trim();
}

async function metric(adminPort: number, name: string): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line.startsWith(name));
  return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0);
}

test('name servers answer through the balancer; one that dies is left by health and by traffic', {
  skip: needs('nsd', 'dig', 'dnsperf'),
}, async (t) => {
  const [first, second, port, adminPort] = await freePorts(4);
  const a = await nameServer('a', first);
  t.after(() => a.stop());
  const b = await nameServer('b', second);
  t.after(() => b.stop());
  const balancer = await start(
    t,
    {
      workers: 2,
      listeners: {
        dns: { bind: `127.0.0.1:${port}`, protocol: 'udp', pool: 'dns', flow: { responses: 1, idle: '2s' } },
      },
      pools: {
        dns: { endpoints: [`127.0.0.1:${first}`, `127.0.0.1:${second}`], health: { tcp: true, interval: '100ms' } },
      },
      admin: { bind: `127.0.0.1:${adminPort}` },
    },
    { adminPort },
  );
  const state = async (n: number) => (await balancer.status()).pools[0].endpoints[n].state;
  while ((await state(0)) !== 'up' || (await state(1)) !== 'up')
    await new Promise((resolve) => setTimeout(resolve, 20));

  assert.equal(await dig(port, 'host7.example.test', 'A'), '192.0.2.7');
  const who = await Promise.all(Array.from({ length: 20 }, () => dig(port, 'who.example.test', 'TXT')));
  assert.deepEqual([...new Set(who)].sort(), ['"a"', '"b"']);

  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-dnsperf-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const questions = Array.from({ length: 100 }, (_, n) => `host${n}.example.test A\n`).join('');
  writeFileSync(join(folder, 'questions'), questions);
  // -c: that many sockets, each with several questions under way.
  const load = [
    '-s',
    '127.0.0.1',
    '-p',
    `${port}`,
    '-d',
    join(folder, 'questions'),
    '-n',
    '200',
    '-c',
    '20',
    '-q',
    '100',
  ];
  const { stdout } = await run(findProgram('dnsperf')!, load);
  assert.match(stdout, /Queries completed:\s+20000 \(100\.00%\)/);
  assert.match(stdout, /Response codes:\s+NOERROR 20000 \(100\.00%\)/);
  assert.equal(await metric(adminPort, 'evenkeel_connections_open'), 0, 'answered flows are over');
  assert.ok((await metric(adminPort, 'evenkeel_connections_accepted_total')) > 1000);

  await a.kill();
  for (let i = 0; i < 10; i++) assert.equal(await dig(port, 'who.example.test', 'TXT'), '"b"');
  while ((await state(0)) !== 'down') await new Promise((resolve) => setTimeout(resolve, 20));
  await a.start();
  // Traffic had ejected it as well: probes put it on trial, and the first answered flow proves it.
  const again = new Set<string>();
  while (again.size < 2) again.add(await dig(port, 'who.example.test', 'TXT'));
  while ((await state(0)) !== 'up') await dig(port, 'who.example.test', 'TXT');
});

test('without sockets to spare, new flows are refused and counted, and the process lives', async (t) => {
  const [port, adminPort] = await freePorts(2);
  const server = await UdpPeer.server(t);
  const document = {
    workers: 1,
    listeners: { game: { bind: `127.0.0.1:${port}`, protocol: 'udp', pool: 'game', flow: { idle: '600ms' } } },
    pools: { game: { endpoints: [`127.0.0.1:${server.port}`], passive: 'off' } },
    admin: { bind: `127.0.0.1:${adminPort}` },
  };
  const balancer = await start(t, document, { adminPort, openFiles: 80 });
  const clients = await Promise.all(Array.from({ length: 150 }, () => UdpPeer.open(t)));
  for (const client of clients) client.send('x', port);
  await balancer.said(/out of sockets/);
  assert.ok(server.senders.size > 10, 'as many as there were sockets are served');
  assert.ok(server.senders.size < 80);
  // Silence gives the sockets back.
  const late = await UdpPeer.open(t);
  for (;;) {
    late.send('again', port);
    const answer = await late.next(200).catch(() => undefined);
    if (answer?.data.toString() === 'again') break;
  }
  assert.ok((await metric(adminPort, 'evenkeel_errors_total')) > 50);
});

test('TCP and UDP listeners share a port, also when one joins by a reload; a taken port is told in words', async (t) => {
  const [port, taken, adminPort] = await freePorts(3);
  const server = await UdpPeer.server(t);
  await UdpPeer.open(t, '127.0.0.1', taken);
  const listener = (protocol: string, at = port) => ({ bind: `127.0.0.1:${at}`, protocol, pool: 'echo' });
  const document = (listeners: object) => ({
    workers: 2,
    listeners,
    pools: { echo: { endpoints: [`127.0.0.1:${server.port}`] } },
    drain: { requests: '100ms', streams: '100ms' },
    admin: { bind: `127.0.0.1:${adminPort}` },
  });
  const balancer = await start(t, document({ stream: listener('tcp') }), { adminPort });
  const apply = async (listeners: object, answer: RegExp): Promise<void> => {
    const from = balancer.output.length;
    balancer.write(document(listeners));
    balancer.child.kill('SIGHUP');
    await balancer.said(answer, { from });
  };
  await apply({ stream: listener('tcp'), datagrams: listener('udp') }, /reloaded/);
  const client = await UdpPeer.open(t);
  assert.equal(await client.ask('hello', port), 'hello');
  const held = { stream: listener('tcp'), datagrams: listener('udp', taken) };
  await apply(held, new RegExp(`in use by another process \\(ss -lunp 'sport = :${taken}'`));
  assert.equal(await client.ask('still', port), 'still');
});
