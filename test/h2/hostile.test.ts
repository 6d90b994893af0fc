// Clients of HTTP/2 that cost much, those that only look like it, and those that say what is not theirs to say.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { h2Endpoint } from '../../src/testing/h2-endpoint.ts';
import {
  block,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  GOAWAY,
  HEADERS,
  PING,
  POST,
  PREFACE,
  RawH2,
  SETTINGS,
  setting,
  u32,
  WINDOW_UPDATE,
} from '../../src/testing/raw-h2.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';
import { asker, type Served, serve, VERSIONS } from '../../src/testing/versions.ts';

const CALM = 11;
const WHOLE = END_STREAM | END_HEADERS;
const INITIAL_WINDOW = 4;

interface Flood {
  readonly what: string;
  readonly head: (id: number) => Buffer;
  /** What makes us reset the stream. */
  readonly fault: (id: number) => Buffer;
}

const FLOODS: readonly Flood[] = [
  {
    what: 'windows that open by nothing',
    head: (id) => frame(HEADERS, WHOLE, id, block(GET)),
    fault: (id) => frame(WINDOW_UPDATE, 0, id, u32(0)),
  },
  {
    what: 'windows that are too wide',
    head: (id) => frame(HEADERS, WHOLE, id, block(GET)),
    fault: (id) => frame(WINDOW_UPDATE, 0, id, u32(2 ** 31 - 1)),
  },
  {
    what: 'DATA behind the end',
    head: (id) => frame(HEADERS, WHOLE, id, block(GET)),
    fault: (id) => frame(DATA, 0, id, 'x'),
  },
  {
    what: 'bodies that are longer than was said',
    head: (id) => frame(HEADERS, END_HEADERS, id, block({ ...POST, 'content-length': '1' })),
    fault: (id) => frame(DATA, 0, id, 'xx'),
  },
  {
    what: 'bodies that are shorter than was said',
    head: (id) => frame(HEADERS, END_HEADERS, id, block({ ...POST, 'content-length': '9' })),
    fault: (id) => frame(DATA, END_STREAM, id, 'xx'),
  },
];
const STREAMS = 4000;
const AT_ONCE = 50;

for (const endpoint of VERSIONS) {
  for (const { what, head, fault } of FLOODS) {
    test(`streams that we are made to reset end the connection (CVE-2025-8671), ${endpoint}: ${what}`, async (t) => {
      let asked = 0;
      const { port } = await serve(t, endpoint, () => asked++);
      const proxy = await startProxy(t, {
        endpoints: [port],
        listener: { http2: true },
        pool: { protocol: endpoint === 'h2' ? 'h2' : 'http1', retries: 0 },
      });
      const client = await RawH2.connect(proxy.port);
      for (let i = 0; i < STREAMS && !client.ended; i += AT_ONCE) {
        const ids = Array.from({ length: AT_ONCE }, (_, j) => 2 * (i + j) + 1);
        client.send(...ids.map(head));
        await wait(2);
        client.send(...ids.map(fault));
        await wait(2);
      }
      assert.equal(await client.goaway(), CALM);
      await eventually(() => client.ended, 'the connection is closed');
      assert.equal(proxy.counters.readError(0, 'h2-flood'), 1);
      assert.ok(asked < 500, `${asked} requests reached the endpoint`);
      await eventually(() => proxy.inFlight() === 0, 'the endpoint is let go');
    });
  }
}

