// What the UDP data path does when endpoints fail, clients flood, headers lie and configurations change.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { E, L, P } from '../../src/core/counters.ts';
import { STATE } from '../../src/core/load-table.ts';
import { encodeLocal, encodeV1, encodeV2, parseProxyHeader, tlv } from '../../src/net/proxy-protocol.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';
import { eventually, type Relay, startRelay } from '../../src/testing/udp-scenario.ts';

const label = (name: string) => (data: Buffer) => Buffer.from(`${name}:${data.toString()}`);
const UP = STATE.used | STATE.up;

/** A client whose flow is on the first endpoint. */
async function clientOn(relay: Relay, name: string): Promise<UdpPeer> {
  for (;;) {
    const client = await relay.client();
    if ((await client.ask('x', relay.port)) === `${name}:x`) return client;
  }
}

test('an endpoint that refuses is left at once, and the datagram is sent to another', async (t) => {
  const server = await UdpPeer.server(t, label('b'));
  const gone = await UdpPeer.open(t);
  gone.close();
  const relay = await startRelay(t, { endpoints: [gone.port, server] });
  const client = await relay.client();
  assert.equal(await client.ask('x', relay.port), 'b:x');
  assert.equal(relay.counters.readEndpoint(0, E.connectFailed), 1);
  assert.equal(relay.counters.readPool(0, P.retries), 1);
  assert.equal(relay.load.failures[0], 1, 'passive checks learn of it');
  assert.equal(relay.inFlight(), 1);
  relay.plane.cut();
  const [{ attempts, error, closedBy }] = relay.log;
  assert.deepEqual({ attempts, error, closedBy }, { attempts: 2, error: '', closedBy: 'drain' });
});

test('an endpoint that cannot even be connected to is left as well', async (t) => {
  const server = await UdpPeer.server(t, label('b'));
  // Sockets may not connect to a broadcast address unasked.
  const relay = await startRelay(t, { endpoints: ['255.255.255.255:9', server] });
  const client = await relay.client();
  for (const text of ['1', '2']) assert.equal(await client.ask(text, relay.port), `b:${text}`);
  assert.equal(relay.counters.readEndpoint(0, E.connectFailed), 1);
  assert.equal(relay.inFlight(), 1);
});

test('an endpoint that dies under a running flow loses it to another', async (t) => {
  const [a, b] = [await UdpPeer.server(t, label('a')), await UdpPeer.server(t, label('b'))];
  const relay = await startRelay(t, { endpoints: [a, b] });
  const client = await clientOn(relay, 'a');
  a.close();
  assert.equal(await client.ask('y', relay.port), 'b:y');
  assert.equal(await client.ask('z', relay.port), 'b:z');
});

test('when all endpoints refuse the flow ends with the reason, and the next datagram tries anew', async (t) => {
  const server = await UdpPeer.server(t);
  server.close();
  const relay = await startRelay(t, { endpoints: [server.port] });
  const client = await relay.client();
  client.send('x', relay.port);
  await eventually(() => relay.open() === 0 && relay.log.length === 1, 'the flow ended');
  assert.equal(relay.log[0].error, 'connect-failed');
  assert.equal(relay.log[0].closedBy, 'endpoint');
  assert.equal(relay.errors('connect-failed'), 1);
  await UdpPeer.server(t, label('back'), '127.0.0.1', server.port);
  assert.equal(await client.ask('y', relay.port), 'back:y');
});

test('the flow moves with its next datagram when health takes its endpoint out, and not for a drain', async (t) => {
  const servers = [await UdpPeer.server(t, label('a')), await UdpPeer.server(t, label('b'))];
  const relay = await startRelay(t, { endpoints: servers });
  const client = await clientOn(relay, 'a');
  relay.setState(0, UP | STATE.draining);
  assert.equal(await client.ask('1', relay.port), 'a:1');
  relay.setState(0, STATE.used);
  assert.equal(await client.ask('2', relay.port), 'b:2');
  relay.setState(0, UP);
  assert.equal(await client.ask('3', relay.port), 'b:3', 'it does not go back');
  relay.setState(1, UP | STATE.maintenance);
  assert.equal(await client.ask('4', relay.port), 'a:4');
  const open = relay.open();
  relay.setState(0, STATE.used);
  client.send('5', relay.port);
  await eventually(() => relay.errors('pool-down') === 1, 'nobody is left');
  assert.equal(relay.open(), open - 1);
});

