import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Endpoint } from '../core/endpoint.ts';
import type { OpenSocket } from '../net/datagrams.ts';
import { Names } from './names.ts';
import { SpareSockets } from './spares.ts';
import { Upstream } from './upstream.ts';

const USER = { onReply() {}, onUpstreamError() {}, onUnopened() {}, onUnsent() {} };
const NAMES = new Names(() => 0);
let open = 0;
const openSocket: OpenSocket = () => ({
  fd: -1,
  port: 1,
  bind: () => undefined,
  connect: () => {
    open++;
    return undefined;
  },
  send() {},
  close: () => void open--,
});

const endpoint = (port: number, slot = port): Endpoint => ({
  id: `p/${port}`,
  address: { host: '10.0.0.1', port },
  weight: 1,
  tier: 0,
  zone: '',
  slot,
});

function spare(of: Endpoint): Upstream {
  const upstream = new Upstream(of, USER, openSocket, NAMES);
  assert.equal(upstream.open(), undefined);
  return upstream;
}

function filled(count: number, at = 1000): { spares: SpareSockets; all: Upstream[] } {
  open = 0;
  const spares = new SpareSockets();
  const all = Array.from({ length: count }, () => spare(endpoint(1)));
  for (const one of all) spares.give(one, at);
  return { spares, all };
}

test('a socket is taken after its rest, the one that rested longest first', () => {
  const { spares, all } = filled(1);
  const second = spare(endpoint(1));
  spares.give(second, 1050);
  assert.equal(spares.take(endpoint(1), 1099), undefined);
  assert.equal(spares.take(endpoint(1), 1100), all[0]);
  assert.equal(spares.take(endpoint(1), 1149), undefined);
  assert.equal(spares.take(endpoint(1), 1150), second);
  assert.equal(spares.take(endpoint(1), 9000), undefined);
  assert.equal(spares.take(endpoint(2), 9000), undefined);
});

test('when many rest, the oldest is taken earlier; more than enough are closed', () => {
  const { spares, all } = filled(600);
  assert.equal(spares.size, 512);
  assert.equal(open, 512);
  for (let i = 0; i < 512 - 256; i++) assert.equal(spares.take(endpoint(1), 1001), all[i]);
  assert.equal(spares.take(endpoint(1), 1001), undefined);
  assert.equal(spares.size, 256);
});

test('a socket that received something while it rested, or of another tenant of the slot, is closed instead', () => {
  const { spares, all } = filled(3);
  all[0].onDatagram(Buffer.from('late'), { address: '10.0.0.1', port: 1, family: 'IPv4', size: 4 });
  all[1].onSocketError('ECONNREFUSED');
  assert.equal(spares.take(endpoint(1), 1200), all[2]);
  assert.equal(open, 1);
  spares.give(all[2], 1200);
  assert.equal(spares.take(endpoint(7, 1), 2000), undefined);
  assert.equal(open, 0);
});

test('sockets that nobody needs are closed after a while, and those of endpoints that went at once', () => {
  const { spares } = filled(3);
  const other = spare(endpoint(2));
  spares.give(other, 5000);
  spares.expire(10_999);
  assert.equal(spares.size, 4);
  spares.expire(11_000);
  assert.equal(spares.size, 1);
  spares.retain([endpoint(2)]);
  assert.equal(spares.size, 1);
  spares.retain([endpoint(1)]);
  assert.equal(spares.size, 0);
  assert.equal(open, 0);
});
