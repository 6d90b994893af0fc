// Upstreams that die or lie at every byte, and clients that leave in every phase. A cut reply must never look whole,
// nothing may hang, and every lease and connection must come back (the scenario checks the last at its end).

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { E } from '../../src/core/counters.ts';
import { answering, FakeUpstream, reply, type UpstreamSocket } from '../../src/testing/fake-upstream.ts';
import { readMessage, statusOf } from '../../src/testing/http-message.ts';
import { type RawClient, request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const RESPONSES = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789',
  chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n6\r\n456789\r\n0\r\nT: 1\r\n\r\n',
  closing: 'HTTP/1.1 200 OK\r\n\r\n0123456789',
};
type Framing = keyof typeof RESPONSES;
const CALM = { retries: 0, passive: 'off' };

/** What one client saw: the whole response, an error of ours, or a cut. */
async function outcome(client: RawClient, endless = false): Promise<'whole' | 'bad gateway' | 'cut'> {
  const read = () => readMessage(client.bytes, { kind: 'response', method: 'GET', ended: client.ending === 'end' });
  await client.until(() => client.ending !== 'open' || read() !== undefined, 'an outcome');
  const message = read();
  if (message === undefined || (client.ending === 'reset' && message.framing === 'close')) return 'cut';
  if (statusOf(message) === 502) return 'bad gateway';
  const body = message.body.toString();
  // A body that only the connection's end delimits may be short without anybody knowing.
  assert.ok(body === '0123456789' || (endless && '0123456789'.startsWith(body)), body);
  return 'whole';
}

for (const framing of Object.keys(RESPONSES) as Framing[]) {
  for (const how of ['reset', 'end'] as const) {
    for (const version of ['1.1', '1.0'] as const) {
      test(`upstream ${how} after every byte of a ${framing} response, HTTP/${version} client`, async (t) => {
        const text = RESPONSES[framing];
        let cut = 0;
        const upstream = await FakeUpstream.start(t, async (connection) => {
          await connection.request();
          await connection.writePieces([text.slice(0, cut)].filter((piece) => piece !== ''));
          if (how === 'end') return connection.end();
          // The bytes must have been read before the RST overtakes them.
          await eventually(() => cut === 0 || connection.socket.bytesWritten === cut, 'written');
          connection.reset();
        });
        const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
        const headEnd = text.indexOf('\r\n\r\n') + 4;
        for (cut = 0; cut <= text.length; cut++) {
          const client = await proxy.connect();
          client.write(`GET / HTTP/${version}\r\nHost: a\r\n\r\n`);
          const seen = await outcome(client, framing === 'closing' && how === 'end');
          const where = `cut at ${cut} of ${text.length}: ${seen}; ${JSON.stringify(client.text)}`;
          if (framing === 'closing' && how === 'end') {
            // A clean end is all that delimits it; nobody can tell a short one.
            if (cut < headEnd) assert.equal(seen, 'bad gateway', where);
          } else if (cut === text.length && framing !== 'closing') {
            assert.notEqual(seen, 'bad gateway', where);
          } else {
            assert.notEqual(seen, 'whole', where);
            if (cut < headEnd - 1 && how === 'end') assert.equal(seen, 'bad gateway', where);
          }
          client.socket.destroy();
        }
        await eventually(() => proxy.inFlight() === 0, 'nothing is in flight');
      });
    }
  }
}

