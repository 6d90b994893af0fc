// WebSockets over every pair of versions, with a real WebSocket implementation where there is one (HTTP/1.1) and frames by hand
// on streams of HTTP/2 (RFC 8441).

import assert from 'node:assert/strict';
import { once } from 'node:events';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { L } from '../../src/core/counters.ts';
import { type Proxy as Balancer, eventually, startProxy } from '../../src/testing/scenario.ts';
import { VERSIONS, type Version } from '../../src/testing/versions.ts';

interface Talk {
  /** Sends a text and resolves to the next one that comes. */
  say(text: string): Promise<string>;
  /** The code with which it ended. */
  readonly closed: Promise<number>;
  close(): void;
}

/** A text or close frame; `mask`: a client's. */
function frameOf(opcode: number, body: Buffer, mask: boolean): Buffer {
  assert.ok(body.length < 126);
  const head = Buffer.of(0x80 | opcode, (mask ? 0x80 : 0) | body.length);
  return mask ? Buffer.concat([head, Buffer.alloc(4), body]) : Buffer.concat([head, body]);
}

/** Small frames, whole ones. */
function* framesIn(bytes: Buffer): Generator<{ opcode: number; body: Buffer; end: number }> {
  for (let at = 0; at + 2 <= bytes.length; ) {
    const masked = (bytes[at + 1] & 0x80) !== 0;
    const length = bytes[at + 1] & 0x7f;
    const start = at + 2 + (masked ? 4 : 0);
    if (start + length > bytes.length) return;
    const body = Buffer.from(bytes.subarray(start, start + length));
    if (masked) for (let i = 0; i < length; i++) body[i] ^= bytes[start - 4 + (i % 4)];
    at = start + length;
    yield { opcode: bytes[at - length - (masked ? 6 : 2)] & 15, body, end: at };
  }
}

