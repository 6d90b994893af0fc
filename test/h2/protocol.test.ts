// What breaks HTTP/2 ends what it must, with the reason that RFC 9113 names, and nobody else notices.

import assert from 'node:assert/strict';
import { randomBytes, randomInt } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { ErrorCode } from '../../src/core/error.ts';
import {
  block,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  GOAWAY,
  HEADERS,
  PADDED,
  PING,
  POST,
  PREFACE,
  PRIORITY,
  PUSH_PROMISE,
  RawH2,
  RST_STREAM,
  SETTINGS,
  setting,
  u32,
  WINDOW_UPDATE,
} from '../../src/testing/raw-h2.ts';
import { type Proxy as Balancer, eventually, startProxy } from '../../src/testing/scenario.ts';

const PROTOCOL = 1;
const FLOW_CONTROL = 3;
const STREAM_CLOSED = 5;
const FRAME_SIZE = 6;
const REFUSED = 7;
const COMPRESSION = 9;
const CALM = 11;
const WHOLE = END_STREAM | END_HEADERS;

async function start(
  t: TestContext,
  listener: Record<string, unknown> = {},
): Promise<Balancer & { asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked++;
    request.resume();
    if (request.url === '/big') response.end(Buffer.alloc(1_000_000));
    else if (request.url !== '/never') request.on('end', () => response.end('fine'));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, {
    endpoints: [port],
    listener: { http2: true, ...listener },
    pool: { retries: 0 },
  });
  return Object.assign(proxy, { asked: () => asked });
}

const errors = ({ counters }: Balancer, code: ErrorCode): number => counters.readError(0, code);

const get = (id: number): Buffer => frame(HEADERS, WHOLE, id, block(GET));

const CONNECTION_FAULTS: readonly (readonly [string, Buffer[], number])[] = [
  ['DATA on the connection', [frame(DATA, 0, 0, 'x')], PROTOCOL],
  ['DATA on a stream that nobody opened', [frame(DATA, 0, 1, 'x')], PROTOCOL],
  ['a stream with an even number', [frame(HEADERS, WHOLE, 2, block(GET))], PROTOCOL],
  ['HEADERS on the connection', [frame(HEADERS, WHOLE, 0, block(GET))], PROTOCOL],
  ['settings that are cut', [frame(SETTINGS, 0, 0, Buffer.alloc(5))], FRAME_SIZE],
  ['settings on a stream', [frame(SETTINGS, 0, 1)], PROTOCOL],
  ['an acknowledgement that says more', [frame(SETTINGS, 1, 0, setting(1, 1))], FRAME_SIZE],
  ['a window that is too large', [frame(SETTINGS, 0, 0, setting(4, 2 ** 31))], FLOW_CONTROL],
  ['push neither on nor off', [frame(SETTINGS, 0, 0, setting(2, 2))], PROTOCOL],
  ['frames that are too small', [frame(SETTINGS, 0, 0, setting(5, 100))], PROTOCOL],
  ['a ping that is cut', [frame(PING, 0, 0, Buffer.alloc(7))], FRAME_SIZE],
  ['a ping on a stream', [frame(PING, 0, 1, Buffer.alloc(8))], PROTOCOL],
  ['a window that does not grow', [frame(WINDOW_UPDATE, 0, 0, u32(0))], PROTOCOL],
  ['a window that outgrows itself', [frame(WINDOW_UPDATE, 0, 0, u32(2 ** 31 - 1))], FLOW_CONTROL],
  ['a window of a stream that nobody opened', [frame(WINDOW_UPDATE, 0, 1, u32(1))], PROTOCOL],
  ['a window update that is cut', [frame(WINDOW_UPDATE, 0, 0, 'ab')], FRAME_SIZE],
  ['a reset of nothing', [frame(RST_STREAM, 0, 1, u32(8))], PROTOCOL],
  ['a reset that is cut', [get(1), frame(RST_STREAM, 0, 1, 'ab')], FRAME_SIZE],
  ['a promise from a client', [frame(PUSH_PROMISE, END_HEADERS, 1, Buffer.concat([u32(2), block(GET)]))], PROTOCOL],
  ['a priority that is cut', [frame(PRIORITY, 0, 1, 'abc')], FRAME_SIZE],
  ['fields that continue nothing', [frame(CONTINUATION, END_HEADERS, 1, block(GET))], PROTOCOL],
  [
    'something between fields',
    [frame(HEADERS, END_STREAM, 1, block(GET)), frame(PING, 0, 0, Buffer.alloc(8))],
    PROTOCOL,
  ],
  [
    'fields of another stream between',
    [frame(HEADERS, END_STREAM, 1, block(GET)), frame(CONTINUATION, 4, 3, '')],
    PROTOCOL,
  ],
  [
    'more padding than frame',
    [frame(HEADERS, WHOLE | PADDED, 1, Buffer.concat([Buffer.of(200), block(GET)]))],
    PROTOCOL,
  ],
  [
    'more padding than DATA',
    [frame(HEADERS, END_HEADERS, 1, block(POST)), frame(DATA, PADDED, 1, '\xffabc')],
    PROTOCOL,
  ],
  ['an index that stands for nothing', [frame(HEADERS, WHOLE, 1, Buffer.of(0xff, 0x40))], COMPRESSION],
  ['a string that is cut', [frame(HEADERS, WHOLE, 1, Buffer.of(0x00, 0x05, 0x61))], COMPRESSION],
  ['a number without an end', [frame(HEADERS, WHOLE, 1, Buffer.alloc(20, 0xff))], COMPRESSION],
  ['a table that is larger than allowed', [frame(HEADERS, WHOLE, 1, Buffer.of(0x3f, 0xff, 0xff, 0x03))], COMPRESSION],
  ['a coded string that ends wrong', [frame(HEADERS, WHOLE, 1, Buffer.of(0x00, 0x81, 0x00, 0x01, 0x61))], COMPRESSION],
  ['a frame that is too long', [frame(DATA, 0, 1, Buffer.alloc(16_385))], FRAME_SIZE],
];

