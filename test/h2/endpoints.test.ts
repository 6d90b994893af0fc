// Connections to endpoints of HTTP/2: which are used, for how long, and what becomes of their requests; and what endpoints may
// not say.

import assert from 'node:assert/strict';
import * as http2 from 'node:http2';
import * as https from 'node:https';
import { type AddressInfo, connect, createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { Authority, CertificateFolder, type Issued } from '../../src/testing/certificates.ts';
import { h2Endpoint } from '../../src/testing/h2-endpoint.ts';
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
  POST,
  PREFACE,
  RawH2,
  RST_STREAM,
  u32,
} from '../../src/testing/raw-h2.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const WHOLE = END_STREAM | END_HEADERS;
const get = (id: number): Buffer => frame(HEADERS, WHOLE, id, block(GET));
const done = (id: number): Buffer => frame(HEADERS, WHOLE, id, block({ ':status': '204' }));
const H2_POOL = { protocol: 'h2', retries: 0 };

/** The port of a server that passes bytes on, later. */
async function late(t: TestContext, to: number, ms: number): Promise<number> {
  const server = createServer((near) => {
    near.on('error', () => undefined);
    setTimeout(() => {
      const far = connect(to, '127.0.0.1');
      far.on('error', () => undefined);
      near.pipe(far).pipe(near);
      t.after(() => far.destroy());
    }, ms);
    t.after(() => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

test('a request whose endpoint is taken away while its connection is made puts nothing but frames there', async (t) => {
  const authority = await Authority.make();
  const ca = new CertificateFolder(t).text('ca.pem', authority.pem);
  const endpoint = await h2Endpoint(
    t,
    (peer, { type, id }) => type === HEADERS && peer.send(done(id)),
    await authority.issue({ names: ['a.example'] }),
  );
  const [stays, goes] = [await late(t, endpoint.port, 300), await late(t, endpoint.port, 300)];
  const pool = { ...H2_POOL, tls: { ca, serverName: 'a.example' }, balance: 'round-robin' };
  const proxy = await startProxy(t, { endpoints: [stays, goes], listener: { http2: true }, pool });
  const client = await RawH2.connect(proxy.port);
  for (const id of [1, 3])
    client.send(frame(HEADERS, END_HEADERS, id, block(POST)), frame(DATA, 0, id, `body of ${id}`));
  await eventually(() => proxy.inFlight() === 2, 'both wait');
  await proxy.reload({ pool: { ...pool, endpoints: [`127.0.0.1:${stays}`] } });
  const statuses = [await client.status(1), await client.status(3)].sort((a, b) => a - b);
  assert.equal(statuses[0], 204, 'the other endpoint answered');
  assert.ok([204, 502, 503].includes(statuses[1]), `${statuses[1]}`);
  await wait(100);
  for (const { preface, rest, frames } of endpoint.peers) {
    if (preface !== '') assert.equal(preface, PREFACE);
    assert.equal(rest.toString('latin1'), '');
    assert.ok(frames.every(({ type }) => type <= CONTINUATION));
  }
  client.close();
});

test('a connection that fell silent gets no more requests', async (t) => {
  const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
    if (type !== HEADERS) return;
    peer.silent = peer.index === 0 && peer.asked > 1;
    if (!peer.silent) peer.send(done(id));
  });
  const proxy = await startProxy(t, {
    endpoints: [endpoint.port],
    listener: { http2: true, pool: undefined, routes: [{ pool: 'b', timeouts: { firstByte: '200ms' } }] },
    pool: H2_POOL,
  });
  const client = await RawH2.connect(proxy.port);
  const statuses: number[] = [];
  for (const id of [1, 3, 5, 7]) {
    client.send(get(id));
    statuses.push(await client.status(id));
  }
  assert.deepEqual(statuses, [204, 504, 204, 204]);
  assert.equal(endpoint.peers.length, 2);
  client.close();
});

test('WebSockets that are over make room for others on their connection', async (t) => {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  let sessions = 0;
  server.on('session', (session) => {
    sessions++;
    session.on('error', () => undefined);
    t.after(() => session.destroy());
  });
  server.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200 });
    stream.resume();
    stream.on('end', () => stream.end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, { endpoints: [port], pool: { ...H2_POOL, connection: { streams: 2 } } });
  for (let i = 0; i < 7; i++) {
    const client = await proxy.connect();
    const head = ['GET /chat HTTP/1.1', 'Host: a.example', 'Connection: Upgrade', 'Upgrade: websocket'];
    const words = [...head, 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', '', ''];
    client.write(words.join('\r\n'));
    await client.until(() => client.bytes.includes('\r\n\r\n'), 'a handshake');
    assert.match(client.bytes.toString('latin1'), /^HTTP\/1\.1 101 /);
    client.socket.end();
    await eventually(() => proxy.inFlight() === 0, 'it is over');
  }
  assert.equal(sessions, 1);
});

test('requests that a leaving connection refuses are sent again over few new ones', async (t) => {
  const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
    if (type !== HEADERS) return;
    if (peer.index > 0 || peer.asked === 1) return void setTimeout(() => peer.send(done(id)), 20);
    if (peer.asked === 41) peer.send(frame(GOAWAY, 0, 0, Buffer.concat([u32(1), u32(0)])));
  });
  const proxy = await startProxy(t, { endpoints: [endpoint.port], listener: { http2: true }, pool: H2_POOL });
  const client = await RawH2.connect(proxy.port);
  client.send(get(1));
  assert.equal(await client.status(1), 204);
  const ids = Array.from({ length: 40 }, (_, i) => 2 * i + 3);
  client.send(...ids.map(get));
  for (const id of ids) assert.equal(await client.status(id), 204);
  assert.equal(endpoint.peers[0].asked, 41);
  assert.ok(endpoint.peers.length <= 4, `${endpoint.peers.length - 1} new connections`);
  client.close();
});

