// What a request leaves in a trace, and what its endpoint is told of it: ids, parents, attempts, and nothing when it is off.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseTraceparent } from '../../src/core/trace-context.ts';
import type { SpanRecord } from '../../src/core/tracer.ts';
import { answering, FakeUpstream, reply, type Script } from '../../src/testing/fake-upstream.ts';
import type { Message } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, type ProxyOptions, startProxy } from '../../src/testing/scenario.ts';
import { asker, type Served, serve, VERSIONS } from '../../src/testing/versions.ts';

const good = answering(() => reply('good'));
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const SPAN = '00f067aa0ba902b7';
const PARENT = `00-${TRACE}-${SPAN}-01`;
const OTLP = 'http://127.0.0.1:4318';
const ALL = { tracing: { otlp: OTLP, sample: 1 } };
const NONE = { tracing: { otlp: OTLP, sample: 0 } };
const TRUSTED = { trustedProxies: '127.0.0.0/8' };

const fieldsOf = ({ fields }: Message, name: string): string[] =>
  fields.filter(([key]) => key.toLowerCase() === name).map(([, value]) => value);
const parentOf = (message: Message) => {
  const [parent, ...more] = fieldsOf(message, 'traceparent');
  assert.deepEqual(more, [], 'one traceparent');
  return parseTraceparent(parent);
};

async function start(t: TestContext, options: Partial<ProxyOptions> = {}, script: Script = good) {
  const upstream = await FakeUpstream.start(t, script);
  const proxy = await startProxy(t, { endpoints: [upstream], config: ALL, ...options });
  return { upstream, proxy, client: await proxy.connect() };
}

type Traced = Awaited<ReturnType<typeof startProxy>>;
const serverOf = ({ spans }: Traced): SpanRecord => spans.find(({ kind }) => kind === 'server')!;
const attemptsOf = ({ spans }: Traced): SpanRecord[] => spans.filter(({ kind }) => kind === 'client');

test('off: trace fields pass as they came, and none is made', async (t) => {
  const { upstream, proxy, client } = await start(t, { config: {} });
  await client.status(request('GET /', { traceparent: 'whatever', TraceState: 'A B' }));
  await client.status(request('GET /'));
  assert.deepEqual(fieldsOf(upstream.requests[0], 'traceparent'), ['whatever']);
  assert.deepEqual(fieldsOf(upstream.requests[0], 'tracestate'), ['A B']);
  assert.deepEqual(fieldsOf(upstream.requests[1], 'traceparent'), []);
  assert.deepEqual(proxy.spans, []);
});

test('a request that is sampled: a span for it and one below for its attempt, which the endpoint gets as its parent', async (t) => {
  const { upstream, proxy, client } = await start(t);
  await client.status(request('GET /some/path?secret=1', { Host: 'test.example:8080', 'User-Agent': 'tester' }));
  const parent = parentOf(upstream.requests[0])!;
  const server = serverOf(proxy);
  const [attempt, ...more] = attemptsOf(proxy);
  assert.equal(more.length, 0);
  assert.deepEqual(
    [parent.sampled, parent.traceId, parent.spanId],
    [true, server.traceId, attempt.spanId],
    'what the endpoint was told',
  );
  assert.deepEqual([server.parentId, attempt.parentId, attempt.traceId], ['', server.spanId, server.traceId]);
  const { endpoint, port } = { endpoint: 'b/0', port: upstream.port };
  assert.deepEqual(server.attributes, {
    'url.path': '/some/path',
    'url.scheme': 'http',
    'client.address': '127.0.0.1',
    'network.protocol.version': '1.1',
    'server.address': 'test.example',
    'server.port': 8080,
    'user_agent.original': 'tester',
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'evenkeel.listener': 'web',
    'evenkeel.route': proxy.log[0].route,
    'evenkeel.pool': 'b',
    'evenkeel.endpoint': endpoint,
    'evenkeel.request_id': proxy.log[0].requestId,
    'evenkeel.bytes_out': proxy.log[0].bytesOut,
  });
  const { 'evenkeel.first_byte_ms': firstByte, 'evenkeel.sent_after_ms': sentAfter, ...rest } = attempt.attributes;
  assert.ok(Number(firstByte) >= 0 && Number(sentAfter) >= 0);
  assert.deepEqual(rest, {
    'server.address': '127.0.0.1',
    'server.port': port,
    'url.full': `http://127.0.0.1:${port}/some/path`,
    'http.request.method': 'GET',
    'http.response.status_code': 200,
    'network.protocol.version': '1.1',
    'evenkeel.endpoint': endpoint,
    'evenkeel.attempt': 'first',
  });
  assert.ok(server.startedAt <= attempt.startedAt && attempt.endedAt <= server.endedAt);
  assert.equal(proxy.log[0].traceId, server.traceId);
  assert.ok(!JSON.stringify(proxy.spans).includes('secret'), 'queries often hold secrets');
});