for (const [what, frames, reason] of CONNECTION_FAULTS) {
  test(`the connection ends: ${what}`, async (t) => {
    const proxy = await start(t);
    const client = await RawH2.connect(proxy.port);
    const other = await RawH2.connect(proxy.port);
    client.send(...frames);
    assert.equal(await client.goaway(), reason);
    await eventually(() => client.ended, 'the connection is closed');
    other.send(get(1));
    assert.equal(await other.status(1), 200);
    assert.equal(errors(proxy, 'h2-protocol'), 1);
    other.close();
  });
}

test('a connection that does not begin as one ends', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port, false);
  client.send(Buffer.from(PREFACE), get(1));
  assert.equal(await client.goaway(), PROTOCOL);
});

type Fields = readonly (readonly [string, string])[];
const head = (...more: Fields): Fields => [...Object.entries(GET), ...more];
const MALFORMED: readonly (readonly [string, Fields])[] = [
  ['a name in capitals', head(['X-A', 'b'])],
  ['a field of HTTP/1 connections', head(['connection', 'close'])],
  ['a transfer coding', head(['transfer-encoding', 'chunked'])],
  ['an upgrade', head(['upgrade', 'websocket'])],
  ['a TE that wants more than trailers', head(['te', 'gzip'])],
  ['a line end in a value', head(['x-a', 'b\r\nx-evil: 1'])],
  ['a NUL in a value', head(['x-a', 'b\0c'])],
  ['a line end in a name', head(['x-a\r\nx-evil', 'b'])],
  ['a colon in a name', head(['x:a', 'b'])],
  ['a pseudo field behind others', [['x-a', 'b'], ...Object.entries(GET)]],
  ['a pseudo field twice', head([':path', '/other'])],
  ['a pseudo field that is none', head([':evil', 'x'])],
  ['a pseudo field of responses', head([':status', '200'])],
  ['no method', head().filter(([name]) => name !== ':method')],
  ['no path', head().filter(([name]) => name !== ':path')],
  ['no scheme', head().filter(([name]) => name !== ':scheme')],
  ['nobody who is asked', head().filter(([name]) => name !== ':authority')],
  ['two who are asked', head(['host', 'other.example'])],
  ['a path that is none', head().map(([name, value]) => [name, name === ':path' ? 'http://x/' : value])],
  ['a path with a blank', head().map(([name, value]) => [name, name === ':path' ? '/a HTTP/1.1' : value])],
  ['a method with a blank', head().map(([name, value]) => [name, name === ':method' ? 'GET /evil' : value])],
  ['a length of a body that does not come', head(['content-length', '5'])],
  ['two lengths', head(['content-length', '0'], ['content-length', '1'])],
  [
    'a tunnel to anywhere',
    [
      [':method', 'CONNECT'],
      [':authority', 'a.example:25'],
    ],
  ],
];

