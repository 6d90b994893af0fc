// Mutated heads and bodies against the codec and the whole proxy. The property: what is forwarded re-parses, by the
// reference reader and by llhttp (node:http), to exactly what was accepted: same method, target, fields (without the
// hop-by-hop ones, with our additions) and body, and never to a second message. EVENKEEL_SEED repeats a run.

import assert from 'node:assert/strict';
import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { BodyReader } from '../../src/http/codec/body.ts';
import { RequestParser } from '../../src/http/codec/request-parser.ts';
import { ResponseParser, UNTIL_CLOSE } from '../../src/http/codec/response-parser.ts';
import { buildRequestHead } from '../../src/http/request-head.ts';
import { buildResponseHead } from '../../src/http/response-head.ts';
import { normalizePath } from '../../src/routing/normalize.ts';
import { answering, FakeUpstream } from '../../src/testing/fake-upstream.ts';
import { type Field, type Message, readAll, readMessage, statusOf } from '../../src/testing/http-message.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

// The same in every run unless told otherwise: a new seed is for whoever looks for bugs, not for whoever waits for a build.
const SEED = Number(process.env.EVENKEEL_SEED ?? 20_261_123);
const LIMITS = { headBytes: 16_384, fields: 100, targetBytes: 8192 };
const ADD = {
  trusted: false,
  peer: '127.0.0.1',
  xForwarded: true,
  forwarded: true,
  requestIdName: 'x-request-id',
  proto: 'http',
  tls: undefined,
  certificate: undefined,
  local: { localAuthority: () => 'fallback:80' },
  known: '',
  knownHost: undefined,
} as const;

const REQUESTS = [
  'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
  'GET http://b:1/x?y HTTP/1.1\r\nHost: a\r\nVia: 1.0 z\r\n\r\n',
  'OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n',
  'GET /a/../%7e HTTP/1.0\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\nX-Forwarded-For: 9.9.9.9\r\n\r\n',
  'POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nCookie: x=y\r\n\r\nhello world',
  'POST /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n5;e=1\r\nhello\r\n6\r\n world\r\n0\r\nT: 1\r\nHost: x\r\n\r\n',
  'PUT /c HTTP/1.1\r\nhost: a\r\nTE: trailers\r\nConnection: TE, close\r\ntransfer-encoding: CHUNKED\r\n\r\n1\r\n\n\r\n0\r\n\r\n',
  'HEAD /h HTTP/1.1\r\nHost: a\r\nKeep-Alive: 1\r\nX_Forwarded_For: 1\r\nX-Real-Ip: 2\r\nForwarded: for=x\r\n\r\n',
];
const RESPONSES = [
  'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello',
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: T\r\n\r\n5\r\nhello\r\n0\r\nT: 1\r\n\r\n',
  'HTTP/1.0 404 Not Found\r\nConnection: X-Hop\r\nX-Hop: 1\r\nServer: x\r\n\r\n',
  'HTTP/1.1 204 None\r\nKeep-Alive: timeout=1\r\nContent-Length: 0\r\nDate: now\r\n\r\n',
  'HTTP/1.1 304\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n',
  'HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nUpgrade: h2\r\n\r\nuntil the end',
];
const SPICE = [
  '\r\n',
  '\n',
  '\r',
  ' ',
  '\t',
  '\0',
  ':',
  ',',
  ';',
  '_',
  '-',
  '0',
  '5',
  '\x7f',
  '\xa0',
  '\xff',
  '\r\n\r\n',
  '\r\n ',
  '#',
  '%00',
  '%2e',
  '"',
  'Content-Length: 5\r\n',
  'Content-Length: 0\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Transfer-Encoding: identity\r\n',
  'Connection: close\r\n',
  'Connection: content-length, host, x-hop\r\n',
  'Host: evil\r\n',
  'Expect: 100-continue\r\n',
  'chunked',
  ', chunked',
  'GET /smuggled HTTP/1.1\r\nHost: s\r\n\r\n',
  '0\r\n\r\n',
  'HTTP/1.1',
  '1.0',
  '1.2',
  'Content_Length: 3\r\n',
  'Transfer-Encoding : chunked\r\n',
  'X-Request-Id: forged\r\n',
  'http://c/',
  '//',
  '\\',
  'Upgrade: websocket\r\n',
];

