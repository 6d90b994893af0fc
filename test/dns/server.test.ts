// Owns the server over real sockets: UDP and TCP, what they count and log, what a bad client can do, and real clients.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { D, L } from '../../src/core/counters.ts';
import { type SpanRecord, Tracer } from '../../src/core/tracer.ts';
import { type DnsOptions, decode, handlerOf, question, startDns } from '../../src/testing/dns-scenario.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const run = promisify(execFile);

const BIG = Array.from({ length: 150 }, (_, n) => `198.51.100.${n}`);
const OPTIONS: DnsOptions = {
  dns: {
    nsid: 'ns1-test',
    tcp: { idle: '400ms', connections: 2 },
    zones: { 'example.com': { records: { www: { A: ['192.0.2.1', '192.0.2.2'] }, big: { A: BIG } } } },
  },
};

const answersOf = (packet: Uint8Array): unknown[] =>
  decode(packet).answers!.map((record) => (record as { data: unknown }).data);

test('answers by UDP and TCP on the same port, counts and logs', async (t) => {
  const server = await startDns(t, OPTIONS);
  assert.equal(answersOf(await server.udp(question('www.example.com', 'A'))).length, 2);
  const [answer] = await server.tcp([question('nope.example.com', 'AAAA')]);
  assert.equal(answer[3] & 15, 3);
  assert.equal((await server.udp(question('example.org', 'A')))[3] & 15, 5);
  const { counters } = server;
  assert.equal(counters.readListener(0, L.requests), 3);
  assert.deepEqual(
    [D.typeA, D.typeAAAA, D.rcodeNoerror, D.rcodeNxdomain, D.rcodeRefused, D.udp, D.tcp].map((column) =>
      counters.readDns(column),
    ),
    [2, 1, 1, 1, 1, 2, 1],
  );
  assert.equal(counters.readError(0, 'dns-refused'), 1);
  assert.deepEqual(
    server.log.map(({ transport, client, name, type, rcode, answers }) => [
      transport,
      client,
      name,
      type,
      rcode,
      answers,
    ]),
    [
      ['udp', '127.0.0.1', 'www.example.com.', 'A', 'NOERROR', 2],
      ['tcp', '127.0.0.1', 'nope.example.com.', 'AAAA', 'NXDOMAIN', 0],
      ['udp', '127.0.0.1', 'example.org.', 'A', 'REFUSED', 0],
    ],
  );
});

test('an IPv6 address is served by UDP and TCP', async (t) => {
  const server = await startDns(t, { dns: { ...OPTIONS.dns, bind: '[::1]:0' } });
  assert.equal(answersOf(await server.udp(question('www.example.com', 'A'))).length, 2);
  const [answer] = await server.tcp([question('www.example.com', 'A')]);
  assert.equal(answersOf(answer).length, 2);
  assert.deepEqual(
    server.log.map(({ transport, client }) => [transport, client]),
    [
      ['udp', '::1'],
      ['tcp', '::1'],
    ],
  );
});

test('hundreds of pipelined queries are answered in their order', async (t) => {
  const server = await startDns(t, OPTIONS);
  const packets = Array.from({ length: 500 }, (_, id) => question('big.example.com', 'A', { id }));
  const answers = await server.tcp(packets);
  assert.deepEqual(
    answers.map((answer) => answer.readUInt16BE(0)),
    packets.map((_, id) => id),
  );
  assert.equal(answersOf(answers[499]).length, 150);
});

test('a frame that comes byte by byte is answered', async (t) => {
  const server = await startDns(t, OPTIONS);
  const packet = question('www.example.com', 'A');
  const socket = createConnection(server.port, '127.0.0.1').setNoDelay(true);
  t.after(() => socket.destroy());
  for (const byte of [0, packet.length, ...packet]) {
    socket.write(Buffer.of(byte));
    await sleep(1);
  }
  const [data] = (await once(socket, 'data')) as [Buffer];
  assert.equal(answersOf(data.subarray(2)).length, 2);
});

test('a client that ends its side still gets its answers, and then the end', async (t) => {
  const server = await startDns(t, OPTIONS);
  const packet = question('www.example.com', 'A');
  const socket = createConnection(server.port, '127.0.0.1');
  socket.end(Buffer.concat([Buffer.of(0, packet.length), packet]));
  const parts: Buffer[] = [];
  for await (const part of socket) parts.push(part as Buffer);
  assert.equal(answersOf(Buffer.concat(parts).subarray(2)).length, 2);
});

/** However it comes to its end. */
const closed = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.on('error', () => undefined).on('close', resolve));