for (const [what, fields] of MALFORMED) {
  test(`the request is refused: ${what}`, async (t) => {
    const proxy = await start(t);
    const client = await RawH2.connect(proxy.port);
    client.send(frame(HEADERS, WHOLE, 1, block(fields)), get(3));
    assert.equal(await client.status(1), 400);
    assert.equal(await client.status(3), 200, 'the connection goes on');
    assert.equal(proxy.asked(), 1, 'the endpoint saw only the good one');
    client.close();
  });
}

test('a body that is longer or shorter than was said ends its stream, and no other', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port);
  const post = block([...Object.entries(POST), ['content-length', '4']]);
  client.send(frame(HEADERS, END_HEADERS, 1, post), frame(DATA, END_STREAM, 1, 'too long'));
  assert.equal(await client.reset(1), PROTOCOL);
  client.send(frame(HEADERS, END_HEADERS, 3, post), frame(DATA, END_STREAM, 3, 'abc'));
  assert.equal(await client.reset(3), PROTOCOL);
  client.send(frame(HEADERS, END_HEADERS, 5, post), frame(DATA, END_STREAM, 5, 'abcd'));
  assert.equal(await client.status(5), 200);
  client.close();
});

test('DATA behind the end of a stream ends it', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port);
  const never = block({ ...GET, ':path': '/never' });
  client.send(frame(HEADERS, WHOLE, 1, never), frame(DATA, 0, 1, 'x'));
  assert.equal(await client.reset(1), STREAM_CLOSED);
  client.close();
});

test('a client that sends more than its window ends its stream', async (t) => {
  const proxy = await start(t, { http2: { window: '1k' } });
  const client = await RawH2.connect(proxy.port);
  client.send(
    frame(HEADERS, END_HEADERS, 1, block(POST)),
    ...Array.from({ length: 5 }, () => frame(DATA, 0, 1, Buffer.alloc(16_000))),
  );
  assert.equal(await client.reset(1), FLOW_CONTROL);
  client.close();
});

test('more requests at once than allowed are refused, so that they can be sent again', async (t) => {
  const proxy = await start(t, { http2: { streams: 2 } });
  const client = await RawH2.connect(proxy.port);
  const never = block({ ...GET, ':path': '/never' });
  for (const id of [1, 3, 5]) client.send(frame(HEADERS, WHOLE, id, never));
  assert.equal(await client.reset(5), REFUSED);
  client.close();
});

test('a head that is too large is refused, and the table stays right for the next one', async (t) => {
  const proxy = await start(t, { limits: { head: '2k' } });
  const client = await RawH2.connect(proxy.port);
  // Put into the table, so that the next request may name it by its number.
  const indexed = Buffer.concat([Buffer.of(0x40, 3), Buffer.from('x-a'), Buffer.of(1), Buffer.from('b')]);
  client.send(
    frame(HEADERS, WHOLE, 1, Buffer.concat([block([...Object.entries(GET), ['x-long', 'a'.repeat(3000)]]), indexed])),
    frame(HEADERS, WHOLE, 3, Buffer.concat([block(GET), Buffer.of(0x80 | 62)])),
  );
  assert.equal(await client.status(1), 431);
  assert.equal(await client.status(3), 200);
  client.close();
});

