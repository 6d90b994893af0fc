// Every version of HTTP from the client to every version at the endpoint: one suite, four times. Both peers are Node's own.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { type Proxy as Balancer, eventually, startProxy } from '../../src/testing/scenario.ts';
import { type Asker, asker, type Served, serve, VERSIONS, type Version } from '../../src/testing/versions.ts';

interface Pair {
  readonly name: string;
  /** A balancer between a client and a server of this pair's versions. */
  start(t: TestContext, answer: (served: Served) => void, more?: Record<string, unknown>): Promise<Pairing>;
  readonly client: Version;
  readonly server: Version;
}

interface Pairing {
  readonly client: Asker;
  readonly proxy: Balancer;
}

const PAIRS: readonly Pair[] = VERSIONS.flatMap((client) =>
  VERSIONS.map((server) => ({
    name: `${client} → ${server}`,
    client,
    server,
    start: async (t, answer, more = {}) => {
      const { port } = await serve(t, server, answer);
      const protocol = server === 'h2' ? 'h2' : 'http1';
      const proxy = await startProxy(t, {
        endpoints: [port],
        listener: { http2: true, timeouts: { bodyIdle: '2s', sendIdle: '2s' }, ...more },
        pool: { protocol, retries: 0 },
      });
      return { client: asker(t, client, proxy.port), proxy };
    },
  })),
);

const echo = async (served: Served): Promise<void> => {
  const body = await buffer(served.body);
  served.head(200, { 'x-method': served.method, 'x-path': served.path, 'content-length': String(body.length) });
  served.end(body);
};

