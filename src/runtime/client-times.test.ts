import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import type { RoundTrip } from '../net/round-trips.ts';
import { clientTimes, type Gate, gatesOf } from './client-times.ts';

function gates(listeners: Record<string, object>, more: object = {}): readonly Gate[] {
  const compiled = compile({ pools: { a: { endpoints: ['10.0.0.1:80'] } }, listeners, ...more });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return gatesOf(compiled.value, (name) => (name === 'any' ? 40_000 : 0));
}

const trip = (local: string, port: number, peer: string, ms: number, ageMs = 0): RoundTrip => ({
  local: { host: local, port },
  peer: { host: peer, port: 50_000 },
  ms,
  ageMs,
});

const WEB = { web: { bind: '192.0.2.1:80', pool: 'a' } };

test('round trips count that come to a listener of ours, at its address and port', () => {
  const all = gates({
    ...WEB,
    any: { bind: '[::]:0', protocol: 'tcp', pool: 'a' },
    dns: { bind: '192.0.2.1:53', protocol: 'udp', pool: 'a' },
    unbound: { bind: '192.0.2.1:0', pool: 'a' },
  });
  const times = clientTimes(
    [
      trip('192.0.2.1', 80, '198.51.100.1', 10),
      trip('192.0.2.2', 80, '198.51.101.1', 11),
      trip('192.0.2.1', 81, '198.51.102.1', 12),
      trip('192.0.2.1', 53, '198.51.103.1', 13),
      trip('192.0.2.9', 40_000, '2001:db8::1', 14),
    ],
    all,
    1000,
  );
  assert.deepEqual(times, [
    { address: '198.51.100.1', ms: 10 },
    { address: '2001:db8::1', ms: 14 },
  ]);
});

test('a network counts once, with its median', () => {
  const trips = [90, 10, 11, 12, 1].map((ms, i) => trip('192.0.2.1', 80, `198.51.100.${i}`, ms));
  const six = [3, 1].map((ms, i) => trip('192.0.2.1', 80, `2001:db8:1:${i}::`, ms));
  const times = clientTimes([...trips, ...six, trip('192.0.2.1', 80, '198.51.101.1', 5)], gates(WEB), 1000);
  assert.deepEqual(
    times.map(({ ms }) => ms),
    [11, 1, 5],
  );
});

test('a connection that was silent since the last look tells nothing new', () => {
  const trips = [trip('192.0.2.1', 80, '198.51.100.1', 10, 1001), trip('192.0.2.1', 80, '198.51.101.1', 20, 1000)];
  assert.deepEqual(clientTimes(trips, gates(WEB), 1000), [{ address: '198.51.101.1', ms: 20 }]);
});

test('the time to a proxy is not the time to the clients behind it', () => {
  const behind = gates(
    { web: { ...WEB.web, proxyProtocol: ['198.51.100.0/24'] } },
    { trustedProxies: ['198.51.101.0/24'] },
  );
  const trips = ['198.51.100.1', '198.51.101.1', '198.51.102.1'].map((peer) => trip('192.0.2.1', 80, peer, 10));
  assert.deepEqual(clientTimes(trips, behind, 1000), [{ address: '198.51.102.1', ms: 10 }]);
});