function talkHttp1(port: number): Promise<Talk> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/chat`, ['chat']);
  const closed = once(socket, 'close').then(([code]) => code as number);
  const talk: Talk = {
    async say(text) {
      const answer = once(socket, 'message');
      socket.send(text);
      return ((await answer) as [Buffer])[0].toString();
    },
    closed,
    close: () => socket.close(4000),
  };
  return once(socket, 'open').then(() => {
    assert.equal(socket.protocol, 'chat');
    return talk;
  });
}

async function talkHttp2(port: number): Promise<Talk> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  await once(session, 'remoteSettings');
  assert.equal(session.remoteSettings.enableConnectProtocol, true);
  const stream = session.request(
    {
      ':method': 'CONNECT',
      ':protocol': 'websocket',
      ':scheme': 'http',
      ':path': '/chat',
      ':authority': 'a.example',
      'sec-websocket-version': '13',
      'sec-websocket-protocol': 'chat',
    },
    { endStream: false },
  );
  const [headers] = (await once(stream, 'response')) as [http2.IncomingHttpHeaders];
  assert.equal(headers[':status'], 200);
  assert.equal(headers['sec-websocket-protocol'], 'chat');
  assert.equal(headers['sec-websocket-accept'], undefined);
  let held = Buffer.alloc(0);
  const texts: string[] = [];
  const closed = Promise.withResolvers<number>();
  stream.on('error', () => undefined);
  stream.on('data', (part: Buffer) => {
    held = Buffer.concat([held, part]);
    let used = 0;
    for (const { opcode, body, end } of framesIn(held)) {
      used = end;
      if (opcode === 1) texts.push(String(body));
      if (opcode === 8) closed.resolve(body.readUInt16BE(0));
    }
    held = held.subarray(used);
  });
  stream.on('close', () => {
    closed.resolve(1006);
    session.destroy();
  });
  return {
    async say(text) {
      stream.write(frameOf(1, Buffer.from(text), true));
      await eventually(() => texts.length > 0, 'an answer');
      return texts.shift()!;
    },
    closed: closed.promise,
    close: () => void stream.end(frameOf(8, Buffer.of(0x0f, 0xa0), true)),
  };
}

interface Echo {
  readonly port: number;
  /** Codes with which clients closed. */
  readonly codes: number[];
}

async function echoHttp1(t: TestContext): Promise<Echo> {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => 'chat' });
  const codes: number[] = [];
  server.on('connection', (socket) => {
    socket.on('message', (text: Buffer) => socket.send(`${text.toString()}!`));
    socket.on('close', (code) => codes.push(code));
  });
  await once(server, 'listening');
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port, codes };
}

async function echoHttp2(t: TestContext): Promise<Echo> {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  const codes: number[] = [];
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    assert.equal(headers[':protocol'], 'websocket');
    stream.respond({ ':status': 200, 'sec-websocket-protocol': 'chat' });
    stream.on('data', (bytes: Buffer) => {
      for (const { opcode, body } of framesIn(bytes)) {
        if (opcode === 8) codes.push(body.readUInt16BE(0));
        if (opcode === 8) stream.end(frameOf(8, body, false));
        else stream.write(frameOf(1, Buffer.from(`${body.toString()}!`), false));
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sessions = new Set<http2.Http2Session>();
  server.on('session', (session) => sessions.add(session));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, codes };
}

async function start(t: TestContext, server: Version, more: Record<string, unknown> = {}): Promise<[Balancer, Echo]> {
  const echo = server === 'h1' ? await echoHttp1(t) : await echoHttp2(t);
  const pool = { protocol: server === 'h2' ? 'h2' : 'http1' };
  return [await startProxy(t, { endpoints: [echo.port], listener: { http2: true, ...more }, pool }), echo];
}

for (const client of VERSIONS) {
  const talkTo = client === 'h1' ? talkHttp1 : talkHttp2;
  for (const server of VERSIONS) {
    test(`${client} → ${server}: a WebSocket talks, is counted, and closes with its code`, async (t) => {
      const [proxy, echo] = await start(t, server);
      const talk = await talkTo(proxy.port);
      for (const text of ['one', 'two', 'three']) assert.equal(await talk.say(text), `${text}!`);
      assert.equal(proxy.counters.readListener(0, L.openUpgrades), 1);
      talk.close();
      await eventually(() => echo.codes.length === 1, 'the server heard');
      assert.equal(echo.codes[0], 4000);
      assert.equal(await talk.closed, 4000);
      await eventually(() => proxy.counters.readListener(0, L.openUpgrades) === 0, 'nothing is left');
      assert.equal(proxy.counters.readListener(0, L.messagesIn), 3);
      assert.equal(proxy.counters.readListener(0, L.messagesOut), 3);
      assert.equal(proxy.inFlight(), 0);
    });

    test(`${client} → ${server}: at the end of a drain both sides are told that we go away`, async (t) => {
      const [proxy, echo] = await start(t, server);
      const talk = await talkTo(proxy.port);
      assert.equal(await talk.say('hello'), 'hello!');
      proxy.plane.drain();
      assert.equal(await talk.say('still here'), 'still here!');
      proxy.plane.cut();
      assert.equal(await talk.closed, 1001);
      await eventually(() => echo.codes.length === 1, 'the server was told');
      assert.equal(echo.codes[0], 1001);
    });

    test(`${client} → ${server}: silence and age end it`, async (t) => {
      const [proxy] = await start(t, server, { timeouts: { tunnelIdle: '250ms' } });
      const idle = await talkTo(proxy.port);
      assert.equal(await idle.closed, 1006);
      const [short] = await start(t, server, { timeouts: { tunnelLifetime: '300ms' } });
      const old = await talkTo(short.port);
      const code = await Promise.race([
        old.closed,
        (async () => {
          for (;;) {
            await old.say('x');
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
        })(),
      ]).catch(() => 1006);
      assert.equal(code, 1006);
    });
  }
}

test('WebSockets go where the fewest are open, whatever picks endpoints for requests', async (t) => {
  const echoes = [await echoHttp1(t), await echoHttp1(t)];
  const proxy = await startProxy(t, { endpoints: echoes.map(({ port }) => port), pool: { balance: 'random' } });
  const talks = [];
  for (let i = 0; i < 20; i++) talks.push(await talkHttp1(proxy.port));
  assert.equal(proxy.load.inFlight[0], 10);
  assert.equal(proxy.load.inFlight[1], 10);
  for (const talk of talks) talk.close();
  await Promise.all(talks.map(({ closed }) => closed));
});

test('a WebSocket to an endpoint of HTTP/2 that takes none is refused in the words of HTTP', async (t) => {
  const server = http2.createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const sessions = new Set<http2.Http2Session>();
  server.on('session', (session) => sessions.add(session));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const proxy = await startProxy(t, { endpoints: [port], pool: { protocol: 'h2', retries: 0 } });
  const socket = new WebSocket(`ws://127.0.0.1:${proxy.port}/`);
  socket.on('error', () => undefined);
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
  assert.equal(response.statusCode, 502);
  socket.terminate();
});
