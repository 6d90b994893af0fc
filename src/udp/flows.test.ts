import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowConfig } from '../config/types.ts';
import { type FlowEnd, FlowTable, REFUSED_CLOSED, REFUSED_FULL } from './flows.ts';

const IDLE = 60_000;

function table(over: Partial<FlowConfig> = {}) {
  const ended: [flow: number, why: FlowEnd][] = [];
  const limits: FlowConfig = { key: 'address-and-port', idleMs: IDLE, responses: 0, max: 4, ...over };
  const flows = new FlowTable(limits, { ended: (flow, why) => void ended.push([flow, why]) }, 12345);
  return { flows, ended, from: (host: string, port = 1, now = 0) => flows.fromClient(host, port, false, now) };
}

test('datagrams of one address and port are one flow; another port, address or family is another', () => {
  const { flows, from } = table({ max: 100 });
  const first = from('192.0.2.1', 53);
  assert.equal(flows.fresh, true);
  assert.equal(from('192.0.2.1', 53), first);
  assert.equal(flows.fresh, false);
  const others = [
    from('192.0.2.1', 54),
    from('192.0.2.2', 53),
    // The same leading bytes as 192.0.2.1.
    from('c000:201::', 53),
    from('2001:db8::1', 53),
    from('2001:db8::2', 53),
    from('fe80::1%eth0', 53),
    from('fe80::1%eth1', 53),
    flows.fromClient('192.0.2.1', 53, true, 0),
  ];
  assert.equal(new Set([first, ...others]).size, 9);
  assert.equal(from('fe80::1%eth0', 53), others[5]);
  assert.equal(from('2001:db8:0:0:0:0:0:1', 53), others[3], 'however it is written');
  assert.equal(flows.size, 9);
});

test('with the address as key, the port does not matter', () => {
  const { from } = table({ key: 'address' });
  const flow = from('192.0.2.1', 1000);
  assert.equal(from('192.0.2.1', 2000), flow);
  assert.notEqual(from('192.0.2.2', 1000), flow);
});

test('silence ends a flow, and datagrams of either side put that off', () => {
  const { flows, ended, from } = table();
  const a = from('192.0.2.1', 1, 0);
  const b = from('192.0.2.2', 1, 0);
  const c = from('192.0.2.3', 1, 0);
  assert.equal(flows.nextExpiry, IDLE);
  from('192.0.2.1', 1, 1000);
  flows.fromEndpoint(b, 2000);
  flows.expire(IDLE - 1);
  assert.deepEqual(ended, []);
  flows.expire(IDLE);
  assert.deepEqual(ended, [[c, 'idle']]);
  flows.expire(IDLE + 1000);
  assert.deepEqual(ended.slice(1), [[a, 'idle']]);
  assert.equal(flows.nextExpiry, IDLE + 2000);
  flows.expire(IDLE + 2000);
  assert.deepEqual(ended.slice(2), [[b, 'idle']]);
  assert.equal(flows.size, 0);
  assert.equal(flows.nextExpiry, Number.POSITIVE_INFINITY);
});

test('the last expected response ends a flow, and every datagram of the client expects as many', () => {
  const { flows, ended, from } = table({ responses: 2 });
  const flow = from('192.0.2.1');
  flows.fromEndpoint(flow, 1);
  from('192.0.2.1');
  for (let i = 0; i < 2; i++) flows.fromEndpoint(flow, 2);
  assert.deepEqual(ended, []);
  flows.fromEndpoint(flow, 3);
  assert.deepEqual(ended, [[flow, 'responses']]);
  from('192.0.2.1');
  assert.equal(flows.fresh, true, 'what comes afterwards begins anew');
});

test('without expected responses no number of them ends a flow', () => {
  const { flows, ended, from } = table();
  const flow = from('192.0.2.1');
  for (let i = 0; i < 1000; i++) flows.fromEndpoint(flow, i);
  assert.deepEqual(ended, []);
});