test('a request that is not sampled: told so upstream, and nothing is recorded', async (t) => {
  const { upstream, proxy, client } = await start(t, { config: NONE });
  await client.status(request('GET /'));
  await client.status(request('GET /', { traceparent: PARENT, tracestate: 'a=1' }));
  assert.equal(parentOf(upstream.requests[0])?.sampled, false);
  assert.equal(fieldsOf(upstream.requests[1], 'traceparent')[0], `00-${TRACE}-${SPAN}-00`);
  assert.deepEqual(fieldsOf(upstream.requests[1], 'tracestate'), ['a=1']);
  assert.deepEqual(proxy.spans, []);
  assert.equal(proxy.log[1].traceId, TRACE);
});

test('a trusted proxy decides: its trace goes on, with our span between', async (t) => {
  const { upstream, proxy, client } = await start(t, { config: { ...NONE, ...TRUSTED } });
  await client.status(request('GET /', { Traceparent: PARENT, tracestate: 'a=1,b=2' }));
  const server = serverOf(proxy);
  const parent = parentOf(upstream.requests[0])!;
  assert.deepEqual([server.traceId, server.parentId, server.state], [TRACE, SPAN, 'a=1,b=2']);
  assert.deepEqual([parent.traceId, parent.spanId, parent.sampled], [TRACE, attemptsOf(proxy)[0].spanId, true]);
  assert.deepEqual(fieldsOf(upstream.requests[0], 'tracestate'), ['a=1,b=2']);
});

test('a client that nobody trusts cannot have itself recorded, unless it may', async (t) => {
  const { proxy, client } = await start(t, { config: NONE });
  await client.status(request('GET /', { traceparent: PARENT }));
  assert.deepEqual(proxy.spans, []);
  const open = await start(t, { config: { tracing: { ...NONE.tracing, trustClients: true } } });
  await open.client.status(request('GET /', { traceparent: PARENT }));
  assert.equal(serverOf(open.proxy).traceId, TRACE);
});

test('what is no traceparent is replaced, with its tracestate', async (t) => {
  const { upstream, client } = await start(t, { config: { ...ALL, ...TRUSTED } });
  const bad = [PARENT.toUpperCase(), `ff${PARENT.slice(2)}`, `00-${'0'.repeat(32)}-${SPAN}-01`, 'x', ''];
  for (const traceparent of bad) await client.status(request('GET /', { traceparent, tracestate: 'a=1' }));
  await client.status(`GET / HTTP/1.1\r\nHost: a\r\ntraceparent: ${PARENT}\r\nTraceparent: ${PARENT}\r\n\r\n`);
  for (const message of upstream.requests) {
    const parent = parentOf(message);
    assert.ok(parent !== undefined && parent.traceId !== TRACE);
    assert.deepEqual(fieldsOf(message, 'tracestate'), []);
  }
  assert.equal(upstream.requests.length, bad.length + 1);
});

test('each attempt of a request has its own span, and tells its endpoint so', async (t) => {
  const failing = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.reset();
  });
  const working = await FakeUpstream.start(t, good);
  const retries = { retries: { backoff: '1ms', budget: '100%' }, passive: 'off' };
  const proxy = await startProxy(t, { endpoints: [failing, working], config: ALL, pool: retries });
  const client = await proxy.connect();
  for (let i = 0; i < 2; i++) await client.status(request('PUT /', {}, 'body'), 'PUT');
  await eventually(() => failing.requests.length > 0, 'one of them went there first');
  const first = parentOf(failing.requests[0])!;
  const attempts = attemptsOf(proxy).filter(({ traceId }) => traceId === first.traceId);
  const second = working.requests
    .map((message) => parentOf(message)!)
    .find(({ traceId }) => traceId === first.traceId)!;
  assert.deepEqual(
    attempts.map(({ spanId, failed, attributes }) => [
      spanId,
      failed,
      attributes['evenkeel.attempt'],
      attributes['error.type'],
      attributes['http.request.resend_count'],
    ]),
    [
      [first.spanId, true, 'first', 'upstream-reset', undefined],
      [second.spanId, false, 'retry', undefined, 1],
    ],
  );
  assert.ok(working.requests.every(({ body }) => body.toString() === 'body'));
  const server = proxy.spans.find(({ kind, traceId }) => kind === 'server' && traceId === first.traceId)!;
  assert.ok(attempts.every(({ parentId }) => parentId === server.spanId));
});

test('a hedge is an attempt beside another one', async (t) => {
  const slow = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
  });
  const quick = await FakeUpstream.start(t, good);
  const proxy = await startProxy(t, {
    endpoints: [slow, quick],
    config: ALL,
    pool: { retries: { budget: '100%' }, balance: 'round-robin', passive: 'off' },
    listener: { pool: undefined, routes: [{ pool: 'b', hedge: { after: '20ms', atLeast: '1ms' } }] },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 2; i++) await client.status(request('GET /'));
  await eventually(() => slow.requests.length > 0, 'one of them went there first');
  const first = parentOf(slow.requests[0])!;
  const attempts = attemptsOf(proxy).filter(({ traceId }) => traceId === first.traceId);
  assert.deepEqual(
    attempts.map(({ attributes }) => [attributes['evenkeel.attempt'], attributes['evenkeel.cancelled']]),
    [
      ['first', true],
      ['hedge', undefined],
    ],
  );
  const told = quick.requests.map((message) => parentOf(message)!).find(({ traceId }) => traceId === first.traceId);
  assert.deepEqual([attempts[0].spanId, attempts[1].spanId], [first.spanId, told?.spanId]);
});

