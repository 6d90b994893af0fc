// An explanation says what a real request does: same route, same client, same endpoint, same retry.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { connect, createServer as createTcpServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { decode, encode } from 'dns-packet';
import { BALANCERS } from '../../src/balancing/index.ts';
import { type AdminWorld, adminWorld } from '../../src/testing/admin.ts';
import { freePorts } from '../../src/testing/free-port.ts';

async function backends(t: TestContext, count: number): Promise<{ addresses: string[]; servers: Server[] }> {
  const servers = Array.from({ length: count }, () =>
    createServer((_request, response) => {
      const { port } = (response.socket as { address(): unknown }).address() as { port: number };
      response.end(`127.0.0.1:${port}`);
    }),
  );
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });
  return { servers, addresses: servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`) };
}

function get(
  port: number,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    httpRequest({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    })
      .on('error', reject)
      .end();
  });
}

async function explain(world: AdminWorld, question: object) {
  const { status, body } = await world.ask('POST', '/api/v1/explain', { body: question });
  assert.equal(status, 200, JSON.stringify(body));
  return body;
}

const document = (endpoints: readonly string[], port: number, balance: unknown) => ({
  listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
  pools: { api: { balance, endpoints, health: false } },
});

for (const { name, needs } of BALANCERS) {
  test(`${name}: the endpoint that is explained is the one a request gets`, async (t) => {
    const { addresses } = await backends(t, 4);
    const [port] = await freePorts(1);
    const balance = needs === 'key' ? { kind: name, key: 'header:x-user' } : name;
    const weighted = addresses.map((address, i) => ({ address, weight: i + 1 }));
    const world = await adminWorld(t, document(weighted as never, port, balance));
    for (let i = 0; i < 25; i++) {
      const user = `user-${i}`;
      const told = await explain(world, {
        protocol: 'http',
        url: `http://x:${port}/`,
        headers: [['X-User', user]],
        from: '127.0.0.1',
      });
      const got = await get(port, '/', { 'x-user': user });
      assert.equal(`api/${got.body}`, told.pick, `request ${i}`);
    }
  });
}

test('a retry goes where the explanation says', async (t) => {
  const { addresses, servers } = await backends(t, 3);
  const [port] = await freePorts(1);
  const world = await adminWorld(t, document(addresses, port, 'round-robin'));
  const [gone] = servers;
  gone.closeAllConnections();
  await new Promise((resolve) => gone.close(resolve));
  for (let i = 0; i < 9; i++) {
    const told = await explain(world, { protocol: 'http', url: `http://x:${port}/`, from: '127.0.0.1' });
    const got = await get(port, '/');
    const expected = told.pick === `api/${addresses[0]}` ? told.retry.next : told.pick;
    assert.equal(`api/${got.body}`, expected);
  }
  const post = await explain(world, { protocol: 'http', method: 'POST', url: `http://x:${port}/` });
  assert.match(post.retry.when, /^POST is sent again only after a connection that could not be made/);
});

test('routes: the one taken, and what kept the others from it', async (t) => {
  const [port] = await freePorts(1);
  const world = await adminWorld(t, {
    trustedProxies: ['127.0.0.1/32'],
    listeners: {
      web: {
        bind: `127.0.0.1:${port}`,
        routes: [
          { name: 'beta', path: '/api/*', header: { 'x-beta': '1' }, pool: 'api' },
          { name: 'api', path: '/api/*', pool: 'api' },
          { name: 'inside', path: '/api/*', client: ['10.0.0.0/8'], method: 'POST', pool: 'api' },
          { name: 'other', host: 'other.example', pool: 'api' },
          { name: 'rest', pool: 'api', filters: [{ 'body-limit': '1k' }] },
        ],
      },
    },
    pools: { api: { endpoints: ['10.255.0.1:80'], health: false } },
  });
  const ask = (url: string, rest: object = {}) => explain(world, { protocol: 'http', url, from: '127.0.0.1', ...rest });
  const told = await ask(`http://shop.example:${port}/api/x`);
  assert.equal(told.route, 'api');
  const misses = Object.fromEntries(
    told.misses.map(({ route, fails }: { route: string; fails: string[] }) => [route, fails]),
  );
  assert.deepEqual(misses, { rest: [], beta: ['header x-beta'], other: ['host'], inside: ['method', 'client'] });
  assert.equal((await ask(`http://x:${port}/api/x`, { headers: [['X-Beta', '1']] })).route, 'beta');
  const forwarded = [['X-Forwarded-For', '10.1.2.3, 127.0.0.1']];
  const inside = await ask(`http://x:${port}/api/x`, { method: 'POST', headers: forwarded });
  assert.deepEqual([inside.route, inside.client.address], ['inside', '10.1.2.3']);
  assert.match(inside.client.decidedBy, /believed because 127.0.0.1 is a trusted proxy/);
  const stranger = await ask(`http://x:${port}/api/x`, { method: 'POST', headers: forwarded, from: '192.0.2.1' });
  assert.deepEqual([stranger.route, stranger.client.address], ['api', '192.0.2.1']);
  assert.match(stranger.client.decidedBy, /not believed/);
  assert.deepEqual((await ask(`http://x:${port}/`)).filters, [{ place: 'route', kind: 'body-limit' }]);
  const wrong = await world.ask('POST', '/api/v1/explain', { body: { protocol: 'http', url: 'no address' } });
  assert.equal(wrong.status, 422);
  const broken = { protocol: 'http', url: `http://x:${port}/`, headers: [['X-A', 'a\r\nEvil: 1\r\n\r\n']] };
  assert.equal((await world.ask('POST', '/api/v1/explain', { body: broken })).status, 422, 'no second request in it');
});