test('an endpoint that does not answer what must be answered has failed; silence of one-way traffic is no failure', async (t) => {
  const server = await UdpPeer.server(t, () => undefined);
  const relay = await startRelay(t, { endpoints: [server], flow: { idle: '100ms', responses: 1 } });
  (await relay.client()).send('x', relay.port);
  await eventually(() => relay.log.length === 1, 'its time is up');
  assert.equal(relay.log[0].error, 'upstream-timeout');
  assert.equal(relay.counters.readEndpoint(0, E.timeout), 1);
  assert.equal(relay.errors('upstream-timeout'), 1);
  assert.equal(relay.load.failures[0], 1);
  await relay.reload({ flow: { idle: '100ms' } });
  (await relay.client()).send('x', relay.port);
  await eventually(() => relay.log.length === 2, 'silence');
  assert.equal(relay.log[1].error, '');
  assert.equal(relay.load.failures[0], 1);
});

test('a flood of senders is bounded, and known clients keep their flows', async (t) => {
  const ports = { before: new Set<number>(), after: new Set<number>() };
  const server = await UdpPeer.server(t, (data, from) => {
    const text = data.toString();
    if (text === 'flood') return undefined;
    ports[text === 'still' ? 'after' : 'before'].add(from.port);
    return data;
  });
  const relay = await startRelay(t, { endpoints: [server], flow: { max: 20 } });
  const known = await Promise.all(Array.from({ length: 5 }, () => relay.client()));
  for (const client of known) {
    await client.ask('hello', relay.port);
    await client.ask('again', relay.port);
  }
  for (let i = 0; i < 200; i++) {
    const stranger = await relay.client();
    stranger.send('flood', relay.port);
    if (i % 20 === 0) await eventually(() => server.count >= 10 + i, 'they arrive');
    assert.ok(relay.open() <= 20);
  }
  await eventually(() => server.count === 210, 'each of the flood got through');
  assert.equal(relay.open(), 20);
  assert.equal(relay.errors('flow-evicted'), 200 - 15);
  for (const client of known) assert.equal(await client.ask('still', relay.port), 'still');
  assert.deepEqual(ports.after, ports.before, 'on the sockets that they had');
  assert.equal(relay.log.filter(({ closedBy }) => closedBy === 'evicted').length, 185);
});

test('when every flow is of a known client, new ones are refused and counted', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server], flow: { max: 2 } });
  const known = [await relay.client(), await relay.client()];
  for (const client of known) for (const text of ['a', 'b']) await client.ask(text, relay.port);
  (await relay.client()).send('c', relay.port);
  await eventually(() => relay.errors('flow-table-full') === 1, 'refused');
  assert.equal(relay.counters.readListener(0, L.refused), 1);
  assert.equal(relay.open(), 2);
});

test('an endpoint at its limit takes no more flows; nothing waits', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server], pool: { maxInFlight: 1, queue: { size: 10 } } });
  const client = await relay.client();
  await client.ask('x', relay.port);
  (await relay.client()).send('y', relay.port);
  await eventually(() => relay.errors('pool-saturated') === 1, 'refused');
  assert.equal(relay.open(), 1);
});

test('a reload keeps flows on endpoints that stay, and moves the others with their next datagram', async (t) => {
  const [a, b] = [await UdpPeer.server(t, label('a')), await UdpPeer.server(t, label('b'))];
  const relay = await startRelay(t, { endpoints: [a, b] });
  const [onA, onB] = [await clientOn(relay, 'a'), await clientOn(relay, 'b')];
  const c = await UdpPeer.server(t, label('c'));
  await relay.reload({ endpoints: [b, c] });
  assert.equal(await onB.ask('1', relay.port), 'b:1');
  assert.match(await onA.ask('1', relay.port), /^[bc]:1$/);
  assert.equal(a.senders.size + b.senders.size + c.senders.size >= 3, true);
  const ports = new Set(b.senders);
  await relay.reload({ endpoints: [b, c], flow: { idle: '30s', max: 10 } });
  assert.equal(await onB.ask('2', relay.port), 'b:2');
  assert.deepEqual(b.senders, ports, 'on the same socket');
});

test('a drain takes no new senders, lets flows go on, and ends with them', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server], flow: { idle: '250ms' } });
  const client = await relay.client();
  await client.ask('x', relay.port);
  relay.plane.drain();
  assert.equal(await client.ask('y', relay.port), 'y');
  (await relay.client()).send('z', relay.port);
  await eventually(() => relay.errors('draining') === 1, 'dropped');
  assert.deepEqual(relay.plane.open(), { requests: 0, streams: 1 });
  await eventually(() => relay.plane.open().streams === 0, 'silence ended it');
  const again = await UdpPeer.open(t, '127.0.0.1', relay.port);
  assert.equal(again.port, relay.port, 'the port is free');
});

