// Owns what packets may come: whatever the bytes, the engine answers or is silent, never throws, and does not take long.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnswerTools } from '../../src/dns/engine/settings.ts';
import { RCODE } from '../../src/dns/wire/types.ts';
import { answererOf, decode, question } from '../../src/testing/dns-scenario.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const PACKETS = 100_000;
const ZONE = `@ SOA ns admin 1 3600 600 86400 60
@ NS ns
ns A 192.0.2.1
www A 192.0.2.2
www AAAA 2001:db8::2
a CNAME b
b CNAME www
*.wild TXT "x"
d DNAME www
sub NS ns.sub
ns.sub A 192.0.2.3
`;
const NAMES = ['www', 'a', 'x.wild', 'y.d', 'z.sub', 'nope', 'deep.nope', ''];
const TYPES = ['A', 'AAAA', 'NS', 'SOA', 'TXT', 'CNAME', 'ANY', 'AXFR', 'IXFR', 'SRV', 'DS'];

test('a hundred thousand broken packets: no throw, no answer that cannot be read, no long thought', (t) => {
  const seed = Number(process.env.EVENKEEL_SEED ?? 1);
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const below = (n: number): number => random.u32() % n;
  const zones = { 'example.com': { file: 'zone', transfer: { allow: '192.0.2.0/24' } } };
  const answerer = answererOf({ dns: { rateLimit: 'off', zones }, files: { zone: ZONE } });
  const out = new Uint8Array(70_000);
  const rcodes = new Map<number, number>();
  let silent = 0;
  let longest = 0;
  for (let i = 0; i < PACKETS; i++) {
    const packet = broken(random, below);
    const transport = below(2) === 0 ? ('udp' as const) : ('tcp' as const);
    const before = performance.now();
    const length = answerer.answer(packet, packet.length, { address: '192.0.2.9', transport }, out, 0);
    longest = Math.max(longest, performance.now() - before);
    if (length === 0) {
      silent++;
      assert.ok(answerer.suppressed === 'malformed' || answerer.transfer !== undefined);
      continue;
    }
    rcodes.set(answerer.rcode, (rcodes.get(answerer.rcode) ?? 0) + 1);
    assert.ok(length >= 12 && (transport === 'tcp' || length <= 1232), `${length} bytes`);
    assert.deepEqual([out[0], out[1], out[2] & 0x80], [packet[0], packet[1], 0x80]);
    if (i % 10 === 0) decode(out.subarray(0, length));
  }
  assert.ok(silent > 1000 && (rcodes.get(RCODE.formerr) ?? 0) > 1000 && (rcodes.get(RCODE.noerror) ?? 0) > 1000);
  assert.ok((rcodes.get(RCODE.notimp) ?? 0) > 100 && (rcodes.get(RCODE.nxdomain) ?? 0) > 100);
  assert.ok(longest < 250, `${longest} ms for one packet`);
});

function broken(random: AnswerTools['random'], below: (n: number) => number): Buffer {
  if (below(10) === 0) return Buffer.from(Array.from({ length: below(200) }, () => below(256)));
  const options = [
    { code: 8, data: Buffer.from([0, 1, 24, 0, 192, 0, 2]) },
    { code: 10, data: Buffer.from('0102030405060708', 'hex') },
    { code: 3, data: Buffer.alloc(0) },
  ].filter(() => below(2) === 0) as never[];
  const name = `${NAMES[below(NAMES.length)]}.example.com`.replace(/^\./, '');
  const edns = below(2) === 0 ? {} : { edns: below(5000), options };
  const packet = question(name, TYPES[below(TYPES.length)], { id: random.u32() & 0xffff, ...edns });
  switch (below(7)) {
    case 0:
      return packet;
    case 1:
      return packet.subarray(0, below(packet.length + 1));
    case 2:
      return Buffer.concat([packet, Buffer.from(Array.from({ length: below(40) }, () => below(256)))]);
    case 3: {
      // A pointer somewhere in the question: to itself, forward, back.
      const at = 12 + below(Math.max(1, packet.length - 14));
      packet[at] = 0xc0 | below(64);
      packet[at + 1] = below(256);
      return packet;
    }
    case 4: {
      const labels = Array.from({ length: 1 + below(200) }, () => [1 + below(2), 97, 98]).flat();
      return Buffer.concat([packet.subarray(0, 12), Buffer.from([...labels, 0, 0, 1, 0, 1])]);
    }
    case 5:
      packet[4 + below(8)] ^= 1 << below(8);
      return packet;
    default:
      for (let flips = 1 + below(8); flips > 0; flips--) packet[below(packet.length)] ^= 1 << below(8);
      return packet;
  }
}