function mutator(seed: number) {
  const random = seededRandom(seed);
  const below = (n: number) => random.u32() % n;
  const pick = <T>(list: readonly T[]): T => list[below(list.length)];
  const mutate = (seeds: readonly string[]): string => {
    let text = pick(seeds);
    for (let n = below(4); n > 0; n--) {
      const at = below(text.length + 1);
      const size = 1 + below(12);
      const kind = below(6);
      if (kind === 0) text = text.slice(0, at) + text.slice(at + size);
      else if (kind === 1) text = text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
      else if (kind === 2) text = text.slice(0, at) + text.slice(at, at + size) + text.slice(at);
      else if (kind === 3) text = text.slice(0, at) + pick(seeds).slice(below(40));
      else {
        // Most often where a line begins, or where it ends.
        const line = text.indexOf('\r\n', at);
        const where = line < 0 ? at : kind === 4 ? line : line + 2;
        text = text.slice(0, where) + pick(SPICE) + text.slice(where);
      }
    }
    return text;
  };
  return { below, pick, mutate };
}

interface Passed {
  /** Whole text as it is passed on. */
  readonly out: string;
  /** Bytes of the input that were used. */
  readonly used: number;
}

/** Follows a body fed in pieces of `step`; undefined when it is broken or not complete. */
function follow(bytes: Buffer, from: number, length: number, step: number): Passed | undefined {
  const reader = new BodyReader();
  reader.start(length);
  let out = '';
  let at = from;
  while (!reader.done) {
    const to = Math.min(bytes.length, at + step);
    if (to === at) return length === UNTIL_CLOSE ? { out, used: at } : undefined;
    const next = reader.consume(bytes, at, to);
    if (next < 0) return undefined;
    out += bytes.latin1Slice(at, reader.verbatimEnd) + reader.tail;
    at = next;
  }
  return { out, used: at };
}

const requestParser = new RequestParser();

/** What the proxy does with the first request of `bytes`: refused or incomplete is undefined. */
function passRequest(bytes: Buffer, from = 0): (Passed & { method: string; keepAlive: boolean }) | undefined {
  const parser = requestParser;
  const after = parser.parse(bytes, from, bytes.length, LIMITS);
  if (after <= 0) return undefined;
  const path = normalizePath(parser.target.path);
  if (path === undefined) return undefined;
  const head = buildRequestHead(parser, path, 'id', ADD, undefined);
  const { method, bodyLength, keepAlive } = parser;
  const whole = follow(bytes, after, bodyLength, 1 << 20);
  for (const step of [1, 7]) {
    assert.deepEqual(follow(bytes, after, bodyLength, step), whole, 'cuts make no difference');
  }
  return whole && { out: head + whole.out, used: whole.used, method, keepAlive };
}

const DROPPED = new Set(['connection', 'keep-alive', 'proxy-connection', 'te', 'upgrade', 'proxy-authorization']);
const OURS = [
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-forwarded-host',
  'x-forwarded-port',
  'x-real-ip',
  'forwarded',
  'x-request-id',
];
const KEPT = new Set(['host', 'content-length', 'transfer-encoding', 'expect', 'via', ...OURS]);
const SENSITIVE = new Set([...DROPPED, ...KEPT, 'date', 'trailer']);

