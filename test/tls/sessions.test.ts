// Sessions taken up again: with the worker that began them and with any other, until the key that seals them is replaced.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type ConnectionOptions, connect, type SecureVersion } from 'node:tls';
import { L } from '../../src/core/counters.ts';
import { TlsKeeper } from '../../src/runtime/tls-keeper.ts';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { fakeClock } from '../../src/testing/fake-clock.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { eventually, startProxy } from '../../src/testing/scenario.ts';

const authority = await Authority.make();
const certificate = await authority.issue({ names: ['a.example', 'b.example'] });
const VERSIONS: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3'];
const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';

interface Visit {
  readonly resumed: boolean;
  readonly session: Buffer | undefined;
  readonly text: string;
}

/** One request; `session` is the newest that the server gave. */
function visit(port: number, maxVersion: SecureVersion, options: ConnectionOptions = {}): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      port,
      host: '127.0.0.1',
      servername: 'a.example',
      ca: authority.pem,
      maxVersion,
      ...options,
    });
    let session: Buffer | undefined;
    let text = '';
    socket.on('session', (one: Buffer) => {
      session = one;
    });
    let resumed = false;
    socket.on('secureConnect', () => {
      resumed = socket.isSessionReused();
      socket.write(REQUEST);
    });
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => resolve({ resumed, session, text }));
  });
}

async function backend(t: TestContext): Promise<FakeUpstream> {
  return FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
}

for (const version of VERSIONS) {
  test(`a session is taken up again, ${version}, and counted`, async (t) => {
    const folder = new CertificateFolder(t);
    const proxy = await startProxy(t, {
      endpoints: [await backend(t)],
      listener: { protocol: 'https', tls: { certificates: folder.put('a', certificate) } },
    });
    const first = await visit(proxy.port, version);
    assert.equal(first.resumed, false);
    let { session } = first;
    for (let i = 0; i < 5; i++) {
      const next = await visit(proxy.port, version, { session });
      assert.equal(next.resumed, true);
      assert.match(next.text, /welcome/);
      // TLS 1.3 wants each used once.
      session = next.session ?? session;
    }
    assert.equal(proxy.counters.readListener(0, L.tlsHandshakes), 6);
    assert.equal(proxy.counters.readListener(0, L.tlsResumed), 5);
  });

  test(`a new key ends sessions, ${version}, and nothing else`, async (t) => {
    const folder = new CertificateFolder(t);
    const clock = fakeClock();
    let changes = 0;
    const keeper = new TlsKeeper({ clock, folder: '.', onChange: () => changes++, onProblem: assert.fail });
    const listener = { protocol: 'https', tls: { certificates: folder.put('a', certificate), sessions: '1m' } };
    const proxy = await startProxy(t, { endpoints: [await backend(t)], listener, certificates: keeper });
    keeper.commit();
    const { session } = await visit(proxy.port, version);
    await proxy.reload({ listener });
    assert.equal((await visit(proxy.port, version, { session })).resumed, true, 'a reload by itself keeps them');
    keeper.commit();
    for (let ms = 0; ms < 70_000; ms += 5000) {
      clock.advance(5000);
      await eventually(() => clock.pending === 1, 'looked');
    }
    assert.equal(changes, 1, 'once a minute');
    await proxy.reload({ listener });
    const after = await visit(proxy.port, version, { session });
    assert.equal(after.resumed, false);
    assert.match(after.text, /welcome/);
    assert.equal((await visit(proxy.port, version, { session: after.session })).resumed, true);
    keeper.close();
  });
}

test('a session is taken up by any worker, in either version', async (t) => {
  const folder = new CertificateFolder(t);
  const upstream = await backend(t);
  const [port] = await freePorts(1);
  const balancer = await BalancerProcess.start({
    workers: 2,
    listeners: {
      web: {
        bind: `127.0.0.1:${port}`,
        protocol: 'https',
        tls: { certificates: folder.put('a', certificate) },
        pool: 'b',
      },
    },
    pools: { b: { endpoints: [`127.0.0.1:${upstream.port}`] } },
  });
  try {
    for (const version of VERSIONS) {
      const { session } = await visit(port, version);
      // The kernel spreads connections by their ports: with so many of them each worker has some.
      const visits = await Promise.all(Array.from({ length: 24 }, () => visit(port, version, { session })));
      assert.deepEqual(
        visits.map(({ resumed }) => resumed),
        visits.map(() => true),
        version,
      );
      assert.ok(visits.every(({ text }) => text.includes('welcome')));
    }
  } finally {
    await balancer.stop();
  }
});