const BAD: Record<string, string> = {
  'both framings': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
  'two lengths': 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n',
  'a negative length': 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
  'an unknown coding': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
  'a coding in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n',
  'a folded line': 'HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n',
  'a space before the colon': 'HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n',
  'a bare LF': 'HTTP/1.1 200 OK\nContent-Length: 0\n\n',
  'a bare CR': 'HTTP/1.1 200 OK\r\nA: b\rc\r\nContent-Length: 0\r\n\r\n',
  'a NUL': 'HTTP/1.1 200 OK\r\nA: \0\r\nContent-Length: 0\r\n\r\n',
  'no protocol': 'hello\r\n\r\n',
  'HTTP/2': '\0\0\x12\x04\0\0\0\0\0',
  'an upgrade nobody wanted': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n',
  'an endless head': `HTTP/1.1 200 OK\r\n${'X: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\r\n'.repeat(2000)}`,
  'an endless field': `HTTP/1.1 200 OK\r\nX: ${'y'.repeat(80_000)}`,
  '257 lengths': `HTTP/1.1 200 OK\r\n${'Content-Length: 5\r\n'.repeat(257)}\r\nhello`,
};
test('ambiguous or malformed heads of an upstream: 502, connection closed', async (t) => {
  let bytes = '';
  const upstream = await FakeUpstream.start(
    t,
    answering(() => bytes),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  for (const [what, text] of Object.entries(BAD)) {
    bytes = text;
    const client = await proxy.connect();
    assert.equal(await client.status(request('GET /')), 502, what);
    assert.equal(proxy.log.at(-1)!.error, 'upstream-malformed', what);
    await eventually(() => upstream.open === 0, what);
  }
});

test('broken chunks of an upstream cut the response', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n'),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  for (const chunks of [
    'g\r\n',
    '1\r\nxy\r\n',
    '-1\r\n',
    '0x1\r\n',
    '1 \r\n',
    '1\n',
    ';\r\n',
    'fffffffffffffff\r\n',
    '0\r\nA\r\n\r\n',
  ]) {
    const client = await proxy.connect();
    client.write(request('GET /'));
    await client.untilText('x');
    upstream.connections.at(-1)!.write(chunks);
    assert.equal(await outcome(client), 'cut', JSON.stringify(chunks));
    assert.equal(proxy.log.at(-1)!.error, 'upstream-malformed');
  }
});

test('bytes that nobody asked for are not the next answer', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((_, connection) => (connection.index === 0 ? reply('mine') + reply('stolen') : reply('yours'))),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: { ...CALM, maxInFlight: 1 } });
  const client = await proxy.connect();
  // The second request waits on this connection, the third for the endpoint: both begin the moment the first ends.
  client.write(request('GET /') + request('GET /'));
  const other = await proxy.connect();
  other.write(request('GET /'));
  assert.equal((await client.response()).body.toString(), 'mine');
  assert.equal((await client.response()).body.toString(), 'yours');
  assert.equal((await other.response()).body.toString(), 'yours');
});

test('bytes on an idle connection close it', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('good')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 200);
  upstream.connections[0].write(reply('poison'));
  await eventually(() => upstream.open === 0, 'closed');
  client.write(request('GET /'));
  assert.equal((await client.response()).body.toString(), 'good');
});

test('an idle connection that the upstream closes is not used', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('good')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  const client = await proxy.connect();
  for (let i = 0; i < 5; i++) {
    assert.equal(await client.status(request('POST /', {}, 'x')), 200);
    if (i % 2 === 0) upstream.connections.at(-1)!.end();
    else upstream.connections.at(-1)!.reset();
    await eventually(() => upstream.open === 0, 'noticed');
  }
  assert.equal(upstream.requests.length, 5);
  assert.equal(proxy.load.failures[0], 0);
});

test('Keep-Alive: timeout=1 is honoured', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('good', 'Keep-Alive: timeout=1\r\n')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  const client = await proxy.connect();
  assert.equal(await client.status(request('GET /')), 200);
  await upstream.connections[0].untilEnded();
  assert.equal(await client.status(request('GET /')), 200);
  assert.equal(upstream.connections.length, 2);
});

test('half-open: an upstream that shuts its side down has answered nothing more', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel').end();
  });
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  const client = await proxy.connect();
  client.write(request('GET /'));
  assert.equal(await client.untilEnded(), 'reset');
});

