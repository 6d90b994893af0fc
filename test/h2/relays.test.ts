// Bodies on their way through HTTP/2 arrive whole, however wide or narrow the windows, however slow the reader, and however
// soon the endpoint is gone.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http from 'node:http';
import * as http2 from 'node:http2';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { createServer as createTlsServer } from 'node:tls';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { type H2Endpoint, h2Endpoint } from '../../src/testing/h2-endpoint.ts';
import {
  block,
  DATA,
  END_HEADERS,
  END_STREAM,
  frame,
  GET,
  GOAWAY,
  HEADERS,
  POST,
  PREFACE,
  RawH2,
  RST_STREAM,
  SETTINGS,
  setting,
  u32,
  WINDOW_UPDATE,
} from '../../src/testing/raw-h2.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';
import { serve } from '../../src/testing/versions.ts';

const WHOLE = END_STREAM | END_HEADERS;
const INITIAL_WINDOW = 4;
const WIDE = 2 ** 24;
const LARGE = 30_000_000;

const received = (client: RawH2): number =>
  client.frames.filter(({ type }) => type === DATA).reduce((sum, { body }) => sum + body.length, 0);
const ended = (client: RawH2): boolean =>
  client.frames.some(({ type, flags }) => type === DATA && (flags & END_STREAM) !== 0);

test('a large download over cleartext HTTP/2 comes whole to a client with wide windows', {
  timeout: 15_000,
}, async (t) => {
  const { port } = await serve(t, 'h1', (served) => {
    served.head(200, { 'content-length': String(LARGE) });
    served.end(Buffer.alloc(LARGE));
  });
  const proxy = await startProxy(t, { endpoints: [port], listener: { http2: true }, pool: { retries: 0 } });
  const session = http2.connect(`http://127.0.0.1:${proxy.port}`, { settings: { initialWindowSize: WIDE } });
  session.on('error', () => undefined);
  t.after(() => session.destroy());
  await once(session, 'connect');
  session.setLocalWindowSize(WIDE);
  const stream = session.request({ ':path': '/' });
  let size = 0;
  stream.on('data', (part: Buffer) => {
    size += part.length;
  });
  await once(stream, 'end');
  assert.equal(size, LARGE);
  session.destroy();
});

