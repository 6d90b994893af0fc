// Servers that answer checks with anything: every check ends with a verdict, says it in one clean line, and never throws. What
// the servers say is made of their real words, cut, repeated and mixed with random bytes.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { test } from 'node:test';
import fc from 'fast-check';
import type { ProbeConfig, ProbeExpect } from '../../src/config/types.ts';
import { probePort } from '../../src/testing/probe-kit.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';

const seed = Number(process.env.EVENKEEL_SEED ?? 1);
const GREETING = '4a0000000a352e352e352d31302e31312e362d4d61726961444200010000004142434445464748';

const WORDS: readonly Buffer[] = [
  ...['220 mail ready\r\n', '220-', '250 ok\r\n', '+PONG\r\n', '+OK\r\n', '-LOADING\r\n', '$-1\r\n', '\r\n', '\0'].map(
    (word) => Buffer.from(word),
  ),
  ...[
    GREETING,
    'ff',
    '0700000200000002000000',
    '050000feff',
    '52000000080000000a',
    '5200000008000000005a0000000549',
    '45ffffffff',
    '4500000004',
    '16030300',
  ].map((word) => Buffer.from(word, 'hex')),
];

const piece = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...WORDS) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...WORDS), fc.nat(40)).map(([word, end]) => word.subarray(0, end)) },
);
const answers = fc.record({ pieces: fc.array(piece, { maxLength: 8 }), ends: fc.boolean() });

const expect: ProbeExpect = { kind: 'regex', value: '^220 (\\w+ )*ready' };
const KINDS: readonly ProbeConfig[] = [
  { kind: 'tcp', send: { encoding: 'text', value: 'hi' }, expect },
  { kind: 'tcp', send: undefined, expect: { kind: 'exact', value: '+PONG\r\n' } },
  { kind: 'tls', sni: '', alpn: ['h2'], verify: false, ca: '' },
  { kind: 'redis', username: '', password: 'x' },
  { kind: 'mysql', user: '' },
  { kind: 'mysql', user: 'root' },
  { kind: 'postgres', user: 'postgres', database: '' },
  { kind: 'smtp', helo: 'localhost' },
];

const EVIDENCE = /^[\x20-\x7e→…’]+ in [\d.]+ ms$/;

test('no answer by TCP makes a check throw, hang or speak in tongues', async (t) => {
  let script: { readonly pieces: readonly Buffer[]; readonly ends: boolean } = { pieces: [], ends: true };
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    const { pieces, ends } = script;
    for (const one of pieces) socket.write(one);
    // The rest only after the check has said something, if it does.
    socket.on('data', () => pieces.length > 0 && socket.write(pieces[pieces.length - 1]));
    if (ends) socket.end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const passed = new Set<string>();
  await fc.assert(
    fc.asyncProperty(answers, fc.constantFrom(...KINDS), async (next, config) => {
      script = next;
      const { ok, evidence, tookMs } = await probePort(config, port, { timeoutMs: 60 });
      assert.match(evidence, EVIDENCE);
      assert.ok(tookMs < 2000);
      if (ok) passed.add(config.kind);
    }),
    { numRuns: 400, seed },
  );
  assert.ok(passed.size >= 1, `some are right by chance: ${[...passed].join()}`);
});

test('no answer by UDP either', async (t) => {
  let data: Buffer = Buffer.alloc(0);
  const server = await UdpPeer.server(t, () => data);
  await fc.assert(
    fc.asyncProperty(piece, async (next) => {
      data = next;
      const { evidence } = await probePort({ kind: 'udp', send: undefined, expect }, server.port, { timeoutMs: 200 });
      assert.match(evidence, EVIDENCE);
    }),
    { numRuns: 100, seed },
  );
});