test('what is sent to a stream that is over is ignored', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port);
  client.send(get(1));
  assert.equal(await client.status(1), 200);
  await client.frame(({ id, flags, type }) => id === 1 && type === DATA && (flags & END_STREAM) !== 0, 'the end');
  client.send(frame(WINDOW_UPDATE, 0, 1, u32(10)), frame(RST_STREAM, 0, 1, u32(8)), frame(DATA, 0, 1, 'late'), get(3));
  assert.equal(await client.status(3), 200);
  client.close();
});

test('frames and flags that nobody knows are ignored', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port);
  client.send(
    frame(0x99, 0xff, 0, 'what'),
    frame(SETTINGS, 0, 0, setting(0x99, 7)),
    frame(HEADERS, WHOLE | 0xc2, 1, block(GET)),
  );
  assert.equal(await client.status(1), 200);
  client.close();
});

interface Flood {
  readonly what: string;
  readonly frames: (i: number) => Buffer;
  readonly before?: Buffer;
}

const CALM_FLOODS: readonly Flood[] = [
  {
    what: 'requests that are taken back (CVE-2023-44487)',
    frames: (i) => Buffer.concat([get(2 * i + 1), frame(RST_STREAM, 0, 2 * i + 1, u32(8))]),
  },
  { what: 'pings', frames: () => frame(PING, 0, 0, Buffer.alloc(8)) },
  { what: 'settings', frames: () => frame(SETTINGS, 0, 0, setting(3, 100)) },
  { what: 'priorities', frames: () => frame(PRIORITY, 0, 1, Buffer.alloc(5)) },
  { what: 'empty DATA', before: frame(HEADERS, END_HEADERS, 1, block(POST)), frames: () => frame(DATA, 0, 1) },
  {
    what: 'empty CONTINUATION (CVE-2024-27316 and its kin)',
    before: frame(HEADERS, 0, 1, block(GET)),
    frames: () => frame(CONTINUATION, 0, 1),
  },
  {
    what: 'long CONTINUATION',
    before: frame(HEADERS, 0, 1, block(GET)),
    frames: () => frame(CONTINUATION, 0, 1, Buffer.alloc(16_000)),
  },
  { what: 'frames of kinds that nobody knows', frames: () => frame(0x77, 0, 0, 'x') },
];

/** What each of them may cost us at most: memory that stays, and CPU time of everything in this process, both peers too. */
const MOST_BYTES = 48 * 1024 * 1024;
const MOST_CPU_MS = 4000;
const FRAMES = 20_000;

for (const { what, frames, before } of CALM_FLOODS) {
  test(`a flood ends within its bounds: ${what}`, async (t) => {
    const proxy = await start(t);
    const client = await RawH2.connect(proxy.port);
    const cpu = process.cpuUsage();
    const memory = process.memoryUsage().rss;
    if (before !== undefined) client.send(before);
    for (let i = 0; i < FRAMES && !client.ended; i++) {
      client.send(frames(i));
      if (i % 20 === 19) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(await client.goaway(), CALM);
    await eventually(() => client.ended, 'the connection is closed');
    const { user, system } = process.cpuUsage(cpu);
    assert.ok((user + system) / 1000 < MOST_CPU_MS, `took ${(user + system) / 1000} ms of CPU`);
    assert.ok(process.memoryUsage().rss - memory < MOST_BYTES, `grew by ${process.memoryUsage().rss - memory} bytes`);
    assert.ok(proxy.asked() < 1000, `${proxy.asked()} requests reached the endpoint`);
    assert.equal(errors(proxy, 'h2-flood'), 1);
    const next = await RawH2.connect(proxy.port);
    next.send(get(1));
    assert.equal(await next.status(1), 200);
    next.close();
  });
}

test('a client that opens no window gets no more than it, costs no more than that, and is cut off in time', async (t) => {
  const proxy = await start(t, { timeouts: { sendIdle: '300ms' } });
  const client = await RawH2.connect(proxy.port, false);
  client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0, setting(4, 100)), frame(SETTINGS, 1, 0));
  const memory = process.memoryUsage().rss;
  for (let i = 0; i < 50; i++) client.send(frame(HEADERS, WHOLE, 2 * i + 1, block({ ...GET, ':path': '/big' })));
  await eventually(() => client.frames.filter(({ type }) => type === RST_STREAM).length === 50, 'all are cut off');
  const received = client.frames.filter(({ type }) => type === DATA).reduce((sum, { body }) => sum + body.length, 0);
  assert.equal(received, 50 * 100);
  assert.ok(process.memoryUsage().rss - memory < MOST_BYTES + 50 * 200_000);
  await eventually(() => proxy.inFlight() === 0, 'the endpoint is let go');
  client.close();
});

