// Filters that change bodies: compress and replace-body, whatever the framing and however it comes in pieces.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import fc from 'fast-check';
import { Replacement } from '../../src/http/filters/replace-body.ts';
import { FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { request } from '../../src/testing/raw-client.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { asker, serve, VERSIONS } from '../../src/testing/versions.ts';

const DECODE = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
const text = (length: number): string => 'The quick brown fox. '.repeat(Math.ceil(length / 21)).slice(0, length);

for (const client of VERSIONS) {
  for (const [coding, decode] of Object.entries(DECODE)) {
    test(`compress: ${coding} for short, long and streamed bodies (${client})`, async (t) => {
      const { port } = await serve(t, 'h1', (one) => {
        const [, kind, size] = one.path.split('/');
        const body = text(Number(size));
        one.head(200, {
          'content-type': 'text/html',
          etag: '"1"',
          ...(kind === 'length' ? { 'content-length': String(body.length) } : {}),
        });
        for (let at = 0; at < body.length; at += 9999) one.write(body.slice(at, at + 9999));
        one.end();
      });
      const proxy = await startProxy(t, { endpoints: [port], listener: { http2: true, filters: ['compress'] } });
      const { ask } = asker(t, client, proxy.port);
      for (const kind of ['length', 'chunks']) {
        for (const size of [2000, 50_000, 2_000_000]) {
          const answer = await ask({ path: `/${kind}/${size}`, headers: { 'accept-encoding': coding } });
          assert.equal(answer.headers['content-encoding'], coding);
          assert.equal(answer.headers.etag, 'W/"1"');
          assert.equal(answer.headers.vary, 'Accept-Encoding');
          assert.ok(answer.body.length < size / 2);
          assert.equal(decode(answer.body).toString(), text(size));
        }
      }
    });
  }
}

const plain = (type: string, fields = '', body = text(3000)): string =>
  reply(body, `Content-Type: ${type}\r\n${fields}`);
const untouched: readonly (readonly [string, string, Record<string, string>])[] = [
  ['what has a coding already', plain('text/html', 'Content-Encoding: br\r\n'), {}],
  ['other types', plain('image/png'), {}],
  ['what must not be changed', plain('text/html', 'Cache-Control: no-transform\r\n'), {}],
  ['short bodies', plain('text/html', '', text(1000)), {}],
  ['ranges', plain('text/html', 'Content-Range: bytes 0-2999/9999\r\n').replace('200 OK', '206 Partial Content'), {}],
  ['clients that accept none', plain('text/html'), { 'Accept-Encoding': 'gzip;q=0, identity' }],
  ['clients that say nothing', plain('text/html'), { 'Accept-Encoding': '' }],
];
for (const [what, answer, fields] of untouched) {
  test(`compress: leaves ${what} alone`, async (t) => {
    const { ask } = await filtered(t, ['compress'], () => answer);
    const told = await ask('GET /', { 'Accept-Encoding': 'gzip', ...fields });
    assert.notEqual(told.field('content-encoding'), 'gzip');
    assert.match(told.body.toString(), /^The quick brown fox/);
  });
}

test('compress: what an endpoint sends bit by bit reaches the client bit by bit', async (t) => {
  let go: (() => void) | undefined;
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nevent-1\r\n',
    );
    await new Promise<void>((resolve) => {
      go = resolve;
    });
    connection.write('0\r\n\r\n');
  });
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { filters: ['compress'] } });
  const client = await proxy.connect();
  client.write(request('GET /', { 'Accept-Encoding': 'gzip' }));
  // A flushed block of deflate ends with these bytes.
  await client.until(() => client.bytes.includes(Buffer.from([0, 0, 0xff, 0xff])), 'a flushed piece');
  go!();
  assert.equal(gunzipSync((await client.response()).body).toString(), 'event-1');
});

test('compress: an endpoint that breaks off is not made to look whole', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.request();
    connection.write(`HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 200000\r\n\r\n${text(100_000)}`);
    setTimeout(() => connection.socket.destroy(), 20);
  });
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { filters: ['compress'] } });
  const { ask } = asker(t, 'h1', proxy.port);
  await assert.rejects(ask({ headers: { 'accept-encoding': 'gzip' } }), /cut|aborted|reset|hang up/i);
});

test('compress: in front of replace-body it codes the changed text', async (t) => {
  const { ask, asked } = await filtered(
    t,
    [
      'compress',
      { 'replace-body': { rules: [{ find: 'http://inner', with: 'https://outer' }], types: ['text/html'] } },
    ],
    () => plain('text/html', 'ETag: "x"\r\n', `${text(2000)} http://inner/page`),
  );
  const told = await ask('GET /', { 'Accept-Encoding': 'gzip' });
  assert.match(gunzipSync(told.body).toString(), / https:\/\/outer\/page$/);
  assert.equal(told.field('etag'), undefined);
  assert.ok(!asked().fields.some(([name]) => name.toLowerCase() === 'accept-encoding'));
});

test('replace-body: texts become others wherever the pieces are cut', () => {
  const run = (pattern: RegExp, by: string, window: number, pieces: readonly string[]): string => {
    const stage = new Replacement(pattern, by, window);
    let out = '';
    const next = (bytes: Buffer): void => {
      out += bytes.toString('latin1');
    };
    for (const piece of pieces) stage.push(Buffer.from(piece, 'latin1'), next);
    stage.end(next, () => undefined);
    return out;
  };
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[abcx]{0,12}$/), { maxLength: 20 }), (pieces) => {
      const whole = pieces.join('');
      assert.equal(run(/abc/g, 'XYZ', 8, pieces), whole.replaceAll('abc', 'XYZ'));
      assert.equal(run(/a[bc]{1,3}/g, '-', 8, pieces), whole.replace(/a[bc]{1,3}/g, '-'));
    }),
  );
});
