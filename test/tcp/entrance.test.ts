// What happens before a connection has a server: caps, PROXY protocol headers, ClientHellos, routes and pins.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import type { ErrorCode } from '../../src/core/error.ts';
import { STATE } from '../../src/core/load-table.ts';
import {
  encodeLocal,
  encodeV1,
  encodeV2,
  type ProxyHeader,
  parseProxyHeader,
  TLV,
  tlv,
} from '../../src/net/proxy-protocol.ts';
import type { ConnectionRecord } from '../../src/tcp/context.ts';
import { request } from '../../src/testing/raw-client.ts';
import { RawSocket } from '../../src/testing/raw-socket.ts';
import { eventually, type ProxyOptions, type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const start = (t: TestContext, options: ProxyOptions): Promise<Running> =>
  startProxy(t, { ...options, listener: { protocol: 'tcp', ...options.listener } });
const errorsOf = (proxy: Running, code: ErrorCode) => proxy.counters.readError(0, code);
const records = (proxy: Running) => proxy.log as unknown as ConnectionRecord[];

/** A client from a loopback address of its own; what happens to it is in `ending`. */
function clientFrom(t: TestContext, proxy: Running, localAddress: string): RawSocket {
  const client = new RawSocket(connect({ port: proxy.port, host: '127.0.0.1', localAddress, allowHalfOpen: true }));
  t.after(() => client.socket.destroy());
  return client;
}

async function works(client: RawSocket, text = 'ping'): Promise<boolean> {
  client.write(text);
  try {
    await client.untilText(text);
    return true;
  } catch {
    return false;
  }
}

test('a listener takes as many connections as it may, and a place that is free again', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { limits: { connections: 2 } } });
  const [a, b] = [clientFrom(t, proxy, '127.0.0.1'), clientFrom(t, proxy, '127.0.0.1')];
  assert.ok((await works(a)) && (await works(b)));
  assert.equal(await works(clientFrom(t, proxy, '127.0.0.1')), false);
  assert.equal(errorsOf(proxy, 'too-many-connections'), 1);
  a.end();
  await a.untilEnded();
  await eventually(() => proxy.plane.open().streams === 1, 'the place is free');
  assert.ok(await works(clientFrom(t, proxy, '127.0.0.1')));
});

for (const protocol of ['tcp', 'http']) {
  test(`one client has as many connections as it may, and the others have theirs (${protocol})`, async (t) => {
    const backend = await TcpBackend.echo(t);
    const proxy = await startProxy(t, {
      endpoints: [backend.port],
      listener: { protocol, limits: { connectionsPerClient: 1 } },
    });
    const a = clientFrom(t, proxy, '127.0.0.2');
    await once(a.socket, 'connect');
    await eventually(() => proxy.counters.readListener(0, 2) === 1, 'open');
    const second = clientFrom(t, proxy, '127.0.0.2');
    assert.equal(await second.untilEnded(), 'reset');
    assert.equal(errorsOf(proxy, 'too-many-from-client'), 1);
    const other = clientFrom(t, proxy, '127.0.0.3');
    await once(other.socket, 'connect');
    await eventually(() => proxy.counters.readListener(0, 2) === 2, 'both are in');
    a.reset();
    await eventually(() => proxy.counters.readListener(0, 2) === 1, 'one left');
    const again = clientFrom(t, proxy, '127.0.0.2');
    await eventually(() => proxy.counters.readListener(0, 2) === 2, 'and came again');
    again.reset();
    other.reset();
  });
}

test('new connections a second are capped, for all and for each', async (t) => {
  const backend = await TcpBackend.echo(t);
  const limits = { connectionRate: 6, connectionRatePerClient: 2 };
  const proxy = await start(t, { endpoints: [backend.port], listener: { limits } });
  const outcome = async (address: string) => works(clientFrom(t, proxy, address));
  const results: boolean[] = [];
  for (const address of [
    '127.0.0.2',
    '127.0.0.2',
    '127.0.0.2',
    '127.0.0.3',
    '127.0.0.3',
    '127.0.0.4',
    '127.0.0.5',
    '127.0.0.6',
  ]) {
    results.push(await outcome(address));
  }
  assert.deepEqual(results, [true, true, false, true, true, true, false, false]);
});

test('an endpoint is given no more new connections a second than it may have; who comes too fast waits', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], pool: { maxRate: 20 } });
  const began = performance.now();
  const clients = Array.from({ length: 12 }, () => clientFrom(t, proxy, '127.0.0.1'));
  assert.ok((await Promise.all(clients.map((client) => works(client)))).every(Boolean));
  // Two at once, and one every 50 ms.
  assert.ok(performance.now() - began > 450, `${performance.now() - began} ms`);
});