test('a client that pings once for every frame of a long answer is not cut off', async (t) => {
  const messages = 5000;
  const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
    if (type !== HEADERS) return;
    peer.send(frame(HEADERS, END_HEADERS, id, block({ ':status': '200', 'content-type': 'application/grpc' })));
    let sent = 0;
    const more = (): void => {
      for (let i = 0; i < 10; i++) peer.send(frame(DATA, 0, id, Buffer.alloc(100)));
      sent += 10;
      if (sent < messages) setImmediate(more);
      else peer.send(frame(HEADERS, WHOLE, id, block({ 'grpc-status': '0' })));
    };
    more();
  });
  const proxy = await startProxy(t, {
    endpoints: [endpoint.port],
    listener: { http2: true },
    pool: { protocol: 'h2', retries: 0 },
  });
  const client = await RawH2.connect(proxy.port, false);
  client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW, 2 ** 24)), frame(SETTINGS, 1, 0));
  client.send(frame(WINDOW_UPDATE, 0, 0, u32(2 ** 24)));
  const data = (): number => client.frames.filter(({ type }) => type === DATA).length;
  let pings = 0;
  client.socket.on('data', () => {
    const parts: Buffer[] = [];
    for (const all = data(); pings < all; pings++) parts.push(frame(PING, 0, 0, Buffer.alloc(8)));
    if (parts.length > 0) client.send(...parts);
  });
  const fields = { ...POST, 'content-type': 'application/grpc', te: 'trailers' };
  client.send(frame(HEADERS, END_HEADERS, 1, block(fields)), frame(DATA, END_STREAM, 1, Buffer.alloc(5)));
  const pongs = (): number => client.frames.filter(({ type, flags }) => type === PING && flags === 1).length;
  await eventually(() => pongs() === pings && pings === messages, 'every ping is answered');
  await client.frame(({ type, flags }) => type === HEADERS && (flags & END_STREAM) !== 0, 'trailers');
  assert.equal(
    client.frames.some(({ type }) => type === GOAWAY),
    false,
  );
  client.close();
});

test('a client may fill the first window of the protocol until it has heard of ours', async (t) => {
  const { port } = await serve(t, 'h1', (served) => {
    void buffer(served.body).then((body) => {
      served.head(body.length === 65_535 ? 200 : 400);
      served.end();
    });
  });
  const proxy = await startProxy(t, {
    endpoints: [port],
    listener: { http2: { window: '16k' } },
    pool: { retries: 0 },
  });
  const client = await RawH2.connect(proxy.port, false);
  const parts = [16_384, 16_384, 16_384, 16_383].map((size, i) =>
    frame(DATA, i === 3 ? END_STREAM : 0, 1, Buffer.alloc(size)),
  );
  client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0), frame(HEADERS, END_HEADERS, 1, block(POST)), ...parts);
  assert.equal(await client.status(1), 200);
  client.close();
});

for (const from of VERSIONS) {
  for (const to of VERSIONS) {
    test(`${from} → ${to}: trailers say nothing that only we, or only heads, may say`, async (t) => {
      let seen: Served['headers'] = {};
      const { port } = await serve(t, to, (served) => {
        served.body.resume();
        served.body.on('end', () => {
          seen = served.trailers();
          served.head(204);
          served.end();
        });
      });
      const proxy = await startProxy(t, {
        endpoints: [port],
        listener: { http2: true },
        pool: { protocol: to === 'h2' ? 'h2' : 'http1', retries: 0 },
      });
      const { status } = await asker(t, from, proxy.port).ask({
        method: 'POST',
        headers: { te: 'trailers', trailer: 'x-fine' },
        body: Buffer.from('question'),
        trailers: {
          'x-client-cert-subject': 'CN=admin',
          'x-client-cert-fingerprint': 'ab',
          cookie: 'session=1',
          'x-request-id': 'mine',
          'x-fine': 'yes',
        },
      });
      assert.equal(status, 204);
      assert.deepEqual(Object.entries(seen), [['x-fine', 'yes']]);
    });
  }
}

test('a WebSocket over HTTP/2 that names a key of its own has one key at an endpoint of HTTP/1', async (t) => {
  const server = createServer();
  let keys = 0;
  server.on('upgrade', ({ rawHeaders }, socket) => {
    keys = rawHeaders.filter((name, i) => i % 2 === 0 && name.toLowerCase() === 'sec-websocket-key').length;
    socket.on('error', () => undefined);
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, { endpoints: [port], listener: { http2: true }, pool: { retries: 0 } });
  const client = await RawH2.connect(proxy.port);
  const fields = { ...GET, ':method': 'CONNECT', ':protocol': 'websocket', 'sec-websocket-version': '13' };
  const key = { 'sec-websocket-key': 'AAAAAAAAAAAAAAAAAAAAAA==' };
  client.send(frame(HEADERS, END_HEADERS, 1, block({ ...fields, ...key })));
  assert.equal(await client.status(1), 403);
  assert.equal(keys, 1);
  client.close();
});
