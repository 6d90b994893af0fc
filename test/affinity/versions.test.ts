// Session persistence between versions of HTTP, and beside filters that change the same heads.

import assert from 'node:assert/strict';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { startProxy } from '../../src/testing/scenario.ts';

const KEYS = ['a key for tests, long enough'];

/** Says its number and what it saw in Cookie, and sets two cookies. */
async function endpointOf(t: TestContext, version: string, n: number): Promise<number> {
  if (version === 'http1') {
    const say = answering((message) =>
      reply(
        `${n} ${valuesOf(message, 'cookie').join('; ')}`,
        `Set-Cookie: theme=dark\r\nSet-Cookie: sid=s${n}; Path=/\r\n`,
      ),
    );
    return (await FakeUpstream.start(t, say)).port;
  }
  const server = http2.createServer();
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'set-cookie': ['theme=dark', `sid=s${n}; Path=/`] });
    stream.end(`${n} ${headers.cookie ?? ''}`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

interface Answer {
  readonly body: string;
  readonly set: readonly string[];
}

/** Asks in HTTP/2, with each cookie in a field of its own, as browsers do. */
async function ask(session: http2.ClientHttp2Session, cookies: readonly string[]): Promise<Answer> {
  const stream = session.request({ ':path': '/', ...(cookies.length === 0 ? {} : { cookie: [...cookies] }) });
  let set: readonly string[] = [];
  stream.on('response', (headers) => {
    set = headers['set-cookie'] ?? [];
  });
  let body = '';
  for await (const chunk of stream) body += String(chunk);
  return { body, set };
}

const pairOf = (cookie: string): string => cookie.split(';')[0];

for (const protocol of ['http1', 'h2']) {
  for (const affinity of [
    { cookie: 'S', keys: KEYS },
    { by: 'cookie-prefix:sid', keys: KEYS },
    { by: 'cookie-learn:sid' },
  ]) {
    const what = affinity.by ?? 'cookie:S';
    test(`a client of HTTP/2 keeps its endpoint of ${protocol} by ${what}`, async (t) => {
      const endpoints = await Promise.all([0, 1, 2].map((n) => endpointOf(t, protocol, n)));
      const proxy = await startProxy(t, { endpoints, listener: { http2: true }, pool: { affinity, protocol } });
      const session = http2.connect(`http://127.0.0.1:${proxy.port}`);
      t.after(() => session.destroy());
      for (let visitor = 0; visitor < 3; visitor++) {
        const first = await ask(session, []);
        const [home] = first.body;
        assert.equal(first.set.length, affinity.cookie === undefined ? 2 : 3);
        const cookies = ['lang=en', ...first.set.map(pairOf)];
        for (let i = 0; i < 3; i++) {
          const { body } = await ask(session, cookies);
          assert.equal(body[0], home);
          assert.match(body, affinity.cookie === undefined ? /lang=en; theme=dark; sid=s\d$/ : /sid=s\d; S=[\w-]{48}$/);
        }
      }
    });
  }
}

test('what filters say to the client and to the endpoint stays beside what affinity says', async (t) => {
  const seen: string[][] = [];
  const upstream = await FakeUpstream.start(
    t,
    answering((message) => {
      seen.push(valuesOf(message, 'x-added'));
      return reply('x', 'Set-Cookie: sid=s1\r\n');
    }),
  );
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    pool: {
      affinity: { by: 'cookie-prefix:sid', keys: KEYS },
      filters: [
        { headers: { request: { set: { 'X-Added': '1' } }, response: { append: { 'Set-Cookie': 'filter=1' } } } },
      ],
    },
  });
  const client = await proxy.connect();
  client.write(request('GET /'));
  const set = valuesOf(await client.response(), 'set-cookie').toSorted();
  assert.equal(set[0], 'filter=1');
  assert.match(set[1], /^sid=[\w-]{48}~s1$/);
  assert.equal(set.length, 2);
  assert.deepEqual(seen, [['1']]);
});