test('a header of either version tells who the client is, and goes on to a server that wants one', async (t) => {
  for (const version of [1, 2] as const) {
    const backend = await TcpBackend.start(t);
    const proxy = await start(t, {
      endpoints: [backend.port],
      listener: { proxyProtocol: '127.0.0.0/8' },
      pool: { proxyProtocol: `v${version}` },
    });
    const ends = { source: { host: '192.0.2.7', port: 4711 }, destination: { host: '198.51.100.1', port: 443 } };
    const tlvs = Buffer.concat([tlv(TLV.authority, 'app.example'), tlv(0xea, 'vpce-1')]);
    const client = await proxy.connect();
    client.write(Buffer.concat([version === 1 ? encodeV1(ends) : encodeV2('tcp', ends, tlvs), Buffer.from('payload')]));
    const server = await backend.connection();
    await server.untilText('payload');
    const header = parseProxyHeader(server.all, 0, server.all.length) as ProxyHeader;
    assert.deepEqual(header.source, ends.source);
    assert.deepEqual(header.destination, ends.destination);
    if (version === 2) assert.deepEqual(header.tlvs, tlvs);
    assert.equal(server.all.subarray(header.length).toString(), 'payload');
    client.reset();
    await eventually(() => records(proxy).length === 1, 'it is over');
    assert.equal(records(proxy)[0].client, '192.0.2.7');
  }
});

test('a health check of the proxy in front (LOCAL) speaks for the proxy itself', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { proxyProtocol: '127.0.0.0/8' } });
  const client = await proxy.connect();
  client.write(encodeLocal(2));
  assert.ok(await works(client));
  client.end();
  await eventually(() => records(proxy).length === 1, 'it is over');
  assert.equal(records(proxy)[0].client, '127.0.0.1');
});

test('from peers that are not trusted a header is data like any other', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { proxyProtocol: '192.0.2.0/24' } });
  const client = await proxy.connect();
  const header = encodeV1({ source: { host: '192.0.2.7', port: 1 }, destination: { host: '192.0.2.8', port: 2 } });
  assert.ok(await works(client, header.toString('latin1')));
});

test('a trusted peer without a valid header is cut off, and counted', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { proxyProtocol: '127.0.0.0/8' } });
  for (const [i, text] of [
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 1.2.3.4\r\n',
    '\r\n\r\n\0\r\nQUIT\n\x99\x11\0\0',
  ].entries()) {
    const client = await proxy.connect();
    client.write(text);
    assert.equal(await client.untilEnded(), 'reset');
    assert.equal(errorsOf(proxy, 'bad-proxy-header'), i + 1);
  }
  const early = await proxy.connect();
  early.write('PROXY ');
  early.end();
  assert.equal(await early.untilEnded(), 'reset');
  assert.equal(backend.connections.length, 0);
});

test('HTTP listeners believe headers as well: the client in X-Forwarded-For is the one behind the proxy', async (t) => {
  const backend = await TcpBackend.start(t, (connection) => {
    connection.socket.once('data', () => connection.write('HTTP/1.1 204 No Content\r\n\r\n'));
  });
  const proxy = await startProxy(t, { endpoints: [backend.port], listener: { proxyProtocol: '127.0.0.0/8' } });
  const client = await proxy.connect();
  const ends = { source: { host: '2001:db8::7', port: 1 }, destination: { host: '2001:db8::1', port: 80 } };
  client.write(Buffer.concat([encodeV2('tcp', ends), Buffer.from(request('GET /'))]));
  await client.untilText('204');
  assert.match(backend.connections[0].all.toString(), /x-forwarded-for: 2001:db8::7\r\n/i);
  client.end();
  const silent = await proxy.connect();
  silent.write(request('GET /'));
  assert.equal(await silent.untilEnded(), 'reset');
  assert.equal(errorsOf(proxy, 'bad-proxy-header'), 1);
});

test('a client that leaves before its header is counted, and who still waits for one is cut with the listener', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, { endpoints: [backend.port], listener: { proxyProtocol: '127.0.0.0/8' } });
  const gone = await proxy.connect();
  gone.write('PRO');
  gone.reset();
  await eventually(() => errorsOf(proxy, 'client-gone') === 1, 'counted');
  const waits = await proxy.connect();
  waits.write('PRO');
  await eventually(() => proxy.counters.readListener(0, 0) === 2, 'accepted');
  proxy.plane.drain();
  proxy.plane.cut();
  assert.equal(await waits.untilEnded(), 'reset');
  assert.equal(errorsOf(proxy, 'draining'), 1);
});

/** Sends `bytes` one at a time until the other side has had enough; returns how long that took. */
async function drip(client: RawSocket, bytes: Buffer): Promise<number> {
  const began = performance.now();
  for (const byte of bytes) {
    if (client.ending !== 'open') break;
    client.write(Uint8Array.of(byte));
    await wait(10);
  }
  await client.untilEnded();
  return performance.now() - began;
}

const HELLO = Buffer.from([22, 3, 1, 0x10, 0, 1, 0, 0x0f, 0xfc, ...Buffer.alloc(300)]);

