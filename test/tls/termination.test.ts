// TLS that ends here, as real clients (OpenSSL, curl) see it: which certificate, which version, what is refused, and how.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';
import { L } from '../../src/core/counters.ts';
import type { ErrorCode } from '../../src/core/error.ts';
import { encodeV2 } from '../../src/net/proxy-protocol.ts';
import type { ConnectionRecord } from '../../src/tcp/context.ts';
import { Authority, CertificateFolder, type IssueOptions } from '../../src/testing/certificates.ts';
import { realHello } from '../../src/testing/client-hello.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { valuesOf } from '../../src/testing/http-message.ts';
import { curl, type Said, sClient } from '../../src/testing/openssl.ts';
import { needs } from '../../src/testing/programs.ts';
import { RawSocket } from '../../src/testing/raw-socket.ts';
import { eventually, type Proxy as Running, startProxy } from '../../src/testing/scenario.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const skip = needs('openssl', 'curl');
const authority = await Authority.make();
const errorsOf = (proxy: Running, code: ErrorCode) => proxy.counters.readError(0, code);
const handshakes = (proxy: Running) => proxy.counters.readListener(0, L.tlsHandshakes);

type Json = Readonly<Record<string, unknown>>;

/** An HTTPS listener with one certificate for each set of names; a folder has the files. */
async function start(
  t: TestContext,
  names: readonly (IssueOptions | readonly string[])[],
  tls: Json = {},
  listener: Json = {},
): Promise<{ proxy: Running; folder: CertificateFolder; ca: string }> {
  const folder = new CertificateFolder(t);
  const certificates = [];
  for (const [i, one] of names.entries()) {
    const options = 'length' in one ? { names: one } : one;
    certificates.push(folder.put(`c${i}`, await authority.issue(options)));
  }
  const upstream = await FakeUpstream.start(
    t,
    answering((message) => reply(`hello ${valuesOf(message, 'host')[0]}`)),
  );
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { protocol: 'https', tls: { certificates, ...tls }, ...listener },
  });
  return { proxy, folder, ca: folder.text('ca.crt', authority.pem) };
}

function subjectOf({ output }: Said): string {
  return /^subject=(?:CN = )?(.*)$/m.exec(output)?.[1] ?? `none: ${output}`;
}

function protocolOf({ output }: Said): string {
  return /^(?:New|Reused), (TLSv[\d.]+)/m.exec(output)?.[1] ?? 'none';
}

test('the certificate follows the name that is asked for: exact, one label of a wildcard, or the first', {
  skip,
}, async (t) => {
  const { proxy, ca } = await start(t, [
    ['first.example'],
    ['www.example.com', 'Other.Example.com'],
    ['*.example.com'],
    ['deep.a.example.org', '*.a.example.org'],
  ]);
  const asked = async (name: string) =>
    subjectOf(await sClient(proxy.port, name === '' ? ['-noservername'] : ['-servername', name]));
  assert.equal(await asked(''), 'first.example');
  assert.equal(await asked('www.example.com'), 'www.example.com');
  assert.equal(await asked('WWW.Example.COM'), 'www.example.com');
  assert.equal(await asked('other.example.com'), 'www.example.com');
  assert.equal(await asked('any.example.com'), '*.example.com');
  assert.equal(await asked('two.labels.example.com'), 'first.example', 'a wildcard stands for one label');
  assert.equal(await asked('example.com'), 'first.example', 'and not for none');
  assert.equal(await asked('x.a.example.org'), 'deep.a.example.org');
  assert.equal(await asked('nobody.example'), 'first.example');
  const { output, code } = await curl(
    '--cacert',
    ca,
    '--resolve',
    `any.example.com:${proxy.port}:127.0.0.1`,
    `https://any.example.com:${proxy.port}/`,
  );
  assert.equal(code, 0, output);
  assert.equal(output, `hello any.example.com:${proxy.port}`);
  assert.equal(handshakes(proxy), 10);
});