test('a window that opens late lets the rest through', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port, false);
  client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0, setting(4, 10)), frame(SETTINGS, 1, 0));
  client.send(frame(HEADERS, WHOLE, 1, block({ ...GET, ':path': '/big' })));
  const sum = (): number =>
    client.frames.filter(({ type }) => type === DATA).reduce((all, { body }) => all + body.length, 0);
  await eventually(() => sum() === 10, 'the first window is used');
  client.send(frame(SETTINGS, 0, 0, setting(4, 1000)));
  await eventually(() => sum() === 1000, 'settings widen the windows of open streams');
  client.send(frame(WINDOW_UPDATE, 0, 1, u32(2_000_000)));
  await eventually(() => sum() === 65_535, "the connection's window holds");
  client.send(frame(WINDOW_UPDATE, 0, 0, u32(2_000_000)));
  await eventually(() => sum() === 1_000_000, 'the rest comes');
  client.close();
});

test('thousands of broken connections crash nothing and leave nothing behind', async (t) => {
  const proxy = await start(t);
  const known = [
    get(1),
    frame(HEADERS, END_HEADERS, 1, block(POST)),
    frame(SETTINGS, 0, 0, setting(4, 5)),
    frame(PING, 0, 0, Buffer.alloc(8)),
  ];
  for (let i = 0; i < 1500; i++) {
    const client = await RawH2.connect(proxy.port, randomInt(4) > 0);
    for (let j = randomInt(6); j > 0; j--) {
      const bytes = Buffer.from(
        randomInt(3) > 0
          ? known[randomInt(known.length)]
          : frame(randomInt(12), randomInt(256), randomInt(8), randomBytes(randomInt(60))),
      );
      if (randomInt(2) === 0) bytes[randomInt(bytes.length)] = randomInt(256);
      client.send(bytes);
    }
    if (i % 20 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    client.close();
  }
  const client = await RawH2.connect(proxy.port);
  client.send(get(1));
  assert.equal(await client.status(1), 200);
  client.close();
});

test('a drain says goodbye twice and finishes what runs', async (t) => {
  const proxy = await start(t);
  const client = await RawH2.connect(proxy.port);
  client.send(frame(HEADERS, END_HEADERS, 1, block(POST)));
  await eventually(() => proxy.inFlight() === 1, 'the request runs');
  proxy.plane.drain();
  const first = await client.frame(({ type }) => type === GOAWAY, 'GOAWAY');
  assert.equal(first.body.readUInt32BE(0), 2 ** 31 - 1, 'nothing is lost that is on its way');
  client.send(get(3));
  assert.equal(await client.status(3), 200);
  const ping = await client.frame(({ type }) => type === PING, 'PING');
  client.send(frame(PING, 1, 0, ping.body));
  await eventually(() => client.frames.filter(({ type }) => type === GOAWAY).length === 2, 'the last stream is named');
  client.send(frame(DATA, END_STREAM, 1, 'rest'));
  assert.equal(await client.status(1), 200);
  await eventually(() => client.ended, 'the connection ends with its last stream');
});
