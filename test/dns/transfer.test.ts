// Owns zone transfers with real secondaries: NSD fetches from us, is told of changes, and serves what we serve.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Notifier, type NotifyOutcome } from '../../src/dns/notify.ts';
import { openSocket } from '../../src/net/datagrams.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { askUdp, decode, handlerOf, question, startDns } from '../../src/testing/dns-scenario.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { nsd } from '../../src/testing/nsd.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';

const run = promisify(execFile);

const LONG = Array.from(
  { length: 4000 },
  (_, n) => `host${n} A 10.0.${n >> 8}.${n & 255}\nhost${n} TXT "number ${n}"`,
).join('\n');
const FILE = `@ SOA ns1 admin 7 3600 600 86400 60\n@ NS ns1\nns1 A 192.0.2.1\n${LONG}\n`;

test('a zone of many messages arrives whole at dig, SOA first and last', { skip: needs('dig') }, async (t) => {
  const zones = { 'example.com': { file: 'zone', transfer: { allow: '127.0.0.0/8' } } };
  const server = await startDns(t, { dns: { zones }, files: { zone: FILE } });
  const args = ['@127.0.0.1', '-p', `${server.port}`, 'example.com', 'AXFR', '+noall', '+answer', '+onesoa'];
  const { stdout } = await run(findProgram('dig')!, args, { maxBuffer: 64 * 1024 * 1024 });
  const lines = stdout.trim().split('\n');
  assert.equal(lines.length, 1 + 2 + 8000);
  assert.match(lines[0], /\tSOA\t/);
  assert.equal(new Set(lines).size, lines.length);
  assert.ok(lines.some((line) => /^host3999\.example\.com\.\t\d+\tIN\tTXT\t"number 3999"$/.test(line)));
});

test('a transfer is refused to others, and to who asks by UDP or for a name that is no zone', async (t) => {
  const zones = { 'example.com': { file: 'zone', transfer: { allow: '10.0.0.0/8' } } };
  const server = await startDns(t, { dns: { zones }, files: { zone: FILE } });
  const [refused] = await server.tcp([question('example.com', 'AXFR')]);
  assert.equal(refused[3] & 15, 5);
  const [notauth] = await server.tcp([question('www.example.com', 'AXFR')]);
  assert.equal(notauth[3] & 15, 9);
  assert.equal((await server.udp(question('example.com', 'AXFR')))[3] & 15, 5);
});

test('steered sets and ALIAS are transferred as the addresses of the moment', async (t) => {
  const asked: string[] = [];
  const member = {
    name: 'eu',
    resolve: ({ client, family }: { client: { address: string; prefix: number }; family: number }) => {
      asked.push(`${client.address}/${client.prefix}`);
      return { addresses: family === 4 ? ['192.0.2.9'] : ['2001:db8::9'], ttlSeconds: 7, scope: 0 };
    },
  };
  const records = { app: { steer: 'eu' }, '@': { ALIAS: 'app' }, ns1: { A: '192.0.2.1' } };
  const zones = { 'example.com': { ns: 'ns1.example.com', transfer: { allow: '127.0.0.1' }, records } };
  const server = await startDns(t, { dns: { zones }, members: { eu: member } });
  const [packet] = await server.tcp([question('example.com', 'AXFR')]);
  const list = decode(packet).answers!.map((record) => {
    const { name, type, ttl, data } = record as { name: string; type: string; ttl: number; data: unknown };
    return `${name} ${type} ${ttl} ${typeof data === 'string' ? data : ''}`;
  });
  assert.deepEqual(list, [
    'example.com SOA 3600 ',
    'example.com A 7 192.0.2.9',
    'example.com AAAA 7 2001:db8::9',
    'example.com NS 300 ns1.example.com',
    'app.example.com A 7 192.0.2.9',
    'app.example.com AAAA 7 2001:db8::9',
    'ns1.example.com A 300 192.0.2.1',
    'example.com SOA 3600 ',
  ]);
  assert.deepEqual([...new Set(asked)], ['0.0.0.0/0']);
});

test('NSD as a secondary fetches the zone, and the change that it is told of', { skip: needs('nsd') }, async (t) => {
  const [primary, secondary] = await freePorts(2);
  const target = { host: '127.0.0.1', port: secondary };
  const at = (serial: number, address: string) => ({
    dns: {
      zones: {
        'example.com': {
          ns: 'ns1.example.com',
          soa: { serial },
          transfer: { allow: '127.0.0.1', notify: `127.0.0.1:${secondary}` },
          records: { ns1: { A: '192.0.2.1' }, www: { A: address }, '*.wild': { TXT: 'any text' } },
        },
      },
    },
  });
  const server = await startDns(t, at(5, '192.0.2.10'), primary);
  const lines = `request-xfr: AXFR 127.0.0.1@${primary} NOKEY\n  allow-notify: 127.0.0.1 NOKEY`;
  const other = await nsd(secondary, [{ name: 'example.com', lines }]);
  t.after(() => other.stop());
  const outcomes: NotifyOutcome[] = [];
  const notifier = new Notifier(realEnv(), openSocket, (outcome) => outcomes.push(outcome));
  t.after(() => notifier.close());
  const apex = server.listener.handler.zones.zones[0].apex;
  const address = async (): Promise<unknown> => {
    const [answer] = decode(await askUdp(secondary, question('www.example.com', 'A'))).answers as { data?: unknown }[];
    return answer?.data;
  };
  const becomes = async (expected: string): Promise<void> => {
    for (let i = 0; i < 200 && (await address()) !== expected; i++) await sleep(50);
    assert.equal(await address(), expected);
  };
  notifier.update([{ apex, serial: 5, targets: [target] }]);
  await becomes('192.0.2.10');
  server.listener.swap(handlerOf(at(6, '192.0.2.20')));
  notifier.update([{ apex, serial: 6, targets: [target] }]);
  await becomes('192.0.2.20');
  const wild = decode(await askUdp(secondary, question('x.wild.example.com', 'TXT')));
  assert.equal(wild.answers?.length, 1);
  notifier.update([{ apex, serial: 6, targets: [target] }]);
  assert.equal(notifier.pending, 0);
  assert.deepEqual(
    outcomes.map(({ serial, acknowledged }) => [serial, acknowledged]),
    [
      [5, true],
      [6, true],
    ],
  );
});
