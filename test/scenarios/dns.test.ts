// DNS as a user runs it: the real process, two workers, dig, servers that die, zones that change under it.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const run = promisify(execFile);
const skip = needs('dig');

async function dig(port: number, ...args: string[]): Promise<string[]> {
  const { stdout } = await run(findProgram('dig')!, [
    '@127.0.0.1',
    '-p',
    String(port),
    '+short',
    '+tries=3',
    '+time=2',
    ...args,
  ]);
  return stdout
    .trim()
    .split('\n')
    .filter((line) => line !== '');
}

/** Asks until the answer is as wanted; fails with the last one. */
async function until(port: number, name: string, wanted: readonly string[]): Promise<number> {
  const began = performance.now();
  for (;;) {
    const answer = await dig(port, name);
    if (answer.join() === wanted.join()) return performance.now() - began;
    assert.ok(performance.now() - began < 8000, `${name} is still ${answer.join()}, wanted ${wanted.join()}`);
  }
}

async function start(t: TestContext, document: object): Promise<BalancerProcess> {
  const balancer = await BalancerProcess.start({ workers: 2, ...document });
  t.after(() => balancer.stop());
  return balancer;
}

test('three addresses with a TTL of 300 rotate as in the textbook, over both workers and both transports', {
  skip,
}, async (t) => {
  const [port] = await freePorts(1);
  const A = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];
  await start(t, {
    dns: { bind: `127.0.0.1:${port}`, zones: { 'example.com': { records: { www: { ttl: 300, A } } } } },
  });
  for (const transport of [[], ['+tcp']]) {
    const told: string[] = [];
    for (let i = 0; i < 6; i++) told.push((await dig(port, ...transport, 'www.example.com')).join());
    const [a, b, c] = A;
    const orders = [[a, b, c].join(), [b, c, a].join(), [c, a, b].join()];
    const first = orders.indexOf(told[0]);
    assert.deepEqual(
      told,
      told.map((_, i) => orders[(first + i) % 3]),
    );
  }
  const { stdout } = await run(findProgram('dig')!, [
    '@127.0.0.1',
    '-p',
    String(port),
    '+noall',
    '+answer',
    'www.example.com',
  ]);
  assert.match(stdout, /^www\.example\.com\.\s+300\s+IN\s+A\s/m);
});

test('a site whose servers die leaves the answers, and is back when they are', { skip }, async (t) => {
  const [port] = await freePorts(1);
  const eu = await TcpBackend.echo(t);
  const us = await TcpBackend.echo(t);
  const health = { tcp: true, interval: '200ms', pendingInterval: '100ms', fall: 2, rise: 2 };
  await start(t, {
    pools: {
      eu: { endpoints: [`127.0.0.1:${eu.port}`], health },
      us: { endpoints: [`127.0.0.1:${us.port}`], health },
    },
    sites: { eu: { addresses: '203.0.113.1', pool: 'eu' }, us: { addresses: '203.0.113.2', pool: 'us' } },
    dns: {
      bind: `127.0.0.1:${port}`,
      zones: { 'example.com': { records: { app: { ttl: 30, steer: { kind: 'failover', order: ['eu', 'us'] } } } } },
    },
  });
  assert.deepEqual(await dig(port, 'app.example.com'), ['203.0.113.1'], 'the first answer knows the health');
  eu.close();
  const took = await until(port, 'app.example.com', ['203.0.113.2']);
  assert.ok(took < 2000, `${took} ms for two failed checks 100 ms apart`);
});

test('a zone file that changed is read at a reload; one with a mistake changes nothing', { skip }, async (t) => {
  const [port] = await freePorts(1);
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-zone-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'example.com.zone');
  const zone = (address: string): void =>
    writeFileSync(
      file,
      `$TTL 60\n@ IN SOA ns hostmaster 1 3600 900 1209600 60\n@ IN NS ns\nns IN A 192.0.2.53\nwww IN A ${address}\n`,
    );
  zone('192.0.2.1');
  const balancer = await start(t, { dns: { bind: `127.0.0.1:${port}`, zones: { 'example.com': { file } } } });
  assert.deepEqual(await dig(port, 'www.example.com'), ['192.0.2.1']);
  zone('192.0.2.2');
  balancer.child.kill('SIGHUP');
  await until(port, 'www.example.com', ['192.0.2.2']);
  zone('192.0.2.300');
  const from = balancer.output.length;
  balancer.child.kill('SIGHUP');
  await balancer.said(/example\.com\.zone:5:\d+/, { from });
  assert.deepEqual(await dig(port, 'www.example.com'), ['192.0.2.2']);
});