test('with unknownNames: refuse a stranger is turned away, counted, and others are not', { skip }, async (t) => {
  const { proxy } = await start(t, [['a.example']], { unknownNames: 'refuse' });
  const refused = await sClient(proxy.port, ['-servername', 'b.example']);
  assert.match(refused.output, /tlsv1 unrecognized name/);
  await eventually(() => errorsOf(proxy, 'tls-no-certificate') === 1, 'counted');
  assert.equal(subjectOf(await sClient(proxy.port, ['-servername', 'a.example'])), 'a.example');
  assert.equal(subjectOf(await sClient(proxy.port, ['-noservername'])), 'a.example', 'who names nobody is no stranger');
});

test('an ECDSA and an RSA certificate stand side by side for one name', { skip }, async (t) => {
  const { proxy } = await start(t, [['z.example'], ['a.example'], { names: ['a.example'], keyType: 'rsa' }]);
  const type = async (...args: string[]) =>
    /^Peer signature type: (.*)$/m.exec((await sClient(proxy.port, ['-servername', 'a.example', ...args])).output)?.[1];
  assert.equal(await type('-sigalgs', 'ecdsa_secp256r1_sha256'), 'ECDSA');
  assert.equal(await type('-sigalgs', 'rsa_pss_rsae_sha256'), 'RSA-PSS');
  assert.equal(await type(), 'ECDSA');
  assert.equal(await type('-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256'), 'RSA-PSS');
  assert.equal(await type('-tls1_2', '-cipher', 'ECDHE-ECDSA-AES128-GCM-SHA256'), 'ECDSA');
});

test('TLS 1.2 and 1.3 are spoken, 1.1 is not, and the profile modern speaks 1.3 only', { skip }, async (t) => {
  const { proxy } = await start(t, [['a.example']]);
  assert.equal(protocolOf(await sClient(proxy.port, [])), 'TLSv1.3');
  assert.equal(protocolOf(await sClient(proxy.port, ['-tls1_2'])), 'TLSv1.2');
  const old = await sClient(proxy.port, ['-tls1_1', '-cipher', 'ALL:@SECLEVEL=0']);
  assert.match(old.output, /alert protocol version/);
  const weak = await sClient(proxy.port, ['-tls1_2', '-cipher', 'AES128-SHA:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0']);
  assert.match(weak.output, /handshake failure/);
  await eventually(() => errorsOf(proxy, 'tls-failed') === 2, 'counted');
  const modern = await start(t, [['a.example']], { profile: 'modern' });
  assert.equal(protocolOf(await sClient(modern.proxy.port, [])), 'TLSv1.3');
  assert.match((await sClient(modern.proxy.port, ['-tls1_2'])).output, /alert protocol version/);
});

test('clients agree on h2 before http/1.1, get what they ask for, and nothing where they ask for nothing', {
  skip,
}, async (t) => {
  const { proxy, ca } = await start(t, [['a.example']]);
  const alpn = async (port: number, list: string) =>
    /^(?:ALPN protocol: (.*)|No ALPN negotiated)$/m.exec(
      (await sClient(port, list === '' ? [] : ['-alpn', list])).output,
    )?.[1];
  assert.equal(await alpn(proxy.port, 'http/1.1,h2'), 'h2');
  assert.equal(await alpn(proxy.port, 'http/1.1'), 'http/1.1');
  assert.equal(await alpn(proxy.port, ''), undefined);
  const alien = await sClient(proxy.port, ['-alpn', 'gopher']);
  assert.match(alien.output, /no application protocol/);
  const url = `https://a.example:${proxy.port}/`;
  const args = ['--cacert', ca, '--resolve', `a.example:${proxy.port}:127.0.0.1`, '-w', ' %{http_version}', url];
  assert.equal((await curl(...args)).output, `hello a.example:${proxy.port} 2`);
  assert.equal((await curl('--http1.1', ...args)).output, `hello a.example:${proxy.port} 1.1`);
  const one = await start(t, [['a.example']], {}, { http2: false });
  assert.equal(await alpn(one.proxy.port, 'h2,http/1.1'), 'http/1.1');
});

