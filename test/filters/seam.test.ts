// What every filter can do, whatever its kind: see requests and answers in order, hold, answer, change; over every pair of versions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';
import { asker, type Served, serve, VERSIONS } from '../../src/testing/versions.ts';
import { names } from './fixture.filters.ts';

/** Says what it was told. */
function echo(one: Served): void {
  one.body.on('data', (piece: Buffer) => one.write(piece));
  one.body.on('end', () => one.end());
}

const code = { file: fileURLToPath(new URL('./fixture.filters.ts', import.meta.url)), filters: names };

for (const client of VERSIONS) {
  for (const server of VERSIONS) {
    const pair = `${client} to ${server}`;
    const parts = {
      listener: { http2: true },
      pool: { protocol: server === 'h2' ? 'h2' : 'http1' },
    };

    test(`filters of listener, route and pool see a request in this order, and its answer backwards (${pair})`, async (t) => {
      const seen: (string | undefined)[] = [];
      const { port } = await serve(t, server, (one) => {
        seen.push(one.headers['x-order'] as string);
        one.head(200, { 'x-order': 'server' });
        one.end('done');
      });
      const mark = (name: string): object => ({
        headers: {
          request: { append: { 'x-order': name } },
          response: { append: { 'x-order': name } },
        },
      });
      const proxy = await startProxy(t, {
        ...parts,
        endpoints: [port],
        listener: {
          ...parts.listener,
          filters: [mark('listener-1'), mark('listener-2')],
          routes: [{ filters: [mark('route')], pool: 'b' }],
          pool: undefined,
        },
        pool: { ...parts.pool, filters: [mark('pool')] },
      });
      const answer = await asker(t, client, proxy.port).ask({});
      assert.deepEqual(seen, ['listener-1, listener-2, route, pool']);
      assert.equal(answer.headers['x-order'], 'server, pool, route, listener-2, listener-1');
      assert.equal(answer.body.toString(), 'done');
    });

    test(`a filter may take its time: the request waits, with its body, and goes on or is answered (${pair})`, async (t) => {
      const { port } = await serve(t, server, (one) => {
        const later = String(one.headers['x-later']);
        one.head(200, { 'x-later': later });
        echo(one);
      });
      const proxy = await startProxy(t, {
        ...parts,
        endpoints: [port],
        code,
        listener: { ...parts.listener, filters: [{ use: 'later' }] },
      });
      const ask = asker(t, client, proxy.port);
      const body = Buffer.alloc(300_000, 'abc');
      for (const sent of [undefined, Buffer.from('short'), body]) {
        const answer = await ask.ask({ method: 'POST', headers: { 'x-given': 'word' }, ...(sent && { body: sent }) });
        assert.equal(answer.status, 200);
        assert.equal(answer.headers['x-later'], 'word');
        assert.equal(answer.body.toString(), sent?.toString() ?? '');
      }
      const refused = await ask.ask({ path: '/refused' });
      assert.equal(refused.status, 418);
      assert.equal(refused.body.toString(), 'teapot');
    });

    test(`a filter may look at the beginning of a body, which goes on unchanged (${pair})`, async (t) => {
      const { port } = await serve(t, server, (one) => {
        one.head(200, { 'x-peeked': String(one.headers['x-peeked']) });
        echo(one);
      });
      const proxy = await startProxy(t, {
        ...parts,
        endpoints: [port],
        code,
        listener: { ...parts.listener, filters: [{ use: 'peek' }] },
      });
      const ask = asker(t, client, proxy.port);
      for (const text of ['', 'abc', '0123456789abcdef', 'x'.repeat(200_000)]) {
        const answer = await ask.ask({ method: 'POST', body: Buffer.from(text) });
        assert.equal(answer.headers['x-peeked'], text.slice(0, 8));
        assert.equal(answer.body.toString(), text);
        const streamed = await ask.ask({ method: 'POST', body: Buffer.from(text), trailers: { 'x-end': '1' } });
        assert.equal(streamed.headers['x-peeked'], text.slice(0, 8));
        assert.equal(streamed.body.toString(), text);
      }
    });

    test(`a filter may change a whole body, within its bound (${pair})`, async (t) => {
      const { port } = await serve(t, server, (one) => {
        one.head(200, {});
        one.end('a'.repeat(Number(one.path.slice(1))));
      });
      const proxy = await startProxy(t, {
        ...parts,
        endpoints: [port],
        code,
        listener: { ...parts.listener, filters: [{ use: 'shout' }] },
      });
      const ask = asker(t, client, proxy.port);
      assert.equal((await ask.ask({ path: '/1000' })).body.toString(), 'A'.repeat(1000));
      assert.equal((await ask.ask({ path: '/100000' })).body.toString(), 'a'.repeat(100_000));
      assert.equal((await ask.ask({ path: '/1000', method: 'HEAD' })).body.length, 0);
    });

    test(`a filter that throws, hangs or fails late costs its request only, and tells nothing (${pair})`, async (t) => {
      const { port } = await serve(t, server, (one) => {
        one.head(200, {});
        one.end('fine');
      });
      const proxy = await startProxy(t, {
        ...parts,
        endpoints: [port],
        code,
        listener: {
          ...parts.listener,
          pool: undefined,
          routes: [
            { path: '/throws', filters: [{ use: 'throws' }], pool: 'b' },
            { path: '/hangs', filters: [{ use: { name: 'hangs', timeout: '20ms' } }], pool: 'b' },
            { path: '/late', filters: [{ use: 'fails-late' }], pool: 'b' },
            { path: '/skipped', filters: [{ use: { name: 'throws', onFailure: 'skip' } }], pool: 'b' },
            { pool: 'b' },
          ],
        },
      });
      const ask = asker(t, client, proxy.port);
      for (const path of ['/throws', '/hangs', '/late']) {
        const answer = await ask.ask({ path });
        assert.equal(answer.status, 500, path);
        assert.doesNotMatch(answer.body.toString(), /secret/);
      }
      assert.equal((await ask.ask({ path: '/skipped' })).body.toString(), 'fine');
      assert.equal((await ask.ask({ path: '/other' })).body.toString(), 'fine');
      assert.equal(proxy.counters.readEvent(0, 'failed'), 4);
    });
  }
}

