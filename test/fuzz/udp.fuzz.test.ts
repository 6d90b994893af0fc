// Anything may come in a datagram. Behind a listener that wants PROXY headers, whatever arrives is either passed on, whole and
// behind its header, or dropped and counted; nothing throws.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { E, L } from '../../src/core/counters.ts';
import { encodeLocal, encodeV2, tlv } from '../../src/net/proxy-protocol.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';
import { eventually, startRelay } from '../../src/testing/udp-scenario.ts';

const seed = Number(process.env.EVENKEEL_SEED ?? 1);

const address = fc.oneof(fc.ipV4(), fc.ipV6());
const header = fc
  .tuple(address, fc.nat(65_535), fc.uint8Array({ maxLength: 20 }))
  .map(([host, port, bytes]) =>
    encodeV2('udp', { source: { host, port }, destination: { host: '192.0.2.1', port: 53 } }, tlv(0xe0, bytes)),
  );
const payload = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes));

const good = fc.tuple(fc.oneof(header, fc.constant(encodeLocal(2))), payload).map((parts) => Buffer.concat(parts));
/** A good one with one byte changed, or cut somewhere. */
const spoilt = fc.tuple(good, fc.nat(), fc.nat(255), fc.boolean()).map(([bytes, at, value, cut]) => {
  const copy = Buffer.from(bytes);
  const place = at % copy.length;
  if (cut) return copy.subarray(0, place);
  copy[place] = value;
  return copy;
});

test('whatever arrives is passed on or counted', async (t) => {
  const server = await UdpPeer.open(t);
  server.onDatagram = () => undefined;
  const relay = await startRelay(t, {
    endpoints: [server],
    listener: { proxyProtocol: '127.0.0.1' },
    flow: { max: 50 },
  });
  const proxy = await relay.client();
  const received = (): number => relay.counters.readListener(0, L.bytesIn);
  const seen = { passed: 0, dropped: 0 };
  await fc.assert(
    fc.asyncProperty(fc.oneof(good, spoilt, payload), async (datagram) => {
      const before = {
        bytes: received(),
        bad: relay.errors('bad-proxy-header'),
        sent: relay.counters.readEndpoint(0, E.datagramsSent),
      };
      proxy.send(Buffer.concat([datagram, Buffer.from('!')]), relay.port);
      await eventually(() => received() > before.bytes, 'it arrived');
      const bad = relay.errors('bad-proxy-header') - before.bad;
      const sent = relay.counters.readEndpoint(0, E.datagramsSent) - before.sent;
      assert.equal(bad + sent, 1);
      seen.passed += sent;
      seen.dropped += bad;
      assert.ok(relay.open() <= 50);
    }),
    { numRuns: 400, seed },
  );
  await eventually(() => server.count === seen.passed, 'all that was passed on arrived');
  assert.ok(seen.passed > 50 && seen.dropped > 50, JSON.stringify(seen));
});