test('connections are bounded, and those that say nothing are closed', async (t) => {
  const server = await startDns(t, OPTIONS);
  const open = [1, 2].map(() => createConnection(server.port, '127.0.0.1'));
  await Promise.all(open.map((socket) => once(socket, 'connect')));
  await sleep(50);
  const third = createConnection(server.port, '127.0.0.1');
  await closed(third);
  assert.equal(server.counters.readError(0, 'too-many-connections'), 1);
  await Promise.all(
    open.map((socket) =>
      once(
        socket.on('error', () => undefined),
        'close',
      ),
    ),
  );
  assert.equal(server.counters.readListener(0, L.open), 0);
});

test('what deserves no answer gets none, and ends a TCP connection', async (t) => {
  const server = await startDns(t, OPTIONS);
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const answer = question('www.example.com', 'A');
  answer[2] |= 0x80;
  socket.send(answer, server.port, '127.0.0.1');
  socket.send(Buffer.from('short'), server.port, '127.0.0.1');
  assert.equal((await server.udp(question('www.example.com', 'A'))).length > 12, true);
  assert.equal(server.counters.readError(0, 'dns-malformed'), 2);
  await assert.rejects(server.tcp([answer]), /closed after 0|ECONNRESET/);
});

test('a swapped handler answers the next query', async (t) => {
  const server = await startDns(t, OPTIONS);
  server.listener.swap(handlerOf({ dns: { zones: { 'example.com': { records: { www: { A: '192.0.2.77' } } } } } }));
  assert.deepEqual(answersOf(await server.udp(question('www.example.com', 'A'))), ['192.0.2.77']);
});

test('after a drain nothing is taken, and idle connections end', async (t) => {
  const server = await startDns(t, OPTIONS);
  const idle = createConnection(server.port, '127.0.0.1');
  await once(idle, 'connect');
  await sleep(50);
  server.listener.drain();
  idle.resume();
  await once(idle, 'close');
  const late = createConnection(server.port, '127.0.0.1');
  await assert.rejects(once(late, 'connect'));
});

async function digs(port: number, ...args: string[]): Promise<string> {
  const { stdout } = await run(findProgram('dig')!, ['@127.0.0.1', '-p', `${port}`, '+tries=2', ...args]);
  return stdout;
}

test('dig: EDNS, cookie, NSID, subnet, and TCP after a truncated answer', { skip: needs('dig') }, async (t) => {
  const server = await startDns(t, OPTIONS);
  const out = await digs(server.port, 'www.example.com', 'A', '+nsid', '+subnet=192.0.2.0/24');
  assert.match(out, /status: NOERROR/);
  assert.match(out, /COOKIE: [0-9a-f]{48} \(good\)/);
  assert.match(out, /NSID: .*"ns1-test"/);
  assert.match(out, /CLIENT-SUBNET: 192\.0\.2\.0\/24\/0/);
  const big = await digs(server.port, 'big.example.com', 'A');
  assert.match(big, /Truncated, retrying in TCP mode/);
  assert.match(big, /ANSWER: 150/);
  assert.doesNotMatch(out + big, /WARNING: (?!recursion)|malformed|extra bytes/i);
});

test('dnsperf loses nothing in a burst of thousands', { skip: needs('dnsperf') }, async (t) => {
  const server = await startDns(t, OPTIONS);
  const child = run(findProgram('dnsperf')!, ['-s', '127.0.0.1', '-p', `${server.port}`, '-q', '50']);
  child.child.stdin!.end('www.example.com A\nbig.example.com A\nnope.example.com AAAA\n'.repeat(3000));
  const { stdout } = await child;
  assert.match(stdout, /Queries completed:\s+9000 \(100\.00%\)/);
  assert.match(stdout, /NOERROR 6000 .*NXDOMAIN 3000/);
});

test('questions that are traced: a span each, whatever carried them', async (t) => {
  const spans: SpanRecord[] = [];
  const terms = { sample: 1, propagate: true, trustClients: false };
  const tracer = new Tracer(terms, seededRandom(1), (span) => spans.push(span));
  const server = await startDns(t, { ...OPTIONS, tracer });
  await server.udp(question('www.example.com', 'A'));
  await server.tcp([question('nope.example.com', 'AAAA')]);
  assert.deepEqual(
    spans.map(({ name, kind, parentId, failed, attributes }) => [name, kind, parentId, failed, attributes]),
    [
      [
        'dns A',
        'server',
        '',
        false,
        {
          'network.transport': 'udp',
          'client.address': '127.0.0.1',
          'evenkeel.dns.answers': 2,
          'dns.question.name': 'www.example.com.',
          'dns.question.type': 'A',
          'dns.response.code': 'NOERROR',
        },
      ],
      [
        'dns AAAA',
        'server',
        '',
        false,
        {
          'network.transport': 'tcp',
          'client.address': '127.0.0.1',
          'evenkeel.dns.answers': 0,
          'dns.question.name': 'nope.example.com.',
          'dns.question.type': 'AAAA',
          'dns.response.code': 'NXDOMAIN',
        },
      ],
    ],
  );
  assert.ok(spans.every(({ startedAt, endedAt }) => startedAt <= endedAt && startedAt > 0));
});