test('a large upload comes whole to an endpoint of cleartext HTTP/2 with wide windows', {
  timeout: 15_000,
}, async (t) => {
  const server = http2.createServer({ settings: { initialWindowSize: WIDE } });
  let size = 0;
  server.on('session', (session) => {
    session.on('error', () => undefined);
    session.setLocalWindowSize(WIDE);
    t.after(() => session.destroy());
  });
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.on('data', (part: Buffer) => {
      size += part.length;
    });
    stream.on('end', () => {
      stream.respond({ ':status': 200 });
      stream.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, { endpoints: [port], pool: { protocol: 'h2', retries: 0 } });
  const request = http.request({
    port: proxy.port,
    method: 'POST',
    headers: { 'content-length': LARGE },
    agent: false,
  });
  t.after(() => request.destroy());
  request.end(Buffer.alloc(LARGE));
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  response.resume();
  await once(response, 'end');
  assert.equal(response.statusCode, 200);
  assert.equal(size, LARGE);
});

for (const window of [100, 5000]) {
  test(`an answer that ends with its TLS connection comes whole through a window of ${window} bytes`, async (t) => {
    const size = 9000;
    const authority = await Authority.make();
    const folder = new CertificateFolder(t);
    const server = createTlsServer(await authority.issue({ names: ['a.example'] }), (socket) => {
      socket.on('error', () => undefined);
      socket.once('data', () => {
        socket.cork();
        socket.write('HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n');
        socket.end(Buffer.alloc(size));
        socket.uncork();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => server.close());
    const proxy = await startProxy(t, {
      endpoints: [(server.address() as AddressInfo).port],
      listener: { http2: true },
      pool: { tls: { ca: folder.text('ca.pem', authority.pem), serverName: 'a.example' }, retries: 0 },
    });
    const client = await RawH2.connect(proxy.port, false);
    client.send(Buffer.from(PREFACE), frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW, window)), frame(SETTINGS, 1, 0));
    client.send(frame(HEADERS, WHOLE, 1, block(GET)));
    await eventually(() => received(client) === window, 'the window is used');
    await wait(100);
    assert.equal(ended(client), false, 'it has not ended before it was sent');
    client.send(frame(WINDOW_UPDATE, 0, 1, u32(100_000)));
    await eventually(() => ended(client), 'the end');
    assert.equal(received(client), size);
    assert.deepEqual(
      proxy.log.map(({ error }) => error),
      [''],
    );
    client.close();
  });
}

interface Ending {
  readonly what: string;
  /** The frames behind a whole answer. */
  readonly frames: (id: number) => Buffer;
  readonly closes: boolean;
}

const ENDINGS: readonly Ending[] = [
  {
    what: 'says goodbye and closes',
    frames: (id) => frame(GOAWAY, 0, 0, Buffer.concat([u32(id), u32(0)])),
    closes: true,
  },
  { what: 'wants no more of the question', frames: (id) => frame(RST_STREAM, 0, id, u32(0)), closes: false },
];

for (const { what, frames, closes } of ENDINGS) {
  interface Poured extends H2Endpoint {
    /** Bytes of the answer: as many as are taken from here to a client that reads nothing. */
    readonly size: Promise<number>;
  }
  const endpointOf = async (t: TestContext): Promise<Poured> => {
    const size = Promise.withResolvers<number>();
    const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
      if (type !== HEADERS) return;
      peer.send(frame(HEADERS, END_HEADERS, id, block({ ':status': '200' })));
      void peer.fill(id).then((sent) => {
        peer.send(frame(DATA, END_STREAM, id), frames(id));
        if (closes) peer.socket.end();
        size.resolve(sent);
      });
    });
    return { ...endpoint, size: size.promise };
  };

  test(`an endpoint of HTTP/2 ${what} right behind its answer: a slow client of HTTP/2 gets all of it`, async (t) => {
    const { port, size } = await endpointOf(t);
    const pool = { protocol: 'h2', retries: 0 };
    const proxy = await startProxy(t, { endpoints: [port], listener: { http2: true }, pool });
    const client = await RawH2.connect(proxy.port);
    // A question that has not ended, which is the case in which endpoints do this.
    client.send(frame(HEADERS, END_HEADERS, 1, block(POST)), frame(DATA, 0, 1, 'abc'));
    const most = await size;
    await wait(50);
    assert.equal(received(client), 65_535, 'the rest waits for a window');
    client.send(frame(WINDOW_UPDATE, 0, 0, u32(most)), frame(WINDOW_UPDATE, 0, 1, u32(most)));
    await eventually(() => ended(client), 'the end');
    assert.equal(received(client), most);
    assert.equal(proxy.log[0].error, '');
    client.close();
  });

  test(`an endpoint of HTTP/2 ${what} right behind its answer: a slow client of HTTP/1 gets all of it`, async (t) => {
    const { port, size } = await endpointOf(t);
    const proxy = await startProxy(t, { endpoints: [port], pool: { protocol: 'h2', retries: 0 } });
    const request = http.request({ port: proxy.port, method: 'POST', agent: false });
    t.after(() => request.destroy());
    request.end('abc');
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    const most = await size;
    await wait(50);
    let sum = 0;
    response.on('data', (part: Buffer) => {
      sum += part.length;
    });
    await once(response, 'end');
    assert.equal(sum, most);
    await eventually(() => proxy.log.length === 1, 'it is logged');
    assert.equal(proxy.log[0].error, '');
  });
}

test('a drain lets a slow client of HTTP/2 have all of an answer that is on its way', {
  timeout: 15_000,
}, async (t) => {
  const size = 8_000_000;
  const { port } = await serve(t, 'h1', (served) => {
    served.head(200, { 'content-length': String(size) });
    served.end(Buffer.alloc(size));
  });
  const proxy = await startProxy(t, { endpoints: [port], listener: { http2: true }, pool: { retries: 0 } });
  const socket = connect(proxy.port, '127.0.0.1');
  socket.on('error', () => undefined);
  t.after(() => socket.destroy());
  const widest = 2 ** 31 - 200_000;
  socket.write(PREFACE);
  socket.write(frame(SETTINGS, 0, 0, setting(INITIAL_WINDOW, widest)));
  socket.write(frame(SETTINGS, 1, 0));
  socket.write(frame(WINDOW_UPDATE, 0, 0, u32(widest)));
  socket.write(frame(HEADERS, WHOLE, 1, block(GET)));
  let sum = 0;
  let stopped = false;
  socket.on('data', (part: Buffer) => {
    sum += part.length;
    if (stopped || sum < size - 3_000_000) return;
    stopped = true;
    socket.pause();
  });
  await eventually(() => stopped, 'most of it has come');
  // The rest fits where nobody has to ask for it: the stream is over, and only bytes are left.
  await wait(100);
  proxy.plane.drain();
  // A client goes on telling what it read, also when nobody listens any more.
  const telling = setInterval(() => socket.write(frame(WINDOW_UPDATE, 0, 0, u32(1))), 20);
  t.after(() => clearInterval(telling));
  await wait(1300);
  socket.resume();
  await eventually(() => sum >= size, 'all of it');
  clearInterval(telling);
});