for (const pair of PAIRS) {
  test(`${pair.name}: method, path, query and fields arrive, and what comes back does`, async (t) => {
    let seen: Served['headers'] = {};
    const { client } = await pair.start(t, (served) => {
      seen = served.headers;
      served.head(201, { 'x-answer': 'yes', 'set-cookie': ['a=1', 'b=2'] });
      served.end(`${served.method} ${served.path}`);
    });
    const answer = await client.ask({
      method: 'DELETE',
      path: '/a/b?c=d&e=%20',
      headers: { 'x-question': 'why', cookie: 'one=1; two=2', te: 'trailers' },
    });
    assert.equal(answer.status, 201);
    assert.equal(answer.headers['x-answer'], 'yes');
    assert.deepEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
    assert.equal(String(answer.body), 'DELETE /a/b?c=d&e=%20');
    assert.equal(seen['x-question'], 'why');
    assert.equal(seen.cookie, 'one=1; two=2');
    assert.equal(seen['x-forwarded-for'], '127.0.0.1');
    assert.match(String(seen.host), /^127\.0\.0\.1:\d+$/);
    assert.equal(seen.connection === undefined || seen.connection === 'keep-alive', true);
  });

  test(`${pair.name}: bodies of every framing and size arrive whole, both ways`, async (t) => {
    const { client } = await pair.start(t, (served) => void echo(served));
    for (const size of [0, 1, 1000, 16_384, 16_385, 70_000, 1_000_000]) {
      const body = randomBytes(size);
      const known = await client.ask({ method: 'POST', body });
      assert.ok(known.body.equals(body), `${size} bytes of known length`);
      const parts = Readable.from(
        [body.subarray(0, size / 3), body.subarray(size / 3)].filter(({ length }) => length > 0),
      );
      const streamed = await client.ask({ method: 'POST', body: parts });
      assert.ok(streamed.body.equals(body), `${size} bytes of unknown length`);
    }
  });

  test(`${pair.name}: an answer of unknown length arrives whole`, async (t) => {
    const bytes = randomBytes(300_000);
    const { client } = await pair.start(t, (served) => {
      served.head(200);
      served.write(bytes.subarray(0, 10));
      setImmediate(() => {
        served.write(bytes.subarray(10, 200_000));
        served.end(bytes.subarray(200_000));
      });
    });
    assert.ok((await client.ask({})).body.equals(bytes));
  });

  test(`${pair.name}: answers without a body end where they do`, async (t) => {
    const { client } = await pair.start(t, (served) => {
      const status = Number(served.path.slice(1));
      served.head(status, status === 200 ? { 'content-length': '5' } : {});
      served.end();
    });
    for (const path of ['/204', '/304', '/200']) {
      const answer = await client.ask({ path, method: path === '/200' ? 'HEAD' : 'GET' });
      assert.equal(answer.status, Number(path.slice(1)));
      assert.equal(answer.body.length, 0);
      if (path === '/200') assert.equal(answer.headers['content-length'], '5');
    }
  });

  test(`${pair.name}: trailers pass both ways, but those that would change what came before`, async (t) => {
    let seen: Served['headers'] = {};
    const { client } = await pair.start(t, (served) => {
      served.body.resume();
      served.body.on('end', () => {
        seen = served.trailers();
        served.head(200, {}, true);
        served.write('body');
        served.end(undefined, { 'x-behind': 'late', 'content-type': 'evil' });
      });
    });
    const answer = await client.ask({
      method: 'POST',
      headers: { trailer: 'x-sum', te: 'trailers' },
      body: Buffer.from('question'),
      trailers: { 'x-sum': '42' },
    });
    assert.equal(String(answer.body), 'body');
    assert.equal(answer.trailers['x-behind'], 'late');
    assert.equal(answer.trailers['content-type'], undefined);
    assert.equal(seen['x-sum'], '42');
  });

  test(`${pair.name}: hints come before the answer`, async (t) => {
    const { client } = await pair.start(t, (served) => {
      served.hint(103, { link: '</style.css>; rel=preload' });
      served.head(200);
      served.end('x');
    });
    const answer = await client.ask({});
    assert.deepEqual(answer.hints, [103]);
    assert.equal(answer.status, 200);
  });

  test(`${pair.name}: an answer that breaks off is seen to`, async (t) => {
    const { client } = await pair.start(t, (served) => {
      served.head(200, served.path === '/known' ? { 'content-length': '100000' } : {});
      served.write(Buffer.alloc(1000));
      setTimeout(() => served.cut(), 30);
    });
    await assert.rejects(client.ask({ path: '/known' }));
    await assert.rejects(client.ask({ path: '/unknown' }));
  });

  test(`${pair.name}: an endpoint hears when its client goes away`, async (t) => {
    const gone = Promise.withResolvers<void>();
    const { client, proxy } = await pair.start(t, (served) => served.onGone(() => gone.resolve()));
    const abort = new AbortController();
    const answer = client.ask({ signal: abort.signal });
    await eventually(() => proxy.inFlight() === 1, 'the request runs');
    abort.abort();
    await assert.rejects(answer);
    await gone.promise;
    await eventually(() => proxy.inFlight() === 0, 'its lease is given back');
  });

  test(`${pair.name}: neither side's memory stands in for a reader that is slow`, async (t) => {
    let written = 0;
    const { client } = await pair.start(t, (served) => {
      let wanted = 0;
      served.body.on('data', (part: Buffer) => {
        wanted += part.length;
        served.body.pause();
        setTimeout(() => served.body.resume(), 1);
      });
      served.body.on('end', () => {
        served.head(200);
        served.end(String(wanted));
      });
    });
    const total = 4_000_000;
    const source = new Readable({
      read() {
        if (written >= total) return void this.push(null);
        written += 40_000;
        this.push(Buffer.alloc(40_000));
      },
    });
    const answer = await client.ask({ method: 'POST', body: source });
    assert.equal(String(answer.body), String(total));
  });

  test(`${pair.name}: an early answer does not wait for the question to end`, async (t) => {
    const { client } = await pair.start(t, (served) => {
      served.head(413, { 'content-length': '3' });
      served.end('big');
    });
    const body = new Readable({ read() {} });
    body.push(Buffer.alloc(100));
    const answer = await client.ask({ method: 'POST', body }).catch((error: Error) => error);
    // A client of HTTP/1 may find its connection closed under the rest of its question.
    if (answer instanceof Error) assert.equal(pair.client, 'h1');
    else assert.equal(answer.status, 413);
    body.destroy();
  });

  test(`${pair.name}: refusals of our own are answered in the client's version`, async (t) => {
    const { client, proxy } = await pair.start(t, (served) => void echo(served), { limits: { body: 100 } });
    const tooLarge = await client.ask({ method: 'POST', body: Buffer.alloc(200) });
    assert.equal(tooLarge.status, 413);
    const fine = await client.ask({ method: 'POST', body: Buffer.alloc(50) });
    assert.equal(fine.status, 200);
    await eventually(() => proxy.log.length === 2, 'both are logged');
    assert.equal(proxy.log[0].error, 'body-too-large');
  });

  test(`${pair.name}: many requests at once each get their own answer`, async (t) => {
    const { client } = await pair.start(t, (served) => void echo(served));
    const answers = await Promise.all(
      Array.from({ length: 300 }, async (_, i) => {
        const body = Buffer.from(`request ${i} ${'x'.repeat(i * 50)}`);
        const answer = await client.ask({ method: 'POST', path: `/${i}`, body });
        return answer.body.equals(body) && answer.headers['x-path'] === `/${i}`;
      }),
    );
    assert.ok(answers.every(Boolean));
  });
}