test('plain HTTP on the port of TLS is told so, cut off and counted', { skip }, async (t) => {
  const { proxy } = await start(t, [['a.example']]);
  const client = await proxy.connect();
  client.write('GET / HTTP/1.1\r\nHost: a.example\r\n\r\n');
  const ending = await client.untilEnded();
  assert.equal(ending, 'end');
  assert.match(client.text, /^HTTP\/1\.1 400 Bad Request\r\n/);
  assert.match(client.text, /This port speaks TLS/);
  assert.equal(errorsOf(proxy, 'tls-plain-http'), 1);
  client.end();
  assert.equal(handshakes(proxy), 0);
});

test('a handshake that drips in is cut at its deadline, however lively it is', async (t) => {
  const { proxy } = await start(t, [['a.example']], { handshakeTimeout: '250ms' });
  const hello = await realHello('a.example', ['http/1.1']);
  const client = await proxy.connect();
  const began = performance.now();
  for (const byte of hello) {
    if (client.ending !== 'open') break;
    client.write(Uint8Array.of(byte));
    await wait(10);
  }
  await client.untilEnded();
  const took = performance.now() - began;
  assert.ok(took > 200 && took < 900, `${took} ms`);
  assert.equal(errorsOf(proxy, 'tls-timeout'), 1);
  const silent = await proxy.connect();
  await silent.untilEnded();
  assert.equal(errorsOf(proxy, 'tls-timeout'), 2);
});

test('no more handshakes begin within a second than may', async (t) => {
  const { proxy } = await start(t, [['a.example']], { handshakeRate: 5 });
  const outcomes: boolean[] = [];
  for (let i = 0; i < 12; i++) outcomes.push(await shakesHands(proxy.port));
  assert.ok(outcomes.slice(0, 5).every(Boolean));
  const refused = outcomes.filter((done) => !done).length;
  assert.ok(refused >= 5, `${refused}`);
  assert.equal(errorsOf(proxy, 'tls-rate-limited'), refused);
});

async function shakesHands(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
    socket.once('secureConnect', () => socket.destroy());
    socket.once('secureConnect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('close', () => resolve(false));
  });
}

test('a client that wants to renegotiate is refused, and nothing else breaks', { skip }, async (t) => {
  const { proxy } = await start(t, [['a.example']], { maxVersion: 'TLSv1.2' });
  const socket = connectTls({ port: proxy.port, host: '127.0.0.1', rejectUnauthorized: false });
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('secureConnect', resolve));
  const outcome = await new Promise<string>((resolve) => {
    const began = socket.renegotiate({}, (error) => resolve(error === null ? 'done' : 'refused'));
    socket.once('close', () => resolve('closed'));
    if (began === false) resolve('refused');
  });
  assert.notEqual(outcome, 'done');
  assert.equal(handshakes(proxy), 1);
  socket.destroy();
  assert.ok(await shakesHands(proxy.port));
});

test('a PROXY protocol header in front of TLS tells who the client is, in one write with the hello or alone', {
  skip,
}, async (t) => {
  const { proxy } = await start(t, [['a.example']], {}, { proxyProtocol: '127.0.0.0/8' });
  const ends = { source: { host: '192.0.2.7', port: 4711 }, destination: { host: '198.51.100.1', port: 443 } };
  for (const together of [true, false]) {
    const raw = connect({ port: proxy.port, host: '127.0.0.1', noDelay: true });
    await new Promise((resolve) => raw.once('connect', resolve));
    if (together) raw.cork();
    raw.write(encodeV2('tcp', ends));
    if (!together) await wait(20);
    const socket = connectTls({ socket: raw, servername: 'a.example', ca: authority.pem });
    if (together) setImmediate(() => raw.uncork());
    const client = new RawSocket(socket);
    t.after(() => socket.destroy());
    client.write('GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n');
    await client.untilText('hello a.example');
  }
  assert.deepEqual(
    proxy.log.map(({ client }) => client),
    ['192.0.2.7', '192.0.2.7'],
  );
});