test('a full table gives up the unproven flow that was silent for longest', () => {
  const { flows, ended, from } = table();
  const [a, b, c, d] = [1, 2, 3, 4].map((n) => from(`192.0.2.${n}`, 1, n));
  from('192.0.2.1', 1, 5);
  from('192.0.2.5', 1, 6);
  assert.deepEqual(ended, [[b, 'evicted']]);
  from('192.0.2.6', 1, 7);
  assert.deepEqual(ended.slice(1), [[c, 'evicted']]);
  assert.equal(flows.size, 4);
  assert.equal(from('192.0.2.4', 1, 8), d);
  assert.equal(from('192.0.2.1', 1, 9), a);
});

test('a client that sends again after an answer is never given up; when all are such, new ones are refused', () => {
  const { flows, ended, from } = table();
  for (let n = 1; n <= 4; n++) {
    const flow = from(`192.0.2.${n}`);
    flows.fromEndpoint(flow, 1);
    assert.equal(flows.proven, n - 1, 'an answer alone proves nothing');
    from(`192.0.2.${n}`);
    assert.equal(flows.proven, n);
  }
  assert.equal(from('198.51.100.1'), REFUSED_FULL);
  assert.deepEqual(ended, []);
  assert.equal(flows.size, 4);
  flows.expire(IDLE + 1);
  assert.ok(from('198.51.100.1', 1, IDLE + 1) >= 0);
});

test('a flood of forged senders neither grows the table nor costs a known client its flow', () => {
  const { flows, ended, from } = table({ max: 1000 });
  const known = Array.from({ length: 100 }, (_, n) => {
    const flow = from(`192.0.2.${n}`, 40_000);
    flows.fromEndpoint(flow, 0);
    return from(`192.0.2.${n}`, 40_000);
  });
  for (let n = 0; n < 100_000; n++) from(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, n & 0xffff, n / 100);
  assert.equal(flows.size, 1000);
  assert.equal(ended.length, 100_000 - 900);
  assert.ok(ended.every(([, why]) => why === 'evicted'));
  for (const [n, flow] of known.entries()) assert.equal(from(`192.0.2.${n}`, 40_000, 1000), flow);
});

test('a table that does not accept goes on with what it has', () => {
  const { flows, ended, from } = table();
  const a = from('192.0.2.1');
  flows.accepting = false;
  assert.equal(from('192.0.2.2'), REFUSED_CLOSED);
  assert.equal(from('192.0.2.1'), a);
  flows.close(a);
  flows.close(a);
  assert.deepEqual(ended, [[a, 'closed']]);
  assert.equal(from('192.0.2.1'), REFUSED_CLOSED);
});

test('a lower bound is kept to without ending anything at once', () => {
  const { flows, ended, from } = table({ max: 8 });
  for (let n = 0; n < 8; n++) from(`192.0.2.${n}`);
  flows.limits = { ...flows.limits, max: 2 };
  assert.deepEqual(ended, []);
  from('198.51.100.1');
  assert.equal(flows.size, 8);
  assert.equal(ended.length, 1);
});

test('a million flows take less than 256 MiB, and each is found', () => {
  const million = 1_000_000;
  const { flows, from } = table({ max: million });
  const address = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;
  const before = process.memoryUsage();
  for (let n = 0; n < million; n++) from(address(n), 5000 + (n & 1023));
  const after = process.memoryUsage();
  const bytes = after.arrayBuffers - before.arrayBuffers + Math.max(0, after.heapUsed - before.heapUsed);
  assert.equal(flows.size, million);
  assert.ok(bytes / million < 256, `${Math.round(bytes / million)} bytes a flow`);
  assert.ok(after.rss - before.rss < 256 * 1024 * 1024, `${(after.rss - before.rss) >> 20} MiB resident`);
  for (let n = 0; n < million; n += 997) {
    from(address(n), 5000 + (n & 1023));
    assert.equal(flows.fresh, false);
  }
});