interface Secure {
  readonly protocol: 'http1' | 'h2';
  serve(t: TestContext, issued: Issued): Promise<number>;
}

const SECURE: readonly Secure[] = [
  {
    protocol: 'http1',
    serve: async (t, issued) => {
      const server = https.createServer(issued, (_, response) => response.writeHead(204).end());
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      t.after(() => {
        server.close();
        server.closeAllConnections();
      });
      return (server.address() as AddressInfo).port;
    },
  },
  {
    protocol: 'h2',
    serve: async (t, issued) =>
      (await h2Endpoint(t, (peer, { type, id }) => type === HEADERS && peer.send(done(id)), issued)).port,
  },
];

for (const { protocol, serve } of SECURE) {
  test(`a reload of what an endpoint must prove is for the next request: ${protocol}`, async (t) => {
    const authority = await Authority.make();
    const ca = new CertificateFolder(t).text('ca.pem', authority.pem);
    const port = await serve(t, await authority.issue({ names: ['a.example'] }));
    const poolOf = (serverName: string): object => ({ protocol, retries: 0, tls: { ca, serverName } });
    const proxy = await startProxy(t, {
      endpoints: [port],
      listener: { http2: true },
      pool: { ...poolOf('a.example') },
    });
    const client = await RawH2.connect(proxy.port);
    client.send(get(1));
    assert.equal(await client.status(1), 204);
    await proxy.reload({ pool: { ...poolOf('other.example') } });
    client.send(get(3));
    assert.equal(await client.status(3), 502);
    await proxy.reload({ pool: { ...poolOf('a.example') } });
    client.send(get(5));
    assert.equal(await client.status(5), 204);
    client.close();
  });
}

test('a connection that is never without requests is left when it is too old', async (t) => {
  const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
    if (type === HEADERS) setTimeout(() => peer.send(done(id)), 60);
  });
  const proxy = await startProxy(t, {
    endpoints: [endpoint.port],
    listener: { http2: true },
    pool: { ...H2_POOL, connection: { maxAge: '200ms' } },
  });
  const client = await RawH2.connect(proxy.port);
  const ids = Array.from({ length: 40 }, (_, i) => 2 * i + 1);
  for (const id of ids) {
    client.send(get(id));
    await wait(20);
  }
  for (const id of ids) assert.equal(await client.status(id), 204);
  assert.ok(endpoint.peers.length > 1, 'there was another');
  assert.ok(endpoint.peers[0].asked < 30, `the first one had ${endpoint.peers[0].asked} of 40`);
  await eventually(() => endpoint.peers[0].closed, 'the old one is closed');
  client.close();
});

test('an empty answer of known length may end later', async (t) => {
  const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
    if (type !== HEADERS) return;
    peer.send(frame(HEADERS, END_HEADERS, id, block({ ':status': '200', 'content-length': '0' })));
    setTimeout(() => peer.send(frame(DATA, END_STREAM, id)), 30);
  });
  const proxy = await startProxy(t, { endpoints: [endpoint.port], listener: { http2: true }, pool: H2_POOL });
  const client = await RawH2.connect(proxy.port);
  client.send(get(1));
  assert.equal(await client.status(1), 200);
  await eventually(() => proxy.log.length === 1, 'it is logged');
  await wait(60);
  assert.equal(proxy.log[0].error, '');
  assert.equal(
    endpoint.peers[0].frames.some(({ type }) => type === RST_STREAM),
    false,
  );
  assert.equal(
    client.frames.some(({ type }) => type === RST_STREAM),
    false,
  );
  client.close();
});

const MALFORMED: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
  ['a change of protocol', [[':status', '101']]],
  [
    'a name with a line end',
    [
      [':status', '200'],
      ['x-a: 1\r\nx-evil', 'b'],
    ],
  ],
  [
    'a name in capitals',
    [
      [':status', '200'],
      ['X-Evil', 'b'],
    ],
  ],
  [
    'a value with a line end',
    [
      [':status', '200'],
      ['x-a', 'b\r\nx-evil: 1'],
    ],
  ],
];

for (const [what, fields] of MALFORMED) {
  test(`an endpoint of HTTP/2 may not answer with ${what}`, async (t) => {
    const endpoint = await h2Endpoint(t, (peer, { type, id }) => {
      if (type === HEADERS) peer.send(frame(HEADERS, WHOLE, id, block(fields)));
    });
    const proxy = await startProxy(t, { endpoints: [endpoint.port], listener: { http2: true }, pool: H2_POOL });
    const client = await RawH2.connect(proxy.port);
    client.send(get(1));
    assert.equal(await client.status(1), 502);
    client.close();
    const old = await proxy.connect();
    old.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
    const { start, fields: told } = await old.response();
    assert.match(start, /^HTTP\/1\.1 502 /);
    assert.equal(
      told.some(([name]) => name.toLowerCase().includes('evil')),
      false,
    );
    await eventually(() => proxy.log.length === 2, 'both are logged');
    assert.ok(proxy.log.every(({ error }) => error === 'upstream-malformed'));
  });
}
