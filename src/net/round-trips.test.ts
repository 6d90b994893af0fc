import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { needs } from '../testing/programs.ts';
import { parseRoundTrips, readRoundTrips } from './round-trips.ts';

const INFO =
  '\t cubic wscale:7,7 rto:204 rtt:12.345/0.5 mss:1448 cwnd:10 send 1Mbps lastsnd:40 lastrcv:40 lastack:41 minrtt:11.9 snd_wnd:65536';

test('each connection has its ends and its smoothed round trip, on one line or on two', () => {
  const text = [
    '0      0      192.0.2.1:443 198.51.100.7:50000',
    INFO,
    `0      36     [::ffff:192.0.2.1]:443 [::ffff:198.51.100.8]:50001 ${INFO.trim()}`,
    '0      0      [2001:db8::1]:443 [2001:db8:1:2:0:0:0:3]:50002',
    '\t bbr rtt:0.026/0.013 minrtt:0.01',
    '0      0      [fe80::1]%eth0:443 [fe80::2]%eth0:50003',
    INFO,
    '',
  ].join('\n');
  const local = { host: '192.0.2.1', port: 443 };
  assert.deepEqual(parseRoundTrips(text), [
    { local, peer: { host: '198.51.100.7', port: 50_000 }, ms: 12.345, ageMs: 41 },
    { local, peer: { host: '198.51.100.8', port: 50_001 }, ms: 12.345, ageMs: 41 },
    {
      local: { host: '2001:db8::1', port: 443 },
      peer: { host: '2001:db8:1:2::3', port: 50_002 },
      ms: 0.026,
      ageMs: 0,
    },
    { local: { host: 'fe80::1', port: 443 }, peer: { host: 'fe80::2', port: 50_003 }, ms: 12.345, ageMs: 41 },
  ]);
});

test('what is no connection, or has no round trip, is left out', () => {
  const text = [
    'Recv-Q Send-Q Local Peer',
    INFO,
    '0 0 192.0.2.1:443 198.51.100.7:50000',
    '\t cubic mss:1448 minrtt:3',
    '0 0 192.0.2.1:443 *:*',
    INFO,
    '0 0 192.0.2.1:443',
    INFO,
    '\t rtt:1/1',
  ].join('\n');
  assert.deepEqual(parseRoundTrips(text), []);
});

/** A program that behaves as a test wants it to. */
function script(t: TestContext, body: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-ss-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'ss');
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

test('a program that fails, hangs or is not there is a value with a reason', async (t) => {
  const problem = async (program: string, longestMs = 5000): Promise<string> => {
    const result = await readRoundTrips([80], { program, longestMs });
    return result.ok ? 'none' : result.error.replace(program, 'ss');
  };
  assert.equal(await problem(script(t, 'echo "bad filter" >&2; echo more >&2; exit 1')), 'ss: bad filter');
  assert.equal(await problem(script(t, 'exit 3')), 'ss: ended with 3');
  assert.equal(await problem(script(t, 'exec sleep 60'), 50), 'ss takes longer than 50 ms');
  assert.match(await problem('/nowhere/ss'), /^cannot run ss: /);
});

test('of a machine with very many connections a part is read', async (t) => {
  const program = script(
    t,
    "while :; do echo '0 0 192.0.2.1:80 198.51.100.7:50000'; echo '\t cubic rtt:2.5/1 minrtt:1'; done",
  );
  const result = await readRoundTrips([80], { program, mostBytes: 20_000 });
  assert.ok(result.ok, JSON.stringify(result));
  assert.ok(result.value.length > 100 && result.value.length < 5000, `${result.value.length} connections`);
  assert.ok(result.value.every(({ ms }) => ms === 2.5));
});

test('the kernel tells of real connections to the ports that are asked for, and of no others', {
  skip: needs('ss'),
}, async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  const client = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.77' });
  t.after(() => {
    client.destroy();
    server.close();
  });
  await new Promise((resolve) => client.once('connect', resolve));
  const result = await readRoundTrips([port, 1]);
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(
    result.value.map(({ local, peer }) => [local, peer]),
    [
      [
        { host: '127.0.0.1', port },
        { host: '127.0.0.77', port: client.localPort! },
      ],
    ],
  );
  assert.ok(result.value[0].ms > 0 && result.value[0].ms < 1000);
  assert.deepEqual(await readRoundTrips([]), { ok: true, value: [] });
});
