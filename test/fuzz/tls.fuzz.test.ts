// Mutated ClientHellos against a TLS listener: thousands of connections, and nothing crashes, nothing leaks, and whoever
// comes afterwards is served. EVENKEEL_SEED repeats a run.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { L } from '../../src/core/counters.ts';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { realHello } from '../../src/testing/client-hello.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { eventually, type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';

const SEED = Number(process.env.EVENKEEL_SEED ?? 20_261_123);
const CONNECTIONS = 4000;
const AT_ONCE = 50;

for (const adopt of [true, false]) {
  test(`${CONNECTIONS} mutated hellos do no harm (${adopt ? 'inner handles' : 'sockets'})`, async (t) => {
    const authority = await Authority.make();
    const folder = new CertificateFolder(t);
    const upstream = await FakeUpstream.start(
      t,
      answering(() => reply('welcome')),
    );
    const clients = { verify: 'optional', ca: folder.text('ca.pem', authority.pem) };
    const certificates = [
      folder.put('a', await authority.issue({ names: ['a.example'] })),
      folder.put('b', await authority.issue({ names: ['*.b.example'] })),
    ];
    const proxy = await startProxy(t, {
      endpoints: [upstream],
      adopt,
      listener: { protocol: 'https', tls: { certificates, clients, handshakeTimeout: '300ms' } },
    });
    const hellos = await Promise.all([
      realHello('a.example', ['h2', 'http/1.1']),
      realHello('x.b.example', ['http/1.1']),
      realHello('nobody.example', ['gopher']),
    ]);
    const random = seededRandom(SEED);
    const below = (n: number): number => random.u32() % n;
    const mutated = (): Buffer[] => {
      const bytes = Buffer.from(hellos[below(hellos.length)]);
      for (let i = below(6); i > 0; i--) {
        const at = random.u32() % 3 === 0 ? below(12) : below(bytes.length);
        bytes[at] = below(4) === 0 ? 255 : below(256);
      }
      const cut = below(3) === 0 ? bytes.subarray(0, below(bytes.length)) : bytes;
      const tail = below(4) === 0 ? Buffer.from(Array.from({ length: below(400) }, () => below(256))) : Buffer.alloc(0);
      const all = Buffer.concat([cut, tail]);
      const at = below(all.length + 1);
      return [all.subarray(0, at), all.subarray(at)];
    };
    let left = CONNECTIONS;
    const run = async (): Promise<void> => {
      while (left-- > 0) await abuse(proxy.port, mutated(), below(3) === 0);
    };
    await inParallel(AT_ONCE, run);
    await served(proxy, authority.pem);
    await eventually(() => proxy.counters.readListener(0, L.open) === 0, 'nothing is open');
    assert.equal(proxy.counters.readListener(0, L.accepted), CONNECTIONS + 1);
    const refused = (['tls-failed', 'tls-timeout', 'tls-plain-http', 'client-gone', 'tls-no-certificate'] as const).map(
      (code) => proxy.counters.readError(0, code),
    );
    const whole = proxy.counters.readListener(0, L.tlsHandshakes);
    const all = refused.reduce((sum, count) => sum + count, whole);
    assert.equal(all, CONNECTIONS + 1, `each is counted once: ${refused.join(' ')} ${whole}`);
  });
}

async function inParallel(times: number, work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: times }, work));
}

/** Sends the parts and leaves in one of two ways, if it is not sent away before. */
async function abuse(port: number, parts: readonly Buffer[], resets: boolean): Promise<void> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  socket.once('connect', () => {
    socket.write(parts[0]);
    setImmediate(() => {
      if (!socket.destroyed) socket.write(parts[1]);
    });
  });
  await Promise.race([closed, wait(20)]);
  if (resets) socket.resetAndDestroy();
  else socket.end();
  await Promise.race([closed, wait(500)]);
  socket.destroy();
}

async function served(proxy: Running, ca: string): Promise<void> {
  const socket = connectTls({ port: proxy.port, host: '127.0.0.1', servername: 'a.example', ca });
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  socket.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
  await new Promise((resolve, reject) => {
    socket.once('close', resolve);
    socket.once('error', reject);
  });
  assert.match(text, /welcome/);
}
