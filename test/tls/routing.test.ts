// Routes by what TLS tells, over both versions of HTTP, and the cookie that keeps a client on its variant.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { curl } from '../../src/testing/openssl.ts';
import { needs } from '../../src/testing/programs.ts';
import { startProxy } from '../../src/testing/scenario.ts';

const authority = await Authority.make();
const server = await authority.issue({ names: ['a.example', 'b.example', 'x.tenants.example'] });

test('server name, version and protocol choose the route; the cookie of a split is Secure', {
  skip: needs('curl'),
}, async (t) => {
  const folder = new CertificateFolder(t);
  folder.text('ca.pem', authority.pem);
  const upstream = await FakeUpstream.start(
    t,
    answering(() => reply('welcome')),
  );
  const respond = (body: string) => [{ respond: { status: 200, body } }];
  const routes = [
    { tls: { sni: '*.tenants.example' }, filters: respond('tenant') },
    { tls: { version: '1.2', sni: 'a.example' }, filters: respond('old') },
    { tls: { alpn: 'h2', sni: 'b.example' }, filters: respond('two') },
    { split: { by: 'cookie', variants: { only: { pool: 'b' } } } },
  ];
  const proxy = await startProxy(t, {
    endpoints: [upstream],
    listener: { pool: undefined, protocol: 'https', tls: { certificates: folder.put('server', server) }, routes },
  });
  const ask = async (name: string, ...args: string[]): Promise<string> => {
    const resolve = ['--resolve', `${name}:${proxy.port}:127.0.0.1`, '--cacert', `${folder.path}/ca.pem`];
    return (await curl('-s', '-i', ...resolve, ...args, `https://${name}:${proxy.port}/`)).output;
  };
  assert.match(await ask('x.tenants.example'), /tenant$/);
  assert.match(await ask('a.example', '--tls-max', '1.2'), /old$/);
  assert.match(await ask('b.example', '--http2'), /two$/);
  for (const version of ['--http1.1', '--http2']) {
    const answer = await ask('a.example', version, '--tlsv1.3');
    assert.match(answer, /welcome$/);
    assert.match(
      answer,
      /\r\nset-cookie: evenkeel-id=[0-9a-f]{32}; Path=\/; Max-Age=2592000; HttpOnly; SameSite=Lax; Secure\r\n/i,
      version,
    );
  }
});