/** Fields that must arrive, from the client's own. */
function expectedFields(sent: Message): Field[] {
  const named = sent.fields
    .filter(([name]) => name.toLowerCase() === 'connection')
    .flatMap(([, value]) =>
      value
        .toLowerCase()
        .split(',')
        .map((member) => member.replace(/^[ \t]+|[ \t]+$/g, '')),
    );
  const absolute = /^\S+ https?:/i.test(sent.start);
  const minor0 = sent.start.endsWith('1.0');
  return sent.fields.filter(([written]) => {
    const name = written.toLowerCase();
    if (name.includes('_') && SENSITIVE.has(name.replaceAll('_', '-'))) return false;
    if (DROPPED.has(name) || OURS.includes(name)) return false;
    if (named.includes(name) && !KEPT.has(name)) return false;
    return !(absolute && name === 'host') && !(minor0 && name === 'expect');
  });
}

/** In-memory connection: `input` is there to be read, what is written is dropped. `ends`: EOF follows. */
function pipe(input: string, ends: boolean): Duplex {
  let pushed = false;
  return new Duplex({
    read() {
      if (pushed) return;
      pushed = true;
      this.push(Buffer.from(input, 'latin1'));
      if (ends) this.push(null);
    },
    write: (_chunk, _encoding, done) => done(),
  });
}

interface Seen {
  readonly start: string;
  readonly fields: number;
  readonly body: string;
}
async function bodyOf(message: IncomingMessage): Promise<string> {
  let body = '';
  message.setEncoding('latin1');
  for await (const chunk of message) body += chunk as string;
  return body;
}

/** Requests that llhttp finds in `text`; an Error for what it refuses or does not see the end of. */
async function llhttpRequests(text: string): Promise<(Seen | Error)[]> {
  const found: { start: string; fields: number; body: string; whole: boolean }[] = [];
  const refused: Error[] = [];
  const server = createServer({ maxHeaderSize: 65_536 });
  const take = (message: IncomingMessage, whole: boolean): void => {
    const seen = { start: `${message.method} ${message.url}`, fields: message.rawHeaders.length / 2, body: '', whole };
    found.push(seen);
    message.setEncoding('latin1');
    message.on('data', (piece: string) => {
      seen.body += piece;
    });
    message.on('end', () => {
      seen.whole = true;
    });
    message.on('error', () => undefined);
  };
  server.on('request', (message) => take(message, false));
  server.on('checkContinue', (message) => take(message, false));
  // What follows an upgrade is the new protocol's.
  server.on('upgrade', (message) => take(message, true));
  server.on('clientError', (error) => refused.push(error));
  const socket = pipe(text, false);
  socket.on('error', () => undefined);
  server.emit('connection', socket);
  // All of it is parsed in the turn in which it is read; a body that is not whole by now never will be.
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
  socket.destroy();
  const seen = found.map(({ whole, ...rest }) => (whole ? rest : new Error('not whole')));
  return seen.length > 0 ? seen : refused;
}

