// The UDP data path on real sockets: what goes in comes out, to whom it belongs, and flows begin and end as configured.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { E, L } from '../../src/core/counters.ts';
import { STATE } from '../../src/core/load-table.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';
import { eventually, startRelay } from '../../src/testing/udp-scenario.ts';

const label = (name: string) => (data: Buffer) => Buffer.from(`${name}:${data.toString()}`);

test('datagrams go to an endpoint and its answers come back, each client by itself', async (t) => {
  const server = await UdpPeer.server(t, label('a'));
  const relay = await startRelay(t, { endpoints: [server] });
  const clients = await Promise.all(Array.from({ length: 20 }, () => relay.client()));
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(clients.map((client, i) => client.ask(`${i}.${round}`, relay.port)));
    assert.deepEqual(
      answers,
      clients.map((_, i) => `a:${i}.${round}`),
    );
  }
  assert.equal(server.senders.size, 20, 'one socket a flow');
  assert.equal(relay.open(), 20);
  assert.equal(relay.inFlight(), 20);
  assert.equal(relay.counters.readListener(0, L.accepted), 20);
  assert.equal(relay.counters.readEndpoint(0, E.datagramsSent), 60);
  assert.equal(relay.counters.readEndpoint(0, E.datagramsReceived), 60);
  assert.equal(relay.counters.readListener(0, L.bytesIn), relay.counters.readEndpoint(0, E.bytesSent));
  assert.equal(relay.counters.readListener(0, L.bytesOut), relay.counters.readEndpoint(0, E.bytesReceived));
  for (const client of clients) assert.equal(client.inbox.length, 0);
});

test('a flow stays on its endpoint, flows are spread by the algorithm', async (t) => {
  const servers = await Promise.all(['a', 'b', 'c'].map((name) => UdpPeer.server(t, label(name))));
  const relay = await startRelay(t, { endpoints: servers });
  const seen: string[] = [];
  for (let i = 0; i < 6; i++) {
    const client = await relay.client();
    const first = await client.ask('x', relay.port);
    for (let n = 0; n < 3; n++) assert.equal(await client.ask('x', relay.port), first);
    seen.push(first);
  }
  assert.deepEqual(seen.sort(), ['a:x', 'a:x', 'b:x', 'b:x', 'c:x', 'c:x']);
});

test('an endpoint may send many datagrams for one, and later ones too', async (t) => {
  const server = await UdpPeer.server(t, (data, from) => {
    setTimeout(() => server.send('later', from.port), 30);
    return [data, Buffer.from('two'), Buffer.from('three')];
  });
  const relay = await startRelay(t, { endpoints: [server] });
  const client = await relay.client();
  client.send('one', relay.port);
  const seen = [];
  for (let i = 0; i < 4; i++) seen.push((await client.next()).data.toString());
  assert.deepEqual(seen, ['one', 'two', 'three', 'later']);
});

test('random bytes of any size pass both ways unchanged, empty datagrams and the largest included', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server] });
  const client = await relay.client();
  const passes = async (data: Buffer): Promise<void> => {
    client.send(data, relay.port);
    const answer = (await client.next()).data;
    assert.ok(answer.equals(data), `${data.length} bytes came back as ${answer.length}`);
  };
  const MOST = 65_507;
  for (const size of [0, 1, 1472, 1473, 9000, 65_506, MOST]) await passes(Buffer.alloc(size, size & 255));
  const datagram = fc
    .oneof(fc.nat(64), fc.nat(2000), fc.nat(MOST))
    .chain((size) => fc.uint8Array({ minLength: size, maxLength: size }));
  await fc.assert(
    fc.asyncProperty(datagram, (bytes) => passes(Buffer.from(bytes))),
    { numRuns: 60, seed: Number(process.env.EVENKEEL_SEED ?? 1) },
  );
  assert.equal(relay.open(), 1);
  assert.equal(relay.errors('datagram-unsent'), 0);
});

test('IPv6 clients and endpoints, and a listener of both families', async (t) => {
  const six = await UdpPeer.server(t, label('six'), '::1');
  const four = await UdpPeer.server(t, label('four'));
  const relay = await startRelay(t, { endpoints: [six, four], bind: '[::]:0' });
  const clients = [await relay.client('::1'), await relay.client('::1'), await relay.client(), await relay.client()];
  const answers = [];
  for (const client of clients) answers.push(await client.ask('x', relay.port));
  assert.deepEqual(answers, ['six:x', 'four:x', 'six:x', 'four:x']);
  relay.plane.cut();
  assert.deepEqual(
    relay.log.map(({ client }) => client),
    ['::1', '::1', '127.0.0.1', '127.0.0.1'],
  );
});

test('an endpoint may be a name', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [`localhost:${server.port}`] });
  const client = await relay.client();
  assert.equal(await client.ask('hello', relay.port), 'hello');
  const lost = await startRelay(t, { endpoints: ['no.such.name.invalid:53'] });
  (await lost.client()).send('x', lost.port);
  await eventually(() => lost.counters.readEndpoint(0, E.connectFailed) > 0, 'the name does not resolve');
});