test('a session is explained, and not begun by it', async (t) => {
  const { addresses } = await backends(t, 3);
  const [port] = await freePorts(1);
  const world = await adminWorld(t, {
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
    pools: { api: { endpoints: addresses, health: false, affinity: { by: 'header:x-user', ttl: '1h' } } },
  });
  const question = { protocol: 'http', url: `http://x:${port}/`, headers: [['X-User', 'ann']], from: '127.0.0.1' };
  assert.equal((await explain(world, question)).affinity.result, 'a new session');
  assert.equal((await explain(world, question)).affinity.result, 'a new session');
  const { body } = await get(port, '/', { 'x-user': 'ann' });
  for (let i = 0; i < 3; i++) {
    const told = await explain(world, question);
    assert.deepEqual(
      [told.affinity.result, told.affinity.endpoint, told.pick, told.pool.by],
      ['the session is known', `api/${body}`, `api/${body}`, 'affinity'],
    );
    assert.equal((await get(port, '/', { 'x-user': 'ann' })).body, body);
  }
});

test('nothing to pick is explained with the reason of each', async (t) => {
  const [port] = await freePorts(1);
  const world = await adminWorld(t, document(['10.255.0.1:80', '10.255.0.2:80'], port, 'round-robin'));
  for (const host of ['10.255.0.1:80', '10.255.0.2:80'])
    await world.ask('PATCH', `/api/v1/pools/api/endpoints/${host}`, { body: { mode: 'maintenance' } });
  const told = await explain(world, { protocol: 'http', url: `http://x:${port}/` });
  assert.deepEqual([told.pick, told.refusal, told.pool.mode], ['', 'pool-down', 'empty']);
  assert.deepEqual(
    told.pool.candidates.map(({ excluded }: { excluded: string }) => excluded),
    ['maintenance', 'maintenance'],
  );
  assert.equal((await get(port, '/')).status, 503);
});

test('connections of TCP go where it was explained', async (t) => {
  const servers = Array.from({ length: 3 }, (_, i) => createTcpServer((socket) => socket.end(`${i}`)));
  for (const server of servers) await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    for (const server of servers) server.close();
  });
  const endpoints = servers.map((server) => `127.0.0.1:${(server.address() as { port: number }).port}`);
  const [port] = await freePorts(1);
  const world = await adminWorld(t, {
    listeners: { db: { bind: `127.0.0.1:${port}`, protocol: 'tcp', pool: 'db' } },
    pools: { db: { balance: 'random', endpoints, health: false } },
  });
  for (let i = 0; i < 15; i++) {
    const told = await explain(world, { protocol: 'tcp', listener: 'db', from: '127.0.0.1' });
    const got = await new Promise<string>((resolve, reject) => {
      let text = '';
      connect(port, '127.0.0.1')
        .on('data', (chunk) => {
          text += chunk.toString();
        })
        .on('end', () => resolve(text))
        .on('error', reject);
    });
    assert.equal(told.pick, `db/${endpoints[Number(got)]}`);
  }
});

test('DNS answers are what was explained, and the policy that decided is named', async (t) => {
  const [port] = await freePorts(1);
  const world = await adminWorld(t, {
    pools: { api: { endpoints: ['10.255.0.1:80'], health: false } },
    sites: { eu: { addresses: ['203.0.113.1'], pool: 'api' }, us: { addresses: ['203.0.113.2'] } },
    dns: {
      bind: `127.0.0.1:${port}`,
      zones: {
        'example.com': { records: { www: { ttl: 30, steer: { kind: 'weighted', eu: 1, us: 1 } } } },
      },
    },
  });
  const query = (): Promise<string> =>
    new Promise((resolve) => {
      const socket = createSocket('udp4');
      socket.on('message', (message) => {
        socket.close();
        resolve((decode(message).answers as { data: string }[])[0].data);
      });
      socket.send(
        encode({ type: 'query', id: 7, questions: [{ type: 'A', name: 'www.example.com' }] }),
        port,
        '127.0.0.1',
      );
    });
  for (let i = 0; i < 15; i++) {
    const told = await explain(world, { protocol: 'dns', name: 'www.example.com', from: '127.0.0.1' });
    assert.equal(await query(), told.answers[0].data, `query ${i}`);
    assert.match(told.why.join('\n'), /weighted chose (eu|us)/);
  }
});