test(`requests: seed ${SEED}`, async () => {
  const { mutate } = mutator(SEED);
  let accepted = 0;
  let second = 0;
  const opinions: { input: string; out: string; read: Message }[] = [];
  for (let i = 0; i < 40_000; i++) {
    const input = mutate(REQUESTS);
    const bytes = Buffer.from(input, 'latin1');
    const context = () => `seed ${SEED}, case ${i}: ${JSON.stringify(input)}`;
    const passed = passRequest(bytes);
    if (passed === undefined) continue;
    accepted++;
    // The reference reader understands the client as we did.
    const skipped = input.startsWith('\r\n') ? 2 : 0;
    const asRead = input.slice(skipped).replace(/HTTP\/1\.[2-9]\r\n/, 'HTTP/1.1\r\n');
    const sent = readMessage(Buffer.from(asRead, 'latin1'), { kind: 'request' });
    assert.ok(sent, context());
    assert.equal(sent.size + skipped, passed.used, context());
    // What goes out is one message, and the same one.
    const messages = readAll(Buffer.from(passed.out, 'latin1'), { kind: 'request' });
    assert.equal(messages.length, 1, context());
    const [out] = messages;
    const [method, target] = sent.start.split(' ');
    const [outMethod, outTarget, outVersion] = out.start.split(' ');
    assert.deepEqual([outMethod, outVersion], [method, 'HTTP/1.1'], context());
    if (/^\/[^%.]*$/.test(target)) assert.equal(outTarget, target, context());
    assert.ok(outTarget.startsWith('/') || outTarget === '*', context());
    assert.ok(out.body.equals(sent.body), context());
    const expected = expectedFields(sent);
    assert.deepEqual(out.fields.slice(0, expected.length), expected, context());
    const added = out.fields.slice(expected.length).map(([name]) => name.toLowerCase());
    const plain = added.filter((name) => !['host', 'connection', 'upgrade', 'x-forwarded-host'].includes(name));
    assert.deepEqual(plain, ['x-forwarded-for', 'x-forwarded-proto', 'forwarded', 'x-request-id', 'via'], context());
    assert.equal(out.fields.filter(([name]) => name.toLowerCase() === 'host').length, 1, context());
    // Cut anywhere, a prefix is never taken for a whole.
    if (i % 20 === 0) {
      const headEnd = input.indexOf('\r\n\r\n') + 4;
      for (let end = 0; end < headEnd; end++) assert.equal(requestParser.parse(bytes, 0, end, LIMITS), 0, context());
    }
    if (opinions.length < 2500) opinions.push({ input, out: passed.out, read: out });
  }
  for (const { input, out, read } of opinions) {
    const seen = await llhttpRequests(out);
    const context = `seed ${SEED}: ${JSON.stringify(input)} went out as ${JSON.stringify(out)}`;
    assert.equal(seen.length, 1, context);
    const [first] = seen;
    if (first instanceof Error) {
      // It may refuse what we pass (an unknown method, say), but not read it as something else.
      second++;
      continue;
    }
    const expected = {
      start: read.start.replace(/ HTTP.*/, ''),
      fields: read.fields.length,
      body: read.body.toString('latin1'),
    };
    assert.deepEqual(first, expected, context);
  }
  assert.ok(accepted > 4000, `${accepted} accepted`);
  assert.ok(second < opinions.length / 2, `${second} refused by llhttp`);
});

const responseParser = new ResponseParser();

/** What a client of HTTP/1.1 would be sent; undefined when the response is refused or incomplete. */
function passResponse(bytes: Buffer, toHead: boolean): Passed | undefined {
  const parser = responseParser;
  const after = parser.parse(bytes, 0, bytes.length, toHead);
  if (after <= 0 || parser.status < 200) return undefined;
  const head = buildResponseHead(parser, { minor: 1, close: false, date: 'now', hsts: '', edits: undefined });
  const body = follow(bytes, after, parser.bodyLength, 1 << 20);
  if (body === undefined) return undefined;
  for (const step of [1, 5]) assert.deepEqual(follow(bytes, after, parser.bodyLength, step), body);
  if (parser.bodyLength !== UNTIL_CLOSE) return { out: head + body.out, used: body.used };
  const chunk = body.out === '' ? '' : `${body.out.length.toString(16)}\r\n${body.out}\r\n`;
  return { out: `${head}${chunk}0\r\n\r\n`, used: body.used };
}

function llhttpResponse(text: string, method: string): Promise<Seen | Error> {
  return new Promise((resolve) => {
    const asked = httpRequest({ method, host: 'a', createConnection: () => pipe(text, true) });
    asked.on('response', (message) => {
      bodyOf(message).then(
        (body) => resolve({ start: `${message.statusCode}`, fields: message.rawHeaders.length / 2, body }),
        resolve,
      );
    });
    asked.on('error', resolve);
    asked.end();
  });
}

