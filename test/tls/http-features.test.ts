// What HTTP gains by TLS: browsers told to come by HTTPS only, plain requests sent there, and upstreams and routes that know
// whose certificate a client showed.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Authority, CertificateFolder, type Issued } from '../../src/testing/certificates.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { valuesOf } from '../../src/testing/http-message.ts';
import { curl } from '../../src/testing/openssl.ts';
import { needs } from '../../src/testing/programs.ts';
import { request } from '../../src/testing/raw-client.ts';
import { type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';

const skip = needs('curl');
const authority = await Authority.make();
const clients = await Authority.make('CN=Clients');
const server = await authority.issue({ names: ['a.example'] });
const alice = await clients.issue({ subject: 'C=DE,O=Test\\, Inc.,CN=alice' });
const umlaut = await clients.issue({ subject: 'CN=J\u00fcrgen \u010a x' });
const VERSIONS = ['--http1.1', '--http2'];
const STS = 'strict-transport-security';

type Json = Readonly<Record<string, unknown>>;

interface World {
  readonly proxy: Running;
  readonly upstream: FakeUpstream;
  /** Status line and fields, in lower case. */
  head(...args: string[]): Promise<string>;
  as(client: Issued, ...args: string[]): Promise<string>;
}

async function start(t: TestContext, listener: Json, answer = () => reply('welcome'), tls: Json = {}): Promise<World> {
  const folder = new CertificateFolder(t);
  folder.text('ca.pem', authority.pem);
  const upstream = await FakeUpstream.start(t, answering(answer));
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: {
      protocol: 'https',
      tls: { certificates: folder.put('server', server), ...tls },
      ...listener,
    },
  });
  const head = async (...args: string[]): Promise<string> => {
    const url = `https://a.example:${proxy.port}/`;
    const resolve = ['--resolve', `a.example:${proxy.port}:127.0.0.1`, '--cacert', `${folder.path}/ca.pem`];
    return (await curl('-o', '/dev/null', '-D', '-', ...resolve, ...args, url)).output.toLowerCase();
  };
  return {
    proxy,
    upstream,
    head,
    as: (client, ...args) => {
      const { cert, key } = folder.put('client', client);
      return head('--cert', cert, '--key', key, ...args);
    },
  };
}

for (const version of VERSIONS) {
  test(`hsts is in every answer, ${version}, and the upstream's own stands before ours`, { skip }, async (t) => {
    const world = await start(t, { hsts: { maxAge: '1h', includeSubDomains: true } });
    const expected = `${STS}: max-age=3600; includesubdomains\r\n`;
    assert.ok((await world.head(version)).includes(expected));
    world.upstream.script = answering(() => undefined);
    world.upstream.close();
    const failed = await world.head(version);
    assert.match(failed, /^http\/[\d.]+ 50[23]/);
    assert.ok(failed.includes(expected), 'our own answers too');
    const own = await start(t, { hsts: true }, () => reply('', 'Strict-Transport-Security: max-age=1\r\n'));
    const [, ...values] = (await own.head(version)).split(`${STS}: `);
    assert.deepEqual(
      values.map((text) => text.split('\r\n')[0]),
      ['max-age=1'],
    );
    const off = await start(t, {});
    assert.ok(!(await off.head(version)).includes(STS));
  });
}

test('a head that is no request is answered with it as well', { skip }, async (t) => {
  const world = await start(t, { hsts: '365d', limits: { head: '1k' } });
  const answer = await world.head('--http1.1', '-H', `X: ${'x'.repeat(4000)}`);
  assert.match(answer, /^http\/1\.1 431/);
  assert.ok(answer.includes(`${STS}: max-age=31536000\r\n`));
});

test('plain requests are sent to HTTPS: method kept, host checked, nothing reflected as it came', async (t) => {
  const proxy = await startProxy(t, { endpoints: [1], listener: { redirectToHttps: 8443, pool: undefined } });
  const ask = async (start: string, fields: Record<string, string> = {}, body = '') => {
    const client = await proxy.connect();
    client.write(request(start, fields, body));
    const answer = await client.response();
    return [answer.start, valuesOf(answer, 'location')[0]];
  };
  const moved = 'HTTP/1.1 308 Permanent Redirect';
  assert.deepEqual(await ask('GET /x?y=1', { Host: 'A.example:8080' }), [moved, 'https://a.example:8443/x?y=1']);
  assert.deepEqual(await ask('POST /p', { Host: 'a.example' }, 'body'), [moved, 'https://a.example:8443/p']);
  assert.deepEqual(await ask('GET http://b.example/z'), [moved, 'https://b.example:8443/z']);
  assert.deepEqual(await ask('GET /%0d%0aX:y?"<script>'), [
    moved,
    'https://test.example:8443/%0d%0aX:y?%22%3Cscript%3E',
  ]);
  const [status, location] = await ask('GET /', { Host: 'a_b..c' });
  assert.match(status, / 400 /);
  assert.equal(location, undefined);
  const old = await proxy.connect();
  old.write('GET / HTTP/1.0\r\n\r\n');
  assert.match((await old.response()).start, / 400 /, 'without a host there is no telling where');
  const temporary = await startProxy(t, {
    endpoints: [1],
    listener: { redirectToHttps: { status: 302 }, pool: undefined },
  });
  const client = await temporary.connect();
  client.write(request('GET /a'));
  const answer = await client.response();
  assert.equal(answer.start, 'HTTP/1.1 302 Found');
  assert.deepEqual(valuesOf(answer, 'location'), ['https://test.example/a']);
});

