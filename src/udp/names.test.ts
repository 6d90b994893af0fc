import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../core/endpoint.ts';
import { STATE } from '../core/load-table.ts';
import type { OpenSocket } from '../net/datagrams.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { UdpWorld } from '../testing/udp-world.ts';
import { Names, type Resolution } from './names.ts';
import { Upstream } from './upstream.ts';

const FOUND = { host: '10.0.0.1', family: 4 } as const;

/** A resolver that answers when it is told to. */
function resolver() {
  const asked: { readonly host: string; readonly done: (found: Resolution) => void }[] = [];
  let now = 0;
  const names = new Names(
    () => now,
    (host, done) => asked.push({ host, done }),
  );
  const at = (ms: number): void => {
    now = ms;
  };
  return { asked, names, at };
}

test('a name is looked up once for all that wait, remembered for 5 s, and failures for half a second', () => {
  const { asked, names, at } = resolver();
  const told: Resolution[] = [];
  const ask = () => names.resolve('a.test', (found) => told.push(found));
  assert.deepEqual(
    names.resolve('::1', () => assert.fail()),
    { host: '::1', family: 6 },
  );
  assert.equal(ask(), undefined);
  assert.equal(ask(), undefined);
  assert.equal(asked.length, 1);
  asked[0].done(FOUND);
  assert.deepEqual(told, [FOUND, FOUND]);
  at(4999);
  assert.deepEqual(ask(), FOUND);
  at(5000);
  assert.equal(ask(), undefined);
  asked[1].done('ENOTFOUND');
  assert.equal(ask(), 'ENOTFOUND');
  at(5500);
  assert.equal(ask(), undefined);
  assert.equal(asked.length, 3);
});

function upstream(connect: () => string | undefined = () => undefined) {
  const { asked, names } = resolver();
  const events: string[] = [];
  const openSocket: OpenSocket = () => ({
    fd: -1,
    port: 1,
    bind: () => undefined,
    connect,
    send: (parts) => void events.push(`sent ${Buffer.concat(parts).toString()}`),
    close: () => void events.push('closed'),
  });
  const endpoint: Endpoint = { id: 'x', address: { host: 'a.test', port: 53 }, weight: 1, tier: 0, zone: '', slot: 0 };
  const user = {
    onReply: () => undefined,
    onUpstreamError: (code: string) => void events.push(`error ${code}`),
    onUnopened: (code: string) => void events.push(`unopened ${code}`),
    onUnsent: (count: number) => void events.push(`unsent ${count}`),
  };
  const one = new Upstream(endpoint, user, openSocket, names);
  assert.equal(one.open(), undefined);
  for (let i = 1; i <= 6; i++) one.send([Buffer.from(String(i))]);
  return { one, events, found: (found: Resolution) => asked[0].done(found) };
}

test('the first datagrams wait for the name, in order, and what is too much is told', () => {
  const { events, found } = upstream();
  assert.deepEqual(events.splice(0), ['unsent 1', 'unsent 1']);
  found(FOUND);
  assert.deepEqual(events, ['sent 1', 'sent 2', 'sent 3', 'sent 4']);
});

test('a name that does not resolve, a socket that does not open and an early end lose nothing silently', () => {
  const unknown = upstream();
  unknown.found('ENOTFOUND');
  assert.deepEqual(unknown.events, ['unsent 1', 'unsent 1', 'unsent 3', 'unopened ENOTFOUND']);
  const poor = upstream(() => 'EADDRINUSE');
  poor.found(FOUND);
  assert.deepEqual(poor.events.slice(2), ['closed', 'unsent 3', 'unopened EADDRINUSE']);
  const ended = upstream();
  ended.one.close();
  ended.found(FOUND);
  assert.deepEqual(ended.events.slice(2), ['unsent 4']);
});

test('sockets that this machine cannot give are nobody else’s fault', () => {
  for (const code of ['EMFILE', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EAGAIN', 'ENOBUFS', 'ENOMEM', 'EPERM']) {
    const world = new UdpWorld(
      seededRandom(1),
      { key: 'address-and-port', idleMs: 1000, responses: 1, max: 10 },
      [1, 2],
    );
    world.setState(1, STATE.used | STATE.up);
    world.noSocketsCode = code;
    world.mostSockets = 1;
    world.ask('10.1.1.1 5000');
    assert.equal(world.counters.readError(0, 'out-of-sockets'), 1, code);
    assert.equal(world.counters.readError(0, 'connect-failed'), 0, code);
    assert.deepEqual([world.load.failures[1], world.load.failures[2]], [0, 0], code);
    world.end();
  }
});