test('a header or a ClientHello that drips in is cut at its deadline, however lively it is', async (t) => {
  const backend = await TcpBackend.echo(t);
  const header = await start(t, {
    endpoints: [backend.port],
    listener: { proxyProtocol: { from: '127.0.0.0/8', timeout: '250ms' } },
  });
  const a = await header.connect();
  const headerMs = await drip(a, Buffer.from(`PROXY UNKNOWN ${'x'.repeat(80)}`));
  assert.ok(headerMs > 200 && headerMs < 900, `${headerMs}`);
  assert.equal(errorsOf(header, 'proxy-header-timeout'), 1);
  const hello = await start(t, {
    endpoints: [backend.port],
    listener: { timeouts: { hello: '250ms' }, routes: [{ sni: 'a.example', pool: 'b' }] },
  });
  const b = await hello.connect();
  const helloMs = await drip(b, HELLO);
  assert.ok(helloMs > 200 && helloMs < 900, `${helloMs}`);
  assert.equal(errorsOf(hello, 'hello-timeout'), 1);
  assert.equal(backend.connections.length, 0);
});

test('a malformed or endless ClientHello is cut off at once; without a hello only routes that need none are left', async (t) => {
  const backend = await TcpBackend.echo(t);
  const proxy = await start(t, {
    endpoints: [backend.port],
    listener: { pool: undefined, routes: [{ sni: 'a.example', pool: 'b' }] },
  });
  const malformed = await proxy.connect();
  malformed.write(Buffer.from([22, 3, 1, 0, 4, 2, 0, 0, 0]));
  assert.equal(await malformed.untilEnded(), 'reset');
  const half = await proxy.connect();
  half.write(HELLO.subarray(0, 20));
  half.end();
  assert.equal(await half.untilEnded(), 'reset');
  assert.equal(errorsOf(proxy, 'bad-hello'), 2);
  const plain = await proxy.connect();
  plain.write('SSH-2.0-x\r\n');
  assert.equal(await plain.untilEnded(), 'reset');
  assert.equal(errorsOf(proxy, 'no-route'), 1);
  await proxy.reload({ listener: { protocol: 'tcp', routes: [{ sni: 'a.example', pool: 'b' }], pool: 'b' } });
  assert.ok(await works(await proxy.connect(), 'SSH-2.0-x\r\n'));
});

test('the server gets the ClientHello as it was, and learns the name in the header', async (t) => {
  const backend = await TcpBackend.start(t);
  const proxy = await start(t, {
    endpoints: [backend.port],
    listener: { pool: undefined, routes: [{ sni: '*.example.com', alpn: 'h2', pool: 'b' }] },
    pool: { proxyProtocol: 'v2' },
  });
  const client = connectTls({
    port: proxy.port,
    host: '127.0.0.1',
    servername: 'www.example.com',
    ALPNProtocols: ['h2'],
    rejectUnauthorized: false,
  });
  client.on('error', () => undefined);
  const server = await backend.connection();
  await server.until(() => server.total > 200, 'the hello');
  const header = parseProxyHeader(server.all, 0, server.all.length) as ProxyHeader;
  assert.deepEqual(header.tlvs, tlv(TLV.authority, 'www.example.com'));
  assert.equal(server.all[header.length], 22);
  client.destroy();
  server.end();
  await eventually(() => records(proxy).length === 1, 'it is over');
  assert.equal(records(proxy)[0].sni, 'www.example.com');
});

test('a client stays with its endpoint, and finds another when that is gone', async (t) => {
  const backends = await Promise.all([TcpBackend.echo(t), TcpBackend.echo(t), TcpBackend.echo(t)]);
  const proxy = await start(t, { endpoints: backends.map(({ port }) => port), pool: { affinity: 'source' } });
  const endpointOf = async (address: string): Promise<string> => {
    const client = clientFrom(t, proxy, address);
    assert.ok(await works(client));
    const count = records(proxy).length;
    client.end();
    await client.untilEnded();
    await eventually(() => records(proxy).length > count, 'it is over');
    return records(proxy).at(-1)!.endpoint;
  };
  const first = await endpointOf('127.0.0.7');
  for (let i = 0; i < 4; i++) {
    await endpointOf('127.0.0.8');
    assert.equal(await endpointOf('127.0.0.7'), first);
  }
  const slot = Number(first.slice(2));
  proxy.load.state[slot] = STATE.used | STATE.up | STATE.draining;
  Atomics.add(proxy.load.poolVersion, 0, 1);
  assert.equal(await endpointOf('127.0.0.7'), first, 'one that drains keeps whom it has');
  proxy.load.state[slot] = STATE.used;
  Atomics.add(proxy.load.poolVersion, 0, 1);
  const second = await endpointOf('127.0.0.7');
  assert.notEqual(second, first);
  assert.equal(await endpointOf('127.0.0.7'), second);
});
