// TLS to endpoints: who cannot prove his name gets nothing, sessions are taken up again, our own certificate is shown where it is
// asked for; for HTTP, TCP and the checks, and on both kinds of connection.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { before, type TestContext, test } from 'node:test';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { buildProbe } from '../../src/probes/index.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { Authority, CertificateFolder, type Paths } from '../../src/testing/certificates.ts';
import { request } from '../../src/testing/raw-client.ts';
import { startProxy } from '../../src/testing/scenario.ts';

let authority: Authority;
let stranger: Authority;

before(async () => {
  authority = await Authority.make();
  stranger = await Authority.make('CN=Stranger');
});

interface Endpoint {
  readonly port: number;
  readonly handshakes: { resumed: boolean; servername: string; client: string }[];
  readonly requests: () => number;
}

async function endpoint(t: TestContext, files: Paths, ca?: string): Promise<Endpoint> {
  const handshakes: Endpoint['handshakes'] = [];
  let requests = 0;
  const server: Server = createServer(
    {
      cert: readFileSync(files.cert),
      key: readFileSync(files.key),
      ...(ca === undefined ? {} : { requestCert: true, rejectUnauthorized: true, ca }),
    },
    (_request, response) => {
      requests++;
      response.end('secret');
    },
  );
  server.on('secureConnection', (socket: TLSSocket) => {
    const { CN } = (socket.getPeerCertificate() as { subject?: { CN?: string | string[] } }).subject ?? {};
    const { servername } = socket as TLSSocket & { servername?: string | false };
    handshakes.push({ resumed: socket.isSessionReused(), servername: servername || '', client: String(CN ?? '') });
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { port: (server.address() as AddressInfo).port, handshakes, requests: () => requests };
}

for (const adopt of [true, false]) {
  const where = adopt ? "on Node's inner handles" : "on Node's own sockets";

  test(`an endpoint that proves its name is spoken to, ${where}`, async (t) => {
    const folder = new CertificateFolder(t);
    const files = folder.put('site', await authority.issue({ names: ['api.internal'] }));
    const { port, handshakes } = await endpoint(t, files);
    const tls = { ca: folder.text('ca.pem', authority.pem), serverName: 'api.internal' };
    const proxy = await startProxy(t, { endpoints: [port], pool: { tls, connection: { maxIdle: 0 } }, adopt });
    const client = await proxy.connect();
    for (let i = 0; i < 3; i++) assert.equal(await client.status(request('GET /')), 200);
    assert.deepEqual(
      handshakes.map(({ servername }) => servername),
      ['api.internal', 'api.internal', 'api.internal'],
    );
    assert.ok(
      handshakes.slice(1).every(({ resumed }) => resumed),
      'sessions are taken up again',
    );
  });

  for (const [what, issue, tls] of [
    ['whose certificate nobody trusted signed', () => stranger.issue({ names: ['api.internal'] }), {}],
    ['whose certificate is for another name', () => authority.issue({ names: ['other.internal'] }), {}],
    [
      'whose certificate has expired',
      () => authority.issue({ names: ['api.internal'], notAfter: new Date(Date.now() - 1000) }),
      {},
    ],
    ['that proves a name and not its address', () => authority.issue({ names: ['api.internal'] }), { serverName: '' }],
  ] as const) {
    test(`an endpoint ${what} gets nothing, ${where}`, async (t) => {
      const folder = new CertificateFolder(t);
      const { port, requests } = await endpoint(t, folder.put('site', await issue()));
      const settings = { ca: folder.text('ca.pem', authority.pem), serverName: 'api.internal', ...tls };
      const proxy = await startProxy(t, {
        endpoints: [port],
        pool: { tls: settings, retries: 0, health: false },
        adopt,
      });
      const client = await proxy.connect();
      assert.equal(await client.status(request('GET /')), 502);
      assert.equal(proxy.log[0].error, 'upstream-tls');
      assert.equal(requests(), 0);
    });
  }

  test(`an endpoint that asks for our certificate gets it, ${where}`, async (t) => {
    const folder = new CertificateFolder(t);
    const files = folder.put('site', await authority.issue({ names: ['api.internal'] }));
    const ours = folder.put('ours', await authority.issue({ names: ['balancer.internal'] }));
    const { port, handshakes } = await endpoint(t, files, authority.pem);
    const tls = { ca: folder.text('ca.pem', authority.pem), serverName: 'api.internal', ...ours };
    const proxy = await startProxy(t, { endpoints: [port], pool: { tls }, adopt });
    const client = await proxy.connect();
    assert.equal(await client.status(request('GET /')), 200);
    assert.equal(handshakes[0].client, 'balancer.internal');
  });
}

test('what speaks no TLS is a failure that may be tried elsewhere', async (t) => {
  const folder = new CertificateFolder(t);
  const files = folder.put('site', await authority.issue({ names: ['api.internal'] }));
  const good = await endpoint(t, files);
  const plain = createTlsServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) });
  plain.removeAllListeners('connection');
  plain.on('connection', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => plain.listen(0, '127.0.0.1', resolve));
  t.after(() => plain.close());
  const tls = { ca: folder.text('ca.pem', authority.pem), serverName: 'api.internal' };
  const proxy = await startProxy(t, {
    endpoints: [(plain.address() as AddressInfo).port, good.port],
    pool: { tls, retries: { attempts: 1, budgetMin: 100 }, passive: false, health: false },
  });
  const client = await proxy.connect();
  for (let i = 0; i < 4; i++) assert.equal(await client.status(request('POST /', {}, 'body')), 200);
  assert.ok(proxy.log.some(({ attempts }) => attempts === 2));
});

test('bytes of any protocol go to an endpoint over TLS', async (t) => {
  const folder = new CertificateFolder(t);
  const files = folder.put('site', await authority.issue({ names: ['db.internal'] }));
  const server = createTlsServer({ cert: readFileSync(files.cert), key: readFileSync(files.key) }, (socket) =>
    socket.pipe(socket),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const proxy = await startProxy(t, {
    endpoints: [(server.address() as AddressInfo).port],
    listener: { protocol: 'tcp' },
    pool: { tls: { ca: folder.text('ca.pem', authority.pem), serverName: 'db.internal' }, health: false },
  });
  const client = await proxy.connect();
  client.write('hello');
  await client.until(() => client.bytes.toString() === 'hello', 'the echo');
});

test('checks by HTTP reach an endpoint as its traffic does', async (t) => {
  const folder = new CertificateFolder(t);
  const { port } = await endpoint(t, folder.put('site', await authority.issue({ names: ['api.internal'] })));
  const check = async (ca: string, serverName: string): Promise<string> => {
    const tls = { verify: true, ca: folder.text('ca.pem', ca), serverName, cert: '', key: '' };
    const config = {
      kind: 'http',
      path: '/',
      method: 'GET',
      host: '',
      headers: {},
      status: [[200, 200]],
      body: undefined,
    } as const;
    const probe = buildProbe({ ...config, transport: { tls, h2: false } }, realEnv().clock);
    const { ok, evidence } = await probe.run({ host: '127.0.0.1', port }, AbortSignal.timeout(3000));
    return `${ok} ${evidence.replace(/ in .*/, '')}`;
  };
  assert.equal(await check(authority.pem, 'api.internal'), 'true GET / → 200');
  assert.match(await check(authority.pem, 'other.internal'), /^false GET \/ → ERR_TLS_CERT_ALTNAME_INVALID/);
  assert.match(await check(stranger.pem, 'api.internal'), /^false GET \/ → /);
});