test('requests that are sent ahead of one that is held are answered in order', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply(`${m.start.split(' ')[1]} ${valuesOf(m, 'x-later').join()} ${m.body.toString()}`)),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], code, listener: { filters: [{ use: 'later' }] } });
  const client = await proxy.connect();
  const text = Array.from({ length: 20 }, (_, i) =>
    i % 3 === 1
      ? request('GET /refused')
      : request(`POST /${i}`, { 'x-given': `g${i}` }, i % 2 === 0 ? `body${i}` : ''),
  ).join('');
  await client.writePieces([text.slice(0, 700), text.slice(700)]);
  for (let i = 0; i < 20; i++) {
    const answer = await client.response();
    if (i % 3 === 1) assert.equal(statusOf(answer), 418);
    else assert.equal(answer.body.toString(), `/${i} g${i} ${i % 2 === 0 ? `body${i}` : ''}`);
  }
});

test('a client that goes away while its request is held leaves nothing behind', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('x')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], code, listener: { filters: [{ use: 'later' }] } });
  for (let i = 0; i < 20; i++) {
    const client = await proxy.connect();
    client.write(request('GET /'));
    client.socket.resetAndDestroy();
  }
  await eventually(() => proxy.plane.open().requests === 0, 'nothing is open');
});

test('an own filter is given a rest when it fails again and again', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('x')),
  );
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    code,
    listener: { filters: [{ use: { name: 'throws', failures: 3, rest: '1h' } }] },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 6; i++) assert.equal(await client.status(request('GET /')), 500);
  assert.equal(proxy.counters.readEvent(0, 'failed'), 3);
});

test('a client of HTTP/1.0 gets a body of unknown length until the end of its connection', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], code, listener: { filters: [{ use: 'shout' }] } });
  const client = await proxy.connect();
  client.write('GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  const answer = await client.response();
  assert.equal(answer.body.toString(), 'ABC');
});

for (const client of VERSIONS) {
  test(`what a filter does after its time is up, or its client has gone, reaches no other request (${client})`, async (t) => {
    const seen: Served['headers'][] = [];
    const { port } = await serve(t, 'h1', (one) => {
      seen.push(one.headers);
      one.head(200, {});
      one.end('fine');
    });
    const proxy = await startProxy(t, {
      endpoints: [port],
      code,
      listener: {
        http2: true,
        pool: undefined,
        routes: [
          { path: '/late', filters: [{ use: { name: 'too-late', timeout: '20ms' } }], pool: 'b' },
          { path: '/gone', filters: [{ use: 'too-late' }], pool: 'b' },
          { path: '/slow', filters: [{ use: 'slow' }], pool: 'b' },
        ],
      },
    });
    const { ask } = asker(t, client, proxy.port);
    for (const first of ['/late', '/gone']) {
      const leaving = new AbortController();
      const asked = ask({ path: first, ...(first === '/gone' ? { signal: leaving.signal } : {}) });
      if (first === '/gone') {
        await eventually(() => proxy.plane.open().requests > 0, 'it is held');
        leaving.abort();
        await asked.catch(() => undefined);
      } else assert.equal((await asked).status, 500);
      const answer = await ask({ path: '/slow' });
      assert.equal(answer.status, 200);
      assert.equal(answer.headers['x-evil'], undefined);
      assert.equal(seen.at(-1)!['x-evil'], undefined);
      assert.equal(seen.at(-1)!['x-identity'], '||');
    }
  });
}