test('what is left at the end of a drain is cut', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server] });
  await (await relay.client()).ask('x', relay.port);
  relay.plane.drain();
  assert.deepEqual(relay.plane.cut(), { requests: 0, streams: 1 });
  assert.equal(relay.open(), 0);
  assert.equal(relay.log[0].closedBy, 'drain');
});

test('a PROXY header stands in front of every datagram to endpoints that want it', async (t) => {
  const server = await UdpPeer.open(t);
  const relay = await startRelay(t, { endpoints: [server], pool: { proxyProtocol: 'v2' } });
  const client = await relay.client();
  for (const text of ['one', '', 'three']) {
    client.send(text, relay.port);
    const { data } = await server.next();
    const header = parseProxyHeader(data, 0, data.length);
    assert.ok(typeof header === 'object');
    assert.equal(header.command, 'proxy');
    assert.deepEqual(header.source, { host: '127.0.0.1', port: client.port });
    assert.deepEqual(header.destination, { host: '127.0.0.1', port: relay.port });
    assert.equal(data[13], 0x12, 'UDP over IPv4');
    assert.equal(data.subarray(header.length).toString(), text);
  }
});

test('proxies that must send a header are believed, and dropped without one; others are clients themselves', async (t) => {
  const server = await UdpPeer.open(t);
  server.onDatagram = ({ data, from }) => {
    const header = parseProxyHeader(data, 0, data.length);
    assert.ok(typeof header === 'object');
    server.send(`${header.source?.host}:${header.source?.port} ${data.subarray(header.length).toString()}`, from.port);
  };
  const relay = await startRelay(t, {
    endpoints: [server],
    bind: '[::]:0',
    listener: { proxyProtocol: '127.0.0.1' },
    pool: { proxyProtocol: { version: 2, tlvs: true } },
  });
  const proxy = await relay.client();
  const destination = { host: '203.0.113.5', port: 53 };
  const from = (host: string, port: number, text: string): Buffer =>
    Buffer.concat([encodeV2('udp', { source: { host, port }, destination }, tlv(0xe0, 'id')), Buffer.from(text)]);
  const ask = async (data: Buffer): Promise<string> => {
    proxy.send(data, relay.port);
    return (await proxy.next()).data.toString();
  };
  assert.equal(await ask(from('192.0.2.1', 4000, 'a')), '192.0.2.1:4000 a');
  assert.equal(await ask(from('192.0.2.2', 4000, 'b')), '192.0.2.2:4000 b');
  assert.equal(await ask(from('2001:db8::7', 9, 'c')), '2001:db8::7:9 c');
  assert.equal(relay.open(), 3, 'each client has its flow, though they come from one socket');
  assert.equal(await ask(Buffer.concat([encodeLocal(2), Buffer.from('self')])), `127.0.0.1:${proxy.port} self`);
  const bad = [
    Buffer.from('no header'),
    Buffer.alloc(0),
    from('192.0.2.1', 4000, '').subarray(0, 20),
    Buffer.concat([encodeV1({ source: { host: '192.0.2.1', port: 1 }, destination }), Buffer.from('v1')]),
  ];
  for (const data of bad) proxy.send(data, relay.port);
  await eventually(() => relay.errors('bad-proxy-header') === bad.length, 'all are dropped');
  const direct = await relay.client('::1');
  assert.equal(await direct.ask('d', relay.port), `::1:${direct.port} d`);
  relay.plane.cut();
  assert.deepEqual(relay.log.map(({ client }) => client).sort(), [
    '127.0.0.1',
    '192.0.2.1',
    '192.0.2.2',
    '2001:db8::7',
    '::1',
  ]);
});

test('TLVs and destination of the header that came are passed on', async (t) => {
  const server = await UdpPeer.open(t);
  const relay = await startRelay(t, {
    endpoints: [server],
    listener: { proxyProtocol: '127.0.0.0/8' },
    pool: { proxyProtocol: { version: 2, tlvs: true } },
  });
  const tlvs = tlv(0xe0, 'connection-7');
  const ends = { source: { host: '192.0.2.1', port: 1 }, destination: { host: '203.0.113.5', port: 53 } };
  (await relay.client()).send(Buffer.concat([encodeV2('udp', ends, tlvs), Buffer.from('x')]), relay.port);
  const { data } = await server.next();
  const header = parseProxyHeader(data, 0, data.length);
  assert.ok(typeof header === 'object');
  assert.deepEqual(header.destination, ends.destination);
  assert.deepEqual(header.tlvs, tlvs);
});