test('a TCP listener ends TLS of any protocol, and routes by the name that was asked for', { skip }, async (t) => {
  const folder = new CertificateFolder(t);
  const certificates = [
    folder.put('a', await authority.issue({ names: ['a.example'] })),
    folder.put('b', await authority.issue({ names: ['*.b.example'] })),
  ];
  const backend = await TcpBackend.start(t, (connection) => {
    connection.socket.once('data', (data: Buffer) => connection.write(`you said ${data.toString()}`));
    connection.socket.once('end', () => connection.end());
  });
  const proxy = await startProxy(t, {
    endpoints: [backend.port],
    listener: { protocol: 'tcp', pool: undefined, tls: { certificates }, routes: [{ sni: '*.b.example', pool: 'b' }] },
  });
  const socket = connectTls({ port: proxy.port, host: '127.0.0.1', servername: 'x.b.example', ca: authority.pem });
  const client = new RawSocket(socket);
  client.write('SSH-2.0-x\r\n');
  await client.untilText('you said SSH-2.0-x\r\n');
  assert.equal(socket.getPeerCertificate().subject.CN, '*.b.example');
  client.end();
  assert.equal(await client.untilEnded(), 'end');
  const other = await sClient(proxy.port, ['-servername', 'a.example', '-alpn', 'anything'], 'hello?\n');
  assert.match(other.output, /No ALPN negotiated/);
  await eventually(() => errorsOf(proxy, 'no-route') === 1, 'nobody serves that name');
  const records = proxy.log as unknown as ConnectionRecord[];
  await eventually(() => records.length === 2, 'both are over');
  assert.deepEqual(
    records.map(({ sni, error }) => [sni, error]),
    [
      ['x.b.example', ''],
      ['a.example', 'no-route'],
    ],
  );
});

test('a large answer and a large request pass whole, both ways at once', async (t) => {
  const folder = new CertificateFolder(t);
  const certificates = folder.put('a', await authority.issue({ names: ['a.example'] }));
  const backend = await TcpBackend.echo(t);
  const proxy = await startProxy(t, {
    endpoints: [backend.port],
    listener: { protocol: 'tcp', tls: { certificates } },
  });
  const socket = connectTls({ port: proxy.port, host: '127.0.0.1', servername: 'a.example', ca: authority.pem });
  const size = 8 * 1024 * 1024;
  const sent = Buffer.alloc(size, 'abcdefghijklmnopqrstuvwxyz0123456789');
  const parts: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => parts.push(chunk));
  socket.end(sent);
  await new Promise((resolve) => socket.once('end', resolve));
  assert.ok(Buffer.concat(parts).equals(sent));
});

test('a client that leaves in the middle of a handshake is counted, and one that drains is cut', async (t) => {
  const { proxy } = await start(t, [['a.example']]);
  const hello = await realHello('a.example', ['http/1.1']);
  const gone = await proxy.connect();
  gone.write(hello.subarray(0, 60));
  gone.reset();
  await eventually(() => errorsOf(proxy, 'client-gone') === 1, 'counted');
  const waits = await proxy.connect();
  waits.write(hello.subarray(0, 60));
  await eventually(() => proxy.counters.readListener(0, L.accepted) === 2, 'accepted');
  proxy.plane.drain();
  proxy.plane.cut();
  await waits.untilEnded();
  assert.equal(errorsOf(proxy, 'draining'), 1);
});

test('what does not decrypt ends the connection, whichever protocol is spoken', async (t) => {
  const { proxy } = await start(t, [['a.example']]);
  for (const protocol of ['http/1.1', 'h2']) {
    const raw = connect({ port: proxy.port, host: '127.0.0.1' });
    const socket = connectTls({ socket: raw, servername: 'a.example', ca: authority.pem, ALPNProtocols: [protocol] });
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('secureConnect', resolve));
    assert.equal(socket.alpnProtocol, protocol);
    await eventually(() => proxy.counters.readListener(0, L.open) === 1, 'open');
    raw.write(Buffer.concat([Buffer.from([23, 3, 3, 0, 64]), Buffer.alloc(64, 7)]));
    await eventually(() => proxy.counters.readListener(0, L.open) === 0, `closed: ${protocol}`);
    raw.destroy();
  }
});
