// Certificate files as an operator handles them, with the real process: wrong ones at the start, new ones while it runs.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, type TLSSocket } from 'node:tls';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { RawSocket } from '../../src/testing/raw-socket.ts';

const authority = await Authority.make();
const REQUEST = 'GET / HTTP/1.1\r\nHost: a.example\r\n\r\n';

function document(port: number, admin: number, upstream: number, certificates: unknown): object {
  return {
    workers: 2,
    admin: { bind: `127.0.0.1:${admin}` },
    listeners: {
      web: { bind: `127.0.0.1:${port}`, protocol: 'https', http2: false, tls: { certificates }, pool: 'b' },
    },
    pools: { b: { endpoints: [`127.0.0.1:${upstream}`] } },
  };
}

async function open(port: number): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'a.example', ca: authority.pem });
  await new Promise((resolve, reject) => {
    socket.once('secureConnect', resolve);
    socket.once('error', reject);
  });
  return socket;
}

test('files that cannot be used at the start: the path is named, and the exit code is 1', async (t) => {
  const folder = new CertificateFolder(t);
  const { key } = folder.put('a', await authority.issue({ names: ['a.example'] }));
  const cert = join(folder.path, 'missing.pem');
  const balancer = BalancerProcess.spawn(document(0, 0, 1, { cert, key }));
  const { code } = await balancer.exited;
  assert.equal(code, 1);
  assert.match(balancer.output, /listeners\.web\.tls\.certificates/);
  assert.ok(balancer.output.includes(`there is no file ${cert}`), balancer.output);
  await balancer.stop();
});

test('files replaced while it runs: new connections get the new certificate, open ones go on; broken ones change nothing but what is told', async (t) => {
  const folder = new CertificateFolder(t);
  const names = ['a.example'];
  const paths = folder.put('a', await authority.issue({ names }));
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
  const [port, admin] = await freePorts(2);
  const balancer = await BalancerProcess.start(document(port, admin, upstream.port, paths), { adminPort: admin });
  try {
    const socket = await open(port);
    const before = socket.getPeerCertificate().fingerprint256;
    const client = new RawSocket(socket);
    client.write(REQUEST);
    await client.untilText('welcome');
    client.take(client.bytes.length);
    const from = balancer.output.length;
    folder.put('a', await authority.issue({ names }));
    await balancer.said(/new data are in use/, { from });
    const fresh = await open(port);
    const after = fresh.getPeerCertificate().fingerprint256;
    fresh.destroy();
    assert.notEqual(after, before);
    client.write(REQUEST);
    await client.untilText('welcome');
    folder.text('a.pem', '-----BEGIN CERTIFICATE-----\nhalf');
    await balancer.said(
      /tls: cannot be used: .*a\.pem holds no whole PEM certificate; the last good one stays in use/,
      {
        from,
      },
    );
    const kept = await open(port);
    assert.equal(kept.getPeerCertificate().fingerprint256, after);
    kept.destroy();
    const metrics = await (await fetch(`http://127.0.0.1:${admin}/metrics`)).text();
    assert.match(metrics, /^evenkeel_tls_unusable_files 1$/m);
    socket.destroy();
  } finally {
    await balancer.stop();
  }
});

test('a reload looks at the files at once, though no setting has changed', async (t) => {
  const folder = new CertificateFolder(t);
  const names = ['a.example'];
  const paths = folder.put('a', await authority.issue({ names }));
  const [port, admin] = await freePorts(2);
  const balancer = await BalancerProcess.start(document(port, admin, 1, paths), { adminPort: admin });
  try {
    const socket = await open(port);
    const before = socket.getPeerCertificate().fingerprint256;
    socket.destroy();
    folder.put('a', await authority.issue({ names }));
    const from = balancer.output.length;
    const began = performance.now();
    balancer.child.kill('SIGHUP');
    await balancer.said(/reload/, { from });
    const fresh = await open(port);
    assert.ok(performance.now() - began < 3000);
    assert.notEqual(fresh.getPeerCertificate().fingerprint256, before);
    fresh.destroy();
  } finally {
    await balancer.stop();
  }
});