test('half-open: a client that ends while a whole response is on its way still gets it', async (t) => {
  const size = 4 * 1024 * 1024;
  const upstream = await FakeUpstream.start(
    t,
    answering(() => `HTTP/1.1 200 OK\r\nContent-Length: ${size}\r\n\r\n${'x'.repeat(size)}`),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: CALM });
  const client = await proxy.connect();
  client.socket.pause();
  client.write(request('GET /'));
  await eventually(() => client.socket.bytesWritten > 0, 'sent');
  client.socket.resume();
  await eventually(() => proxy.log.length === 1, 'the balancer is done with it');
  client.end();
  const response = await client.response();
  assert.equal(response.body.length, size);
});

/** Runs one request up to a phase, lets the client go, and checks that nobody is blamed. */
async function leave(
  t: TestContext,
  phase: (client: RawClient, at: () => UpstreamSocket | undefined) => Promise<void>,
) {
  for (const how of ['reset', 'end', 'destroy'] as const) {
    let upstreamConnection: UpstreamSocket | undefined;
    const upstream = await FakeUpstream.start(t, (connection) => {
      upstreamConnection = connection;
    });
    const proxy = await startProxy(t, { endpoints: [upstream] });
    const client = await proxy.connect();
    await phase(client, () => upstreamConnection);
    if (how === 'reset') client.reset();
    else if (how === 'end') client.end();
    else client.socket.destroy();
    await eventually(() => proxy.log.length === 1, `noticed (${how})`);
    assert.equal(proxy.log[0].error, 'client-gone');
    assert.equal(proxy.load.failures[0], 0);
    assert.equal(proxy.counters.readEndpoint(0, E.cancelled), 1);
    assert.equal(proxy.inFlight(), 0);
    await eventually(() => upstream.open === 0, 'the upstream connection is closed');
  }
}

test('client leaves while the upstream thinks', (t) =>
  leave(t, async (client, at) => {
    client.write(request('GET /'));
    await eventually(() => at() !== undefined, 'connected');
    await at()!.request();
  }));

test('client leaves in the middle of its body', (t) =>
  leave(t, async (client, at) => {
    client.write(request('POST /', { 'Content-Length': '1000' }) + 'abc');
    await eventually(() => at() !== undefined, 'connected');
    await at()!.untilText('abc');
  }));

test('client leaves after the response head', (t) =>
  leave(t, async (client, at) => {
    client.write(request('GET /'));
    await eventually(() => at() !== undefined, 'connected');
    await at()!.request();
    at()!.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nabc');
    await client.untilText('abc');
  }));

test('client leaves in the middle of chunks', (t) =>
  leave(t, async (client, at) => {
    client.write(request('GET /'));
    await eventually(() => at() !== undefined, 'connected');
    await at()!.request();
    at()!.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n');
    await client.untilText('abc');
  }));

test('client leaves with the last of several pipelined requests under way', async (t) => {
  let silent = false;
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => {
      silent = m.start.includes('/last');
      return silent ? undefined : reply('ok');
    }),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('GET /1') + request('GET /2') + request('GET /last'));
  await eventually(() => silent, 'the last is under way');
  client.reset();
  await eventually(() => proxy.log.length === 3, 'noticed');
  assert.equal(proxy.log[2].error, 'client-gone');
});

test('client leaves during a retry pause and during the connect', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.reset();
  });
  const other = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.reset();
  });
  const proxy = await startProxy(t, { endpoints: [upstream, other], pool: { retries: { backoff: '10s' } } });
  const client = await proxy.connect();
  client.write(request('GET /'));
  await eventually(() => upstream.requests.length + other.requests.length === 1, 'tried once');
  await eventually(() => upstream.open + other.open === 0, 'reset');
  client.reset();
  await eventually(() => proxy.log.length === 1, 'noticed');
  assert.equal(proxy.log[0].error, 'client-gone');
});
