// What a certificate authority is told that comes to see whether a name is ours, on both kinds of connection.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { statusOf } from '../../src/testing/http-message.ts';
import { request } from '../../src/testing/raw-client.ts';
import { startProxy } from '../../src/testing/scenario.ts';
import { ACME_TLS, type Challenge } from '../../src/tls/challenges.ts';

const authority = await Authority.make();
const own = await authority.issue({ names: ['example.com'] });
const shown = await authority.issue({ names: ['example.com'], subject: 'CN=the proof' });
const PENDING: readonly Challenge[] = [
  { type: 'tls-alpn-01', name: 'example.com', cert: shown.cert, key: shown.key },
  { type: 'http-01', token: 'abc-_123', answer: 'abc-_123.thumbprint' },
];

/** The subject that is shown, the protocol, and what is said before the end. */
function meet(port: number, servername: string, ALPNProtocols: string[]): Promise<string> {
  return new Promise((resolve) => {
    let text = '';
    const options = { host: '127.0.0.1', port, servername, ALPNProtocols, rejectUnauthorized: false };
    const socket = connect(options, () => {
      text = `${socket.getPeerCertificate().subject.CN as string} ${socket.alpnProtocol}`;
      if (socket.alpnProtocol !== ACME_TLS) socket.end();
      else socket.write('GET / HTTP/1.1\r\nHost: example.com\r\n\r\n');
    });
    socket.on('data', (chunk) => {
      text += chunk.toString();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (text === '') text = error.code ?? '';
    });
    socket.on('close', () => resolve(text));
  });
}

for (const adopt of [true, false]) {
  const kind = adopt ? 'handles' : 'sockets';

  test(`on ${kind}: the proof is shown to whoever comes for it and nothing else, while it is pending`, async (t) => {
    const files = new CertificateFolder(t).put('own', own);
    const proxy = await startProxy(t, {
      endpoints: [1],
      adopt,
      listener: { protocol: 'https', tls: { certificates: files, clients: { ca: files.cert } } },
    });
    const { port, plane } = proxy;
    assert.match(await meet(port, 'example.com', [ACME_TLS]), /^(ERR_SSL|ECONNRESET)/, 'nothing is pending');
    plane.learn({ challenges: PENDING });
    assert.equal(await meet(port, 'example.com', [ACME_TLS]), `the proof ${ACME_TLS}`, 'no request is taken');
    assert.match(await meet(port, 'other.example.com', [ACME_TLS]), /^(ERR_SSL|ECONNRESET)/, 'another name');
    assert.match(await meet(port, 'example.com', ['http/1.1', ACME_TLS]), /^example\.com http\/1\.1/, 'a usual client');
    plane.learn({ challenges: [] });
    assert.match(await meet(port, 'example.com', [ACME_TLS]), /^(ERR_SSL|ECONNRESET)/, 'it is over');
  });
}

test('HTTP-01 is answered before routes, for the token alone and as long as it is pending', async (t) => {
  const { plane, connect: open } = await startProxy(t, {
    endpoints: [1],
    listener: { pool: undefined, routes: [{ host: 'other.example.com', pool: 'b' }] },
  });
  plane.learn({ challenges: PENDING });
  const client = await open();
  const ask = async (method: string, path: string): Promise<string> => {
    client.write(request(`${method} ${path}`));
    const response = await client.response(method);
    return `${statusOf(response)} ${response.body.toString()}`;
  };
  const path = '/.well-known/acme-challenge/abc-_123';
  assert.equal(await ask('GET', path), '200 abc-_123.thumbprint');
  assert.equal(await ask('HEAD', path), '200 ');
  assert.equal(await ask('GET', '/x/../.well-known/acme-challenge/abc-_123'), '200 abc-_123.thumbprint');
  for (const other of [`${path}4`, '/.well-known/acme-challenge/', '/.well-known/acme-challenge/__proto__', '/'])
    assert.match(await ask('GET', other), /^404 /);
  plane.learn({ challenges: [] });
  assert.match(await ask('GET', path), /^404 /);
});
