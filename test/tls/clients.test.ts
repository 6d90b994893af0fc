// Certificates of clients: asked for or required, believed only from the authority that is named, and not once taken back.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ErrorCode } from '../../src/core/error.ts';
import { Authority, CertificateFolder, type Issued } from '../../src/testing/certificates.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { curl, sClient } from '../../src/testing/openssl.ts';
import { needs } from '../../src/testing/programs.ts';
import { eventually, type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';

const skip = needs('openssl', 'curl');
const authority = await Authority.make();
const clients = await Authority.make('CN=Clients');
const strangers = await Authority.make('CN=Strangers');
const server = await authority.issue({ names: ['a.example'] });
const alice = await clients.issue({ subject: 'CN=alice,O=Test\\, Inc.' });
const bob = await clients.issue({ subject: 'CN=bob' });
const mallory = await strangers.issue({ subject: 'CN=alice,O=Test\\, Inc.' });
const late = await clients.issue({ subject: 'CN=late', notAfter: new Date(Date.now() - 1000) });
const errorsOf = (proxy: Running, code: ErrorCode) => proxy.counters.readError(0, code);

type Json = Readonly<Record<string, unknown>>;

interface World {
  readonly proxy: Running;
  readonly folder: CertificateFolder;
  /** Asks as this client; '' when nothing came back. */
  as(client?: Issued, ...args: string[]): Promise<string>;
}

async function start(t: TestContext, settings: Json, listener: Json = {}): Promise<World> {
  const folder = new CertificateFolder(t);
  folder.text('ca.pem', authority.pem);
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
  const certificates = folder.put('server', server);
  const all = { ca: folder.text('clients.pem', clients.pem), ...settings };
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { protocol: 'https', tls: { certificates, clients: all }, ...listener },
  });
  return {
    proxy,
    folder,
    async as(client, ...args) {
      const url = `https://a.example:${proxy.port}/`;
      const own = client === undefined ? undefined : folder.put('client', client);
      const identity = own === undefined ? [] : ['--cert', own.cert, '--key', own.key];
      const resolve = ['--resolve', `a.example:${proxy.port}:127.0.0.1`];
      const said = await curl('-s', '--cacert', `${folder.path}/ca.pem`, ...resolve, ...identity, ...args, url);
      return said.code === 0 ? said.output : '';
    },
  };
}

for (const version of ['1.2', '1.3']) {
  const args = ['--tls-max', version];
  test(`required, TLS ${version}: only who shows one of ours that is valid gets in`, { skip }, async (t) => {
    const world = await start(t, { verify: 'required' });
    assert.equal(await world.as(alice, ...args), 'welcome');
    assert.equal(await world.as(undefined, ...args), '', 'none');
    assert.equal(await world.as(mallory, ...args), '', 'of another authority');
    assert.equal(await world.as(late, ...args), '', 'expired');
    assert.equal(errorsOf(world.proxy, 'tls-client-certificate'), 3);
    assert.equal(await world.as(bob, ...args), 'welcome');
  });

  test(`optional, TLS ${version}: who shows none gets in as nobody, who shows a wrong one does not`, {
    skip,
  }, async (t) => {
    const world = await start(t, { verify: 'optional' });
    assert.equal(await world.as(undefined, ...args), 'welcome');
    assert.equal(await world.as(alice, ...args), 'welcome');
    assert.equal(await world.as(mallory, ...args), '');
    assert.equal(errorsOf(world.proxy, 'tls-client-certificate'), 1);
  });

  test(`a certificate on the revocation list is refused, TLS ${version}`, { skip }, async (t) => {
    const folder = new CertificateFolder(t);
    const crl = folder.text('list.crl', await clients.revocations(bob));
    const world = await start(t, { crl });
    assert.equal(await world.as(alice, ...args), 'welcome');
    assert.equal(await world.as(bob, ...args), '');
    assert.equal(errorsOf(world.proxy, 'tls-client-certificate'), 1);
  });
}

test('the server says whose certificates it takes, and asks nobody where clients are not verified', {
  skip,
}, async (t) => {
  const world = await start(t, {});
  assert.match((await sClient(world.proxy.port, [])).output, /Acceptable client certificate CA names\nCN = Clients/);
  await world.proxy.reload({ listener: { protocol: 'https', tls: { certificates: world.folder.put('s', server) } } });
  assert.match((await sClient(world.proxy.port, [])).output, /No client certificate CA names sent/);
});

for (const version of ['-tls1_2', '-tls1_3']) {
  test(`a session is not a way around the list, ${version}: it ends with a new one`, { skip }, async (t) => {
    const folder = new CertificateFolder(t);
    const tls = (crl: string): Json => ({
      protocol: 'https',
      http2: false,
      tls: {
        certificates: folder.put('server', server),
        clients: { ca: folder.text('clients.pem', clients.pem), crl },
      },
    });
    const first = folder.text('1.crl', await clients.revocations());
    const upstream = await FakeUpstream.start(
      t,
      answering(() => reply('welcome')),
    );
    const proxy = await startProxy(t, { endpoints: [upstream], listener: tls(first) });
    const own = folder.put('bob', bob);
    const kept = `${folder.path}/session`;
    const ask = async (...args: string[]) =>
      (
        await sClient(
          proxy.port,
          [version, '-cert', own.cert, '-key', own.key, ...args],
          'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n',
        )
      ).output;
    assert.match(await ask('-sess_out', kept), /welcome/);
    const again = await ask('-sess_in', kept);
    assert.match(again, /^Reused, /m);
    assert.match(again, /welcome/);
    await proxy.reload({ listener: tls(folder.text('2.crl', await clients.revocations(bob))) });
    const after = await ask('-sess_in', kept);
    assert.doesNotMatch(after, /welcome/);
    await eventually(() => errorsOf(proxy, 'tls-client-certificate') === 1, 'counted');
  });
}

test('a session of a listener that asks for no certificate is none for one that does', { skip }, async (t) => {
  const folder = new CertificateFolder(t);
  const certificates = folder.put('server', server);
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
  const open = { protocol: 'https', http2: false, tls: { certificates } };
  const proxy = await startProxy(t, { endpoints: [upstream], listener: open });
  const request = 'GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n';
  const kept = `${folder.path}/session`;
  assert.match((await sClient(proxy.port, ['-sess_out', kept], request)).output, /welcome/);
  assert.match((await sClient(proxy.port, ['-sess_in', kept], request)).output, /^Reused, /m);
  const ca = folder.text('clients.pem', clients.pem);
  await proxy.reload({ listener: { ...open, tls: { certificates, clients: { ca } } } });
  const after = (await sClient(proxy.port, ['-sess_in', kept], request)).output;
  assert.doesNotMatch(after, /welcome|^Reused, /m);
});