test('a certificate authority that looks for a proof is answered before anybody is sent elsewhere', async (t) => {
  const proxy = await startProxy(t, { endpoints: [1], listener: { redirectToHttps: true, pool: undefined } });
  proxy.plane.learn({ challenges: [{ type: 'http-01', token: 'abc', answer: 'abc.proof' }] });
  const status = async (path: string) => {
    const client = await proxy.connect();
    client.write(request(`GET ${path}`));
    return (await client.response()).start;
  };
  assert.equal(await status('/.well-known/acme-challenge/abc'), 'HTTP/1.1 200 OK');
  assert.equal(await status('/.well-known/acme-challenge/other'), 'HTTP/1.1 308 Permanent Redirect');
});

const VERIFIED = (t: TestContext): Json => {
  const folder = new CertificateFolder(t);
  return { clients: { verify: 'optional', ca: folder.text('clients.pem', clients.pem) } };
};

for (const version of VERSIONS) {
  test(`upstreams learn whose certificate it was, ${version}, in one line each that nobody else can write`, {
    skip,
  }, async (t) => {
    const world = await start(t, {}, undefined, VERIFIED(t));
    const forged = ['-H', 'X-Client-Cert-Subject: CN=root', '-H', 'X_Client_Cert_Fingerprint: 00'];
    const seen = (name: string) => valuesOf(world.upstream.requests.at(-1)!, name);
    await world.as(alice, version, ...forged);
    assert.deepEqual(seen('x-client-cert-subject'), ['CN=alice,O=Test\\, Inc.,C=DE']);
    assert.deepEqual(seen('x-client-cert-fingerprint'), [alice.id]);
    assert.deepEqual(seen('x_client_cert_fingerprint'), []);
    await world.head(version, ...forged);
    assert.deepEqual(seen('x-client-cert-subject'), [], 'who showed none has none');
    assert.deepEqual(seen('x-client-cert-fingerprint'), []);
    await world.as(umlaut, version);
    assert.deepEqual(seen('x-client-cert-subject'), ['CN=J\\C3\\BCrgen \\C4\\8A x']);
  });
}

test("what a trusted proxy says of its client is kept, and its own certificate is not taken for the client's", {
  skip,
}, async (t) => {
  const folder = new CertificateFolder(t);
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
  const tls = { certificates: folder.put('server', server), ...VERIFIED(t) };
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    config: { trustedProxies: ['127.0.0.0/8'] },
    listener: { protocol: 'https', tls },
  });
  const { cert, key } = folder.put('client', alice);
  const args = ['-k', '--cert', cert, '--key', key];
  await curl(...args, '-H', 'X-Client-Cert-Subject: CN=bob', `https://127.0.0.1:${proxy.port}/`);
  assert.deepEqual(valuesOf(upstream.requests[0], 'x-client-cert-subject'), ['CN=bob']);
  assert.deepEqual(valuesOf(upstream.requests[0], 'x-client-cert-fingerprint'), []);
  await curl(...args, `https://127.0.0.1:${proxy.port}/`);
  assert.deepEqual(valuesOf(upstream.requests[1], 'x-client-cert-fingerprint'), [alice.id]);
});

test('routes by certificate: subject, fingerprint, or whether there is one', { skip }, async (t) => {
  const colons = alice.id.toUpperCase().replace(/../g, '$&:').slice(0, -1);
  const route = (name: string, clientCertificate: unknown, path?: string) => ({
    name,
    clientCertificate,
    path,
    pool: 'b',
  });
  const routes = [
    route('pinned', { fingerprint: colons, subject: 'CN=alice*' }),
    route('alice', { subject: 'CN=alice*' }),
    route('bob', { subject: '~^CN=bob$' }),
    route('somebody', true),
    route('nobody', false),
  ];
  const world = await start(t, { pool: undefined, routes }, undefined, VERIFIED(t));
  const bob = await clients.issue({ subject: 'CN=bob' });
  await world.as(bob);
  await world.as(umlaut);
  await world.as(alice);
  await world.head();
  assert.deepEqual(
    world.proxy.log.map(({ route: name }) => name),
    ['bob', 'somebody', 'pinned', 'nobody'],
  );
});