test(`responses: seed ${SEED}`, async () => {
  const { mutate, below } = mutator(SEED + 1);
  let accepted = 0;
  const opinions: { input: string; out: string; read: Message; method: string }[] = [];
  for (let i = 0; i < 30_000; i++) {
    const input = mutate(RESPONSES);
    const method = below(8) === 0 ? 'HEAD' : 'GET';
    const context = () => `seed ${SEED}, case ${i} (${method}): ${JSON.stringify(input)}`;
    const passed = passResponse(Buffer.from(input, 'latin1'), method === 'HEAD');
    if (passed === undefined) continue;
    accepted++;
    const asRead = input.replace(/^HTTP\/1\.[2-9]/, 'HTTP/1.1').replace(/^(HTTP\/1\.\d \d\d\d)\r\n/, '$1 \r\n');
    const sent = readMessage(Buffer.from(asRead, 'latin1'), { kind: 'response', method, ended: true });
    assert.ok(sent, context());
    assert.equal(sent.size - (asRead.length - input.length), passed.used, context());
    const messages = readAll(Buffer.from(passed.out, 'latin1'), { kind: 'response', method });
    assert.equal(messages.length, 1, context());
    const [out] = messages;
    assert.equal(statusOf(out), statusOf(sent), context());
    assert.ok(out.body.equals(sent.body), context());
    for (const [name] of out.fields)
      assert.ok(!DROPPED.has(name.toLowerCase()) || name.toLowerCase() === 'proxy-authorization', context());
    if (opinions.length < 1500) opinions.push({ input, out: passed.out, read: out, method });
  }
  for (const { input, out, read, method } of opinions) {
    const seen = await llhttpResponse(out, method);
    const context = `seed ${SEED}: ${JSON.stringify(input)} went out as ${JSON.stringify(out)}`;
    if (seen instanceof Error) continue;
    const expected = { start: `${statusOf(read)}`, fields: read.fields.length, body: read.body.toString('latin1') };
    assert.deepEqual(seen, expected, context);
  }
  assert.ok(accepted > 4000, `${accepted} accepted`);
});

for (const adopt of [true, false]) {
  test(`through the whole proxy, cut in pieces, with a request behind it (${adopt ? 'adopted' : 'portable'}): seed ${SEED}`, async (t) => {
    const { mutate, below } = mutator(SEED + (adopt ? 2 : 3));
    const upstream = await FakeUpstream.start(
      t,
      answering((m) => `HTTP/1.1 200 OK\r\nContent-Length: ${m.start.startsWith('HEAD ') ? 5 : 0}\r\n\r\n`),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], adopt, pool: { retries: 0, passive: 'off' } });
    for (let i = 0; i < 400; i++) {
      const input = `${mutate(REQUESTS)}GET /behind HTTP/1.1\r\nHost: a\r\n\r\n`;
      const bytes = Buffer.from(input, 'latin1');
      const context = `seed ${SEED}, case ${i}: ${JSON.stringify(input)}`;
      const expected: string[] = [];
      const methods: string[] = [];
      let at = 0;
      for (;;) {
        const passed = passRequest(bytes, at);
        if (passed === undefined) break;
        const [message] = readAll(Buffer.from(passed.out, 'latin1'), { kind: 'request' });
        expected.push(`${message.start} ${message.body.toString('latin1')}`);
        methods.push(passed.method);
        at = passed.used;
        if (!passed.keepAlive) break;
      }
      const before = upstream.requests.length;
      const client = await proxy.connect();
      const cuts = Array.from({ length: below(5) }, () => below(bytes.length)).toSorted((a, b) => a - b);
      await client.writePieces([0, ...cuts].map((from, n) => bytes.subarray(from, cuts[n] ?? bytes.length)));
      for (const method of methods) {
        let response = await client
          .response(method)
          .catch((error: Error) => assert.fail(`${error.message}; ${context}`));
        while (statusOf(response) < 200) response = await client.response(method);
        assert.equal(statusOf(response), 200, context);
      }
      client.reset();
      const arrived = upstream.requests.slice(before).map(({ start, body }) => `${start} ${body.toString('latin1')}`);
      assert.deepEqual(arrived, expected, context);
    }
    for (const connection of upstream.connections) {
      // Each connection holds whole requests, and at most one that its client broke off.
      const whole = connection.requests.reduce((sum, { size }) => sum + size, 0);
      const rest = connection.all.subarray(whole);
      if (rest.length > 0) assert.equal(readMessage(rest, { kind: 'request' }), undefined);
    }
  });
}