test('silence ends a flow; the client begins another', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server], flow: { idle: '120ms' } });
  const client = await relay.client();
  await client.ask('x', relay.port);
  await eventually(() => relay.open() === 0, 'the flow expired');
  const [{ closedBy, client: who, endpoint, datagramsIn, datagramsOut, bytesIn, error }] = relay.log;
  assert.deepEqual(
    { closedBy, who, endpoint, datagramsIn, datagramsOut, bytesIn, error },
    {
      closedBy: 'idle',
      who: '127.0.0.1',
      endpoint: `b/127.0.0.1:${server.port}`,
      datagramsIn: 1,
      datagramsOut: 1,
      bytesIn: 1,
      error: '',
    },
  );
  assert.equal(await client.ask('y', relay.port), 'y');
  assert.equal(server.senders.size, 2);
});

test('the expected response ends a flow, and its socket serves again after a rest', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server], flow: { responses: 1 } });
  const first = await relay.client();
  assert.equal(await first.ask('1', relay.port), '1');
  await eventually(() => relay.open() === 0, 'one answer is all');
  assert.equal(relay.log[0].closedBy, 'responses');
  assert.equal(await first.ask('2', relay.port), '2');
  assert.equal(server.senders.size, 2, 'not without a rest');
  await new Promise((resolve) => setTimeout(resolve, 250));
  assert.equal(await first.ask('3', relay.port), '3');
  assert.equal(server.senders.size, 2, 'the socket that rested');
  assert.equal(relay.counters.readEndpoint(0, E.reuses), 1);
  assert.equal(relay.counters.readEndpoint(0, E.connects), 2);
});

test('questions that overlap on one port are all answered', async (t) => {
  const held: (() => void)[] = [];
  const server = await UdpPeer.server(t, (data, from) => {
    held.push(() => server.send(data, from.port));
    return undefined;
  });
  const relay = await startRelay(t, { endpoints: [server], flow: { responses: 1 } });
  const client = await relay.client();
  for (const text of ['1', '2', '3']) client.send(text, relay.port);
  await eventually(() => held.length === 3, 'all three arrived');
  for (const answer of held) answer();
  const seen = [];
  for (let i = 0; i < 3; i++) seen.push((await client.next()).data.toString());
  assert.deepEqual(seen.sort(), ['1', '2', '3']);
  await eventually(() => relay.open() === 0, 'the flow ended with the last');
});

test('a late duplicate never reaches another client', async (t) => {
  const server = await UdpPeer.server(t, (data, from) => {
    setTimeout(() => server.send(`late ${data.toString()}`, from.port), 20);
    return data;
  });
  const relay = await startRelay(t, { endpoints: [server], flow: { responses: 1 } });
  for (let i = 0; i < 20; i++) {
    const client = await relay.client();
    assert.equal(await client.ask(`${i}`, relay.port), `${i}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.deepEqual(client.inbox, []);
  }
  assert.equal(relay.counters.readEndpoint(0, E.reuses), 0, 'a socket that got more than expected is not used again');
});

test('with the address as key, a client that changes its port keeps its flow; answers follow it', async (t) => {
  const server = await UdpPeer.server(t);
  const relay = await startRelay(t, { endpoints: [server], flow: { key: 'address' } });
  const [a, b] = [await relay.client(), await relay.client()];
  assert.equal(await a.ask('1', relay.port), '1');
  assert.equal(await b.ask('2', relay.port), '2');
  assert.equal(server.senders.size, 1);
  assert.equal(relay.open(), 1);
});

test('what comes from elsewhere than the endpoint is not passed on', async (t) => {
  let port = 0;
  const server = await UdpPeer.server(t, (data, from) => {
    port = from.port;
    return data;
  });
  const relay = await startRelay(t, { endpoints: [server] });
  const client = await relay.client();
  await client.ask('x', relay.port);
  const stranger = await relay.client();
  stranger.send('forged', port, '127.0.0.1');
  assert.equal(await client.ask('y', relay.port), 'y');
  assert.deepEqual(client.inbox, []);
});

test('hash kinds place flows by the client address', async (t) => {
  const servers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => UdpPeer.server(t, label(name))));
  const relay = await startRelay(t, { endpoints: servers, pool: { balance: 'source-hash' } });
  const answers = new Set<string>();
  for (let i = 0; i < 8; i++) answers.add(await (await relay.client()).ask('x', relay.port));
  assert.equal(answers.size, 1);
});

test('a client address that is pinned keeps its endpoint over its flows, as long as that serves', async (t) => {
  const servers = await Promise.all(['a', 'b', 'c'].map((name) => UdpPeer.server(t, label(name))));
  const relay = await startRelay(t, { endpoints: servers, pool: { affinity: 'source' }, flow: { responses: 1 } });
  const first = await (await relay.client()).ask('x', relay.port);
  for (let i = 0; i < 6; i++) assert.equal(await (await relay.client()).ask('x', relay.port), first);
  relay.setState(0, STATE.used);
  const second = await (await relay.client()).ask('x', relay.port);
  assert.notEqual(second, first);
  relay.setState(0, STATE.used | STATE.up);
  assert.equal(await (await relay.client()).ask('x', relay.port), second);
});
