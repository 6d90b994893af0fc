// Bytes at random, in any chunking, both ways, through every way a connection can take: they arrive as they were.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeV1, encodeV2, type ProxyHeader, parseProxyHeader } from '../../src/net/proxy-protocol.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const ENDS = { source: { host: '192.0.2.7', port: 4711 }, destination: { host: '198.51.100.1', port: 443 } };
const LOOPBACK = '127.0.0.0/8';
const TLS_RECORD = 22;

interface Way {
  readonly listener?: Readonly<Record<string, unknown>>;
  readonly pool?: Readonly<Record<string, unknown>>;
  /** Sent in front of everything. */
  readonly before?: Buffer;
  /** The server gets a PROXY header first. */
  readonly headed?: boolean;
}

const WAYS: Readonly<Record<string, Way>> = {
  plain: {},
  'PROXY v1 in': { listener: { proxyProtocol: LOOPBACK }, before: encodeV1(ENDS) },
  'PROXY v2 in': { listener: { proxyProtocol: LOOPBACK }, before: encodeV2('tcp', ENDS) },
  'PROXY v1 out': { pool: { proxyProtocol: 'v1' }, headed: true },
  'PROXY v2 in and out': {
    listener: { proxyProtocol: LOOPBACK },
    pool: { proxyProtocol: 'v2' },
    before: encodeV2('tcp', ENDS),
    headed: true,
  },
  'a look for a ClientHello that is none': { listener: { routes: [{ sni: 'a.example', pool: 'b' }], pool: 'b' } },
};

const LARGEST = 64 * 1024;
const content = fc.uint8Array({ maxLength: LARGEST, size: 'max' });
const cuts = fc.array(fc.integer({ min: 1, max: 20_000 }), { maxLength: 12 });

function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const out: Buffer[] = [];
  let at = 0;
  for (const size of sizes) {
    if (at >= bytes.length) break;
    out.push(bytes.subarray(at, at + size));
    at += size;
  }
  if (at < bytes.length) out.push(bytes.subarray(at));
  return out;
}

for (const [name, way] of Object.entries(WAYS)) {
  for (const adopt of [true, false]) {
    test(`${name} (${adopt ? 'adopted' : 'portable'})`, async (t) => {
      const backend = await TcpBackend.start(t);
      const listener = { protocol: 'tcp', ...way.listener };
      const proxy = await startProxy(t, { endpoints: [backend.port], listener, pool: way.pool ?? {}, adopt });
      let n = 0;
      await fc.assert(
        fc.asyncProperty(content, content, cuts, cuts, async (given, down, upSizes, downSizes) => {
          // Without a byte there is nothing to look at; and what looks like the beginning of TLS is another test's subject.
          const up = given.length === 0 || given[0] === TLS_RECORD ? Uint8Array.of(0, ...given) : given;
          const client = await proxy.connect();
          const all = Buffer.concat([way.before ?? Buffer.alloc(0), up]);
          const sent = client.writePieces(pieces(all, upSizes)).then(() => client.end());
          const server = await backend.connection(n++);
          await server.writePieces(pieces(Buffer.from(down), downSizes));
          server.end();
          await sent;
          assert.equal(await server.untilEnded(), 'end');
          assert.equal(await client.untilEnded(), 'end');
          const skip = way.headed ? (parseProxyHeader(server.all, 0, server.all.length) as ProxyHeader).length : 0;
          assert.ok(server.all.subarray(skip).equals(up), 'up');
          assert.ok(client.all.equals(down), 'down');
        }),
        { numRuns: 12, seed: Number(process.env.EVENKEEL_SEED ?? 7) },
      );
    });
  }
}