test('without propagation spans are recorded and fields pass as they came', async (t) => {
  const { upstream, proxy, client } = await start(t, { config: { tracing: { ...ALL.tracing, propagate: false } } });
  await client.status(request('GET /', { traceparent: PARENT }));
  await client.status(request('GET /'));
  assert.deepEqual(fieldsOf(upstream.requests[0], 'traceparent'), [PARENT]);
  assert.deepEqual(fieldsOf(upstream.requests[1], 'traceparent'), []);
  assert.deepEqual(
    proxy.spans.map(({ kind }) => kind),
    ['client', 'server', 'client', 'server'],
  );
  assert.equal(proxy.spans[1].parentId, SPAN);
});

test('an answer of our own is a span without attempts; a failure of ours is one', async (t) => {
  const { proxy, client } = await start(t, {
    listener: { pool: undefined, routes: [{ path: '/known', pool: 'b' }] },
  });
  await client.status(request('GET /unknown'));
  assert.deepEqual(
    proxy.spans.map(({ kind, failed, attributes }) => [kind, failed, attributes['error.type']]),
    [['server', false, 'no-route']],
  );
  const dead = await start(t, {}, (connection) => connection.reset());
  await dead.client.status(request('POST /'), 'POST');
  const server = serverOf(dead.proxy);
  assert.deepEqual([server.failed, server.attributes['http.response.status_code']], [true, 502]);
});

test('a tunnel is one span that ends with it', async (t) => {
  const { upstream, proxy, client } = await start(t, {}, async (connection) => {
    await connection.request();
    connection.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
  });
  await client.status(request('GET /', { Connection: 'Upgrade', Upgrade: 'echo' }));
  assert.deepEqual(proxy.spans, []);
  client.end();
  for (const connection of upstream.connections) connection.end();
  await eventually(() => proxy.spans.length === 2, 'spans of the tunnel');
  assert.equal(serverOf(proxy).attributes['http.response.status_code'], 101);
  assert.equal(parentOf(upstream.requests[0])?.spanId, attemptsOf(proxy)[0].spanId);
});

test('filters can name the trace, and cannot write its fields', async (t) => {
  const { upstream, proxy, client } = await start(t, {
    listener: {
      filters: [{ headers: { request: { set: { 'X-Trace': '${traceId}', traceparent: 'mine', tracestate: 'x=y' } } } }],
    },
  });
  await client.status(request('GET /', { traceparent: PARENT }));
  assert.equal(parentOf(upstream.requests[0])?.traceId, TRACE);
  assert.deepEqual(fieldsOf(upstream.requests[0], 'x-trace'), [serverOf(proxy).traceId]);
});

test('whatever a client calls its method, names of spans stay few', async (t) => {
  const { proxy, client } = await start(t);
  await client.status(request('X-ODD /'));
  const { name, attributes } = serverOf(proxy);
  assert.equal(name, `HTTP ${proxy.log[0].route}`);
  assert.deepEqual(
    [attributes['http.request.method'], attributes['http.request.method_original']],
    ['_OTHER', 'X-ODD'],
  );
});

test('long paths are cut off', async (t) => {
  const { proxy, client } = await start(t);
  await client.status(request(`GET /${'x'.repeat(5000)}`));
  assert.equal(String(serverOf(proxy).attributes['url.path']).length, 1024);
});

for (const from of VERSIONS) {
  for (const to of VERSIONS) {
    test(`${from} → ${to}: the endpoint gets its attempt as its parent`, async (t) => {
      const seen: Served['headers'][] = [];
      const { port } = await serve(t, to, (served) => {
        seen.push(served.headers);
        served.head(200, {});
        served.end('');
      });
      const proxy = await startProxy(t, {
        endpoints: [port],
        listener: { http2: true },
        pool: { protocol: to === 'h2' ? 'h2' : 'http1', retries: 0 },
        config: { ...ALL, ...TRUSTED },
      });
      await asker(t, from, proxy.port).ask({ path: '/a', headers: { traceparent: PARENT, tracestate: 'a=1' } });
      await eventually(() => proxy.spans.length === 2, 'both spans');
      const [attempt] = attemptsOf(proxy);
      assert.equal(String(seen[0].traceparent), `00-${TRACE}-${attempt.spanId}-01`);
      assert.equal(String(seen[0].tracestate), 'a=1');
      assert.equal(attempt.attributes['network.protocol.version'], to === 'h2' ? '2' : '1.1');
      assert.equal(serverOf(proxy).attributes['network.protocol.version'], from === 'h2' ? '2' : '1.1');
    });
  }
}
