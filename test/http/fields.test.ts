// Which fields pass, which stop here and which are added; what a client may claim, and who is believed.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { type Message, statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { type ProxyOptions, startProxy } from '../../src/testing/scenario.ts';

/** Sends `text` and returns what reached the upstream. */
async function forwarded(t: TestContext, text: string, options: Omit<ProxyOptions, 'endpoints'> = {}) {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('ok')),
  );
  const proxy = await startProxy(t, { ...options, endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(text);
  const response = await client.response();
  return { sent: upstream.requests[0] as Message | undefined, response, port: proxy.port };
}

/** Scenarios give request ids this prefix. */
const OUR_ID = /^x[0-9a-z]+$/;
const names = (message: Message) => message.fields.map(([name]) => name.toLowerCase());

test('hop-by-hop fields stop here, with those that Connection names, but not protected ones', async (t) => {
  const { sent } = await forwarded(
    t,
    'GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: foo\r\n' +
      'Proxy-Authorization: Basic x\r\nConnection: X-One, x-forwarded-for,, host, via , content-length,close\r\n' +
      'X-One: 1\r\nX-Two: 2\r\nCookie: c\r\n\r\n',
  );
  assert.deepEqual(names(sent!), [
    'host',
    'x-two',
    'cookie',
    'x-forwarded-for',
    'x-forwarded-proto',
    'x-forwarded-host',
    'x-request-id',
    'via',
  ]);
});

test('an untrusted peer is the client, whatever it claims, in any spelling', async (t) => {
  const { sent } = await forwarded(
    t,
    'GET / HTTP/1.1\r\nHost: app.example\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n' +
      'X-Forwarded-Host: evil\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 9.9.9.9\r\nForwarded: for=9.9.9.9\r\n' +
      'X_Forwarded_For: 9.9.9.9\r\nX-Forwarded_Proto: https\r\nX-Request-Id: mine\r\nx_real_ip: 9.9.9.9\r\n' +
      'Content_Length: 5\r\nTransfer_Encoding: chunked\r\n\r\n',
  );
  const [id] = valuesOf(sent!, 'x-request-id');
  assert.match(id, OUR_ID);
  assert.deepEqual(sent!.fields, [
    ['Host', 'app.example'],
    ['X-Forwarded-For', '127.0.0.1'],
    ['X-Forwarded-Proto', 'http'],
    ['X-Forwarded-Host', 'app.example'],
    ['x-request-id', id],
    ['Via', '1.1 evenkeel'],
  ]);
});

test('a trusted peer is believed and extended', async (t) => {
  const { sent } = await forwarded(
    t,
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nX-Forwarded-For: 8.8.8.8\r\nX-Forwarded-Proto: https\r\n' +
      'X-Forwarded-Host: app\r\nX-Forwarded-Port: 443\r\nForwarded: for=9.9.9.9\r\nVia: 1.1 other\r\n\r\n',
    {
      config: { trustedProxies: '127.0.0.0/8' },
      listener: { forwarded: { forwarded: true } },
    },
  );
  const get = (name: string) => valuesOf(sent!, name);
  assert.deepEqual(get('x-forwarded-for'), ['9.9.9.9, 8.8.8.8, 127.0.0.1']);
  assert.deepEqual(get('x-forwarded-proto'), ['https']);
  assert.deepEqual(get('x-forwarded-host'), ['app']);
  assert.deepEqual(get('x-forwarded-port'), ['443']);
  assert.deepEqual(get('forwarded'), ['for=9.9.9.9, for=127.0.0.1;proto=http;host="a"']);
  assert.deepEqual(get('via'), ['1.1 other', '1.1 evenkeel']);
});

test('additions can be turned off, and then claims are still dropped', async (t) => {
  const { sent } = await forwarded(
    t,
    'GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 9.9.9.9\r\nForwarded: for=x\r\n\r\n',
    {
      listener: { forwarded: { xForwarded: false, requestId: '' } },
    },
  );
  assert.deepEqual(names(sent!), ['host', 'via']);
});

test('a request id of another name is ours alone', async (t) => {
  const { sent } = await forwarded(t, 'GET / HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: forged\r\n\r\n', {
    listener: { forwarded: { requestId: 'x-correlation-id' } },
  });
  const ids = valuesOf(sent!, 'x-correlation-id');
  assert.equal(ids.length, 1);
  assert.match(ids[0], OUR_ID);
});

test('an HTTP/1.0 request without Host gets the address it came to, also with IPv6', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('ok')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { bind: '[::1]:0' } });
  const client = await proxy.connect('::1');
  client.write('GET / HTTP/1.0\r\n\r\n');
  assert.equal(statusOf(await client.response()), 200);
  assert.deepEqual(valuesOf(upstream.requests[0], 'host'), [`[::1]:${proxy.port}`]);
  assert.deepEqual(valuesOf(upstream.requests[0], 'x-forwarded-for'), ['::1']);
});

for (const [target, start, host] of [
  ['GET http://Other.example:81/p/../q?x=1', 'GET /q?x=1', 'Other.example:81'],
  ['GET http://other.example', 'GET /', 'other.example'],
  ['OPTIONS http://other.example', 'OPTIONS *', 'other.example'],
  ['OPTIONS *', 'OPTIONS *', 'a'],
  ['GET /a/./b/../c?q=/../x', 'GET /a/c?q=/../x', 'a'],
  ['GET /%7euser/%2f?', 'GET /~user/%2F', 'a'],
  ['GET //double//x', 'GET //double//x', 'a'],
] as const) {
  test(`target ${target} goes upstream as ${start}`, async (t) => {
    const { sent } = await forwarded(t, `${target} HTTP/1.1\r\nX: 1\r\nHost: a\r\nY: 2\r\n\r\n`);
    assert.equal(sent!.start, `${start} HTTP/1.1`);
    assert.deepEqual(valuesOf(sent!, 'host'), [host]);
    assert.deepEqual([valuesOf(sent!, 'x'), valuesOf(sent!, 'y')], [['1'], ['2']]);
  });
}

test('response fields: hop-by-hop ones stop, everything else and its order stay', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(
      () =>
        'HTTP/1.1 200 Fine\r\nSet-Cookie: a=1\r\nConnection: X-Hop, keep-alive\r\nKeep-Alive: timeout=9\r\nX-Hop: 1\r\n' +
        'Set-Cookie: b=2\r\nUpgrade: h2\r\nProxy-Connection: x\r\nDate: yesterday\r\nContent_Length: 9\r\nContent-Length: 0\r\n\r\n',
    ),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const response = await client.response();
  assert.equal(response.start, 'HTTP/1.1 200 Fine');
  assert.deepEqual(response.fields, [
    ['Set-Cookie', 'a=1'],
    ['Set-Cookie', 'b=2'],
    ['Date', 'yesterday'],
    ['Content-Length', '0'],
  ]);
});

test('trailers that would change framing, routing or trust are left out', async (t) => {
  const trailer =
    'X-Ok: 1\r\nContent-Length: 4\r\nX-Forwarded-For: 9.9.9.9\r\nx_forwarded_for: 9.9.9.9\r\nAuthorization: x\r\n';
  const { sent } = await forwarded(
    t,
    `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n${trailer}\r\n`,
  );
  assert.deepEqual(sent!.trailers, [['X-Ok', '1']]);
});