test('streams of one client share few connections to an endpoint of HTTP/2', async (t) => {
  const sockets = new Set<unknown>();
  const pair = PAIRS.find(({ client, server }) => client === 'h2' && server === 'h2')!;
  const { client } = await pair.start(t, (served) => {
    sockets.add((served.body as unknown as { session: unknown }).session);
    setTimeout(() => void echo(served), 20);
  });
  await Promise.all(Array.from({ length: 90 }, () => client.ask({})));
  assert.equal(sockets.size, 1);
});

for (const adopt of [true, false]) {
  test(`HTTP/2 over TLS ${adopt ? "on Node's inner handles" : "on Node's own sockets"}, bodies both ways, to an endpoint over TLS`, async (t) => {
    const authority = await Authority.make();
    const folder = new CertificateFolder(t);
    const files = folder.put('site', await authority.issue({ names: ['a.example'] }));
    const ca = folder.text('ca.pem', authority.pem);
    const server = http2.createSecureServer({ key: readFileSync(files.key), cert: readFileSync(files.cert) });
    server.on('stream', (stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200 });
      stream.pipe(stream);
    });
    const sessions = new Set<http2.Http2Session>();
    server.on('session', (session) => sessions.add(session));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      for (const session of sessions) session.destroy();
      server.close();
    });
    const proxy = await startProxy(t, {
      endpoints: [(server.address() as AddressInfo).port],
      listener: { protocol: 'https', tls: { certificates: [files] } },
      pool: { protocol: 'h2', tls: { ca, serverName: 'a.example' }, retries: 0 },
      adopt,
    });
    const session = http2.connect(`https://127.0.0.1:${proxy.port}`, { ca: authority.pem, servername: 'a.example' });
    t.after(() => session.destroy());
    for (const size of [0, 10, 20_000, 3_000_000]) {
      const body = randomBytes(size);
      const stream = session.request({ ':method': 'POST', ':path': '/' });
      stream.end(body);
      assert.ok((await buffer(stream)).equals(body), `${size} bytes`);
    }
    session.destroy();
  });
}

test('a client of HTTP/2 that waits for leave to send its body gets it', async (t) => {
  const pair = PAIRS.find(({ client, server }) => client === 'h2' && server === 'h1')!;
  const { proxy } = await pair.start(t, (served) => void echo(served));
  const session = http2.connect(`http://127.0.0.1:${proxy.port}`);
  const stream = session.request({ ':method': 'POST', ':path': '/', expect: '100-continue' });
  await new Promise((resolve) => stream.once('continue', resolve));
  stream.end('at last');
  assert.equal(String(await buffer(stream)), 'at last');
  session.destroy();
});
