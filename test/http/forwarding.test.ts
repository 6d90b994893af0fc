// What passes through in either direction: framing, pipelining, informational answers, versions, odd statuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

for (const adopt of [true, false]) {
  const mode = adopt ? 'adopted handles' : 'portable path';

  test(`keep-alive: requests in a row share both connections (${mode})`, async (t) => {
    const upstream = await FakeUpstream.start(
      t,
      answering((m) => reply(m.start)),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], adopt });
    const client = await proxy.connect();
    for (let i = 0; i < 5; i++) {
      client.write(request(`GET /${i}`));
      const response = await client.response();
      assert.equal(response.body.toString(), `GET /${i} HTTP/1.1`);
      assert.equal(valuesOf(response, 'date').length, 1);
    }
    assert.equal(upstream.connections.length, 1);
    assert.equal(proxy.log.length, 5);
  });

  test(`1000 pipelined requests are answered in order (${mode})`, async (t) => {
    const upstream = await FakeUpstream.start(
      t,
      answering((m) => reply(m.start.split(' ')[1])),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], adopt });
    const client = await proxy.connect();
    client.write(Array.from({ length: 1000 }, (_, i) => request(`GET /${i}`)).join(''));
    for (let i = 0; i < 1000; i++) assert.equal((await client.response()).body.toString(), `/${i}`);
  });

  test(`bodies of every framing, both ways, split anywhere (${mode})`, async (t) => {
    const upstream = await FakeUpstream.start(
      t,
      answering((m) => {
        const framing = m.start.split(' ')[1].slice(1);
        const text = m.body.toString('latin1');
        if (framing === 'length') return reply(text);
        return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\n${text.slice(0, 3)}\r\n${(text.length - 3).toString(16)}\r\n${text.slice(3)}\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n`;
      }),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], adopt });
    const client = await proxy.connect();
    for (const path of ['/length', '/chunked']) {
      const plain = request(`POST ${path}`, {}, 'hello world');
      const chunked = `POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\nX-T: 2\r\n\r\n`;
      for (const text of [plain, chunked]) {
        for (let at = 1; at < text.length; at += adopt ? 1 : 7) {
          await client.writePieces([text.slice(0, at), text.slice(at)]);
          const response = await client.response();
          assert.equal(response.body.toString(), 'hello world', `${path} split at ${at}`);
          const sent = upstream.requests.at(-1)!;
          assert.equal(sent.body.toString(), 'hello world');
          assert.deepEqual(sent.trailers, text === chunked ? [['X-T', '2']] : []);
          assert.deepEqual(response.trailers, path === '/chunked' ? [['X-Sum', '1']] : []);
        }
      }
    }
    assert.equal(upstream.connections.length, 1);
  });

  test(`a response split at every byte arrives whole (${mode})`, async (t) => {
    const text = 'HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n0\r\nT: 1\r\n\r\n';
    let at = 0;
    const upstream = await FakeUpstream.start(
      t,
      answering(async (_, connection) => {
        await connection.writePieces([text.slice(0, at), text.slice(at)]);
        return undefined;
      }),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], adopt });
    const client = await proxy.connect();
    for (at = 1; at < text.length; at++) {
      client.write(request('GET /'));
      const response = await client.response();
      assert.equal(response.body.toString(), 'wxyz', `split at ${at}`);
      assert.deepEqual(response.trailers, [['T', '1']]);
    }
  });

  test(`upstream connection ends a response without length: chunked for 1.1 (${mode})`, async (t) => {
    const upstream = await FakeUpstream.start(t, async (connection) => {
      await connection.request();
      await connection.writePieces(['HTTP/1.1 200 OK\r\n\r\nabc', 'def']);
      connection.end();
    });
    const proxy = await startProxy(t, { endpoints: [upstream], adopt });
    const client = await proxy.connect();
    for (let i = 0; i < 3; i++) {
      client.write(request('GET /'));
      const response = await client.response();
      assert.equal(response.framing, 'chunked');
      assert.equal(response.body.toString(), 'abcdef');
    }
    assert.equal(upstream.connections.length, 3);
  });
}

test('pipelined requests cut anywhere, also in the middle of a head that waits behind a response', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => reply(m.start)),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  const text = `${request('POST /1', {}, 'hello')}${request('GET /2')}${request('GET /3')}`;
  for (let first = 1; first < text.length - 1; first += 3) {
    for (let second = first + 1; second < text.length; second += 11) {
      await client.writePieces([text.slice(0, first), text.slice(first, second), text.slice(second)]);
      for (const start of ['POST /1', 'GET /2', 'GET /3'])
        assert.equal((await client.response()).body.toString(), `${start} HTTP/1.1`, `cut at ${first} and ${second}`);
    }
  }
});

test('HEAD, 204 and 304 have no body, whatever their fields say', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) => {
      if (m.start.startsWith('HEAD')) return 'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n';
      return m.start.includes('/204')
        ? 'HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n'
        : 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: "x"\r\n\r\n';
    }),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('HEAD /'));
  const head = await client.response('HEAD');
  assert.deepEqual(valuesOf(head, 'content-length'), ['1000']);
  client.write(request('GET /204'));
  const none = await client.response();
  assert.equal(statusOf(none), 204);
  assert.deepEqual(valuesOf(none, 'content-length'), []);
  client.write(request('GET /304'));
  assert.deepEqual(valuesOf(await client.response(), 'content-length'), ['7']);
  assert.equal(upstream.connections.length, 1);
});

test('Expect: 100-continue is relayed, and the body follows', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.untilText('\r\n\r\n');
    connection.write('HTTP/1.1 100 Continue\r\n\r\n');
    await connection.request();
    connection.write(reply('done'));
  });
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('POST /', { 'Content-Length': '5', Expect: '100-continue' }));
  assert.equal(statusOf(await client.response()), 100);
  client.write('hello');
  assert.equal((await client.response()).body.toString(), 'done');
  assert.equal(upstream.requests[0].body.toString(), 'hello');
});

test('a 100 after early hints still reaches a client that waits for it', async (t) => {
  const upstream = await FakeUpstream.start(t, async (connection) => {
    await connection.untilText('\r\n\r\n');
    connection.write('HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n');
    await connection.request();
    connection.write(reply('done'));
  });
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('POST /', { 'Content-Length': '5', Expect: '100-continue' }));
  const hints = await client.response();
  assert.equal(statusOf(hints), 103);
  assert.deepEqual(valuesOf(hints, 'link'), ['</a.css>']);
  assert.equal(statusOf(await client.response()), 100);
  client.write('hello');
  assert.equal((await client.response()).body.toString(), 'done');
});

test('a 100 that the client did not ask for stays here; hop-by-hop fields of a 103 too', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(
      () =>
        `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <a>\r\nKeep-Alive: x\r\nConnection: x-secret\r\nX-Secret: 1\r\n\r\n${reply('ok')}`,
    ),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write(request('GET /'));
  const hints = await client.response();
  assert.deepEqual(hints.fields, [['Link', '<a>']]);
  assert.equal((await client.response()).body.toString(), 'ok');
  client.write('GET / HTTP/1.0\r\n\r\n');
  assert.equal(statusOf(await client.response()), 200, 'HTTP/1.0 knows no 1xx');
});

for (const early of [false, true]) {
  test(`a response before the request body ends closes the connection${early ? ', whole in one piece' : ''}`, async (t) => {
    const upstream = await FakeUpstream.start(t, async (connection) => {
      await connection.untilText('\r\n\r\n');
      if (early) connection.write(reply('no', '', '403 Forbidden'));
      else {
        await connection.writePieces(['HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n', 'n', 'o']);
      }
    });
    const proxy = await startProxy(t, { endpoints: [upstream] });
    const client = await proxy.connect();
    client.write(request('POST /', { 'Content-Length': '100' }));
    client.write('part');
    const response = await client.response();
    assert.equal(statusOf(response), 403);
    assert.deepEqual(valuesOf(response, 'connection'), ['close']);
    assert.equal(await client.untilEnded(), 'end');
    client.end();
    await eventually(() => upstream.open === 0, 'the upstream connection is not used again');
  });
}

test('HTTP/1.0 clients: with and without keep-alive, chunks taken off, 1.1 spoken upstream', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m) =>
      m.start.includes('/chunked')
        ? 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\nT: 1\r\n\r\n'
        : reply('plain'),
    ),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });

  const brief = await proxy.connect();
  brief.write('GET /plain HTTP/1.0\r\n\r\n');
  assert.equal((await brief.response()).body.toString(), 'plain');
  assert.equal(await brief.untilEnded(), 'end');

  const kept = await proxy.connect();
  for (let i = 0; i < 2; i++) {
    kept.write('GET /plain HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    assert.deepEqual(valuesOf(await kept.response(), 'connection'), ['keep-alive']);
  }
  kept.write('GET /chunked HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
  await kept.untilEnded();
  const response = await kept.response();
  assert.equal(response.framing, 'close');
  assert.equal(response.body.toString(), 'abcdef');

  const sent = upstream.requests[0];
  assert.equal(sent.start, 'GET /plain HTTP/1.1');
  assert.deepEqual(valuesOf(sent, 'via'), ['1.0 evenkeel']);
  assert.deepEqual(valuesOf(sent, 'host'), [`127.0.0.1:${proxy.port}`]);
});

test('an HTTP/1.0 client is shown no Transfer-Encoding, not even for HEAD', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  client.write('HEAD / HTTP/1.0\r\n\r\n');
  assert.deepEqual(valuesOf(await client.response('HEAD'), 'transfer-encoding'), []);
});

test('odd statuses: 100 to 599 pass, anything else is a 502', async (t) => {
  let line = '';
  const upstream = await FakeUpstream.start(
    t,
    answering(() => `HTTP/1.1 ${line}\r\nContent-Length: 0\r\n\r\n`),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], pool: { passive: 'off' } });
  for (const good of ['200 OK', '299 Odd', '499 ', '599 Far', '418', '451 \xe9\t!']) {
    line = good;
    const client = await proxy.connect();
    assert.equal(await client.status(request('GET /')), Number(good.slice(0, 3)), good);
  }
  for (const bad of [
    '099 Low',
    '600 High',
    '888 Odd',
    '20 Short',
    '2000 Long',
    '-20 x',
    '2x0 Hex',
    '200\tTab',
    ' 200 x',
  ]) {
    line = bad;
    const client = await proxy.connect();
    assert.equal(await client.status(request('GET /')), 502, bad);
    assert.equal(proxy.log.at(-1)!.error, 'upstream-malformed');
  }
});

test('an upstream of HTTP/1.0 is understood', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering((m, connection) => {
      if (m.start.includes('/kept')) return 'HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok';
      connection.write('HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok');
      return undefined;
    }),
  );
  const proxy = await startProxy(t, { endpoints: [upstream] });
  const client = await proxy.connect();
  for (const path of ['/kept', '/kept', '/once', '/kept']) {
    client.write(request(`GET ${path}`));
    const response = await client.response();
    assert.equal(response.start, 'HTTP/1.1 200 OK');
    assert.deepEqual(valuesOf(response, 'connection'), []);
  }
  assert.equal(upstream.connections.length, 2);
});

test('requestsPerConnection: the last response says that it is the last', async (t) => {
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('ok')),
  );
  const proxy = await startProxy(t, { endpoints: [upstream], listener: { limits: { requestsPerConnection: 2 } } });
  const client = await proxy.connect();
  client.write(request('GET /'));
  assert.deepEqual(valuesOf(await client.response(), 'connection'), []);
  client.write(request('GET /'));
  assert.deepEqual(valuesOf(await client.response(), 'connection'), ['close']);
  assert.equal(await client.untilEnded(), 'end');
});
