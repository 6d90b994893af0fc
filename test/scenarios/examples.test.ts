// Every file in examples/ runs and does what it says, with real servers in the place of its addresses.

import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server as HttpServer, type IncomingMessage, request } from 'node:http';
import * as http2 from 'node:http2';
import { request as httpsRequest } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.ts';
import type { Config } from '../../src/config/types.ts';
import { createLog } from '../../src/observe/log.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { Authority, CertificateFolder, type Issued } from '../../src/testing/certificates.ts';
import { realHello } from '../../src/testing/client-hello.ts';
import { redisServer } from '../../src/testing/databases.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { eventually } from '../../src/testing/scenario.ts';

const FOLDER = fileURLToPath(new URL('../../examples', import.meta.url));
const env = realEnv();
const log = createLog({ write: () => undefined, human: false, epoch: env.clock.epoch });
/** By the port that the example names. */
const servers = new Map<number, Server>();
/** The newest request of each. */
const asked = new Map<number, string[]>();
/** `traceparent` of the newest request of all. */
let traced = '';
const seenBy = (port: number): string[] => asked.get(port) ?? [];
const sockets: Socket[] = [];
/** Certificates that examples name. */
const files = new CertificateFolder();
const authority = await Authority.make();
const clients = await Authority.make('CN=Clients');
const sessions = new Set<http2.Http2Session>();
const storage = mkdtempSync(join(tmpdir(), 'evenkeel-acme-'));

before(async () => {
  mkdirSync(join(files.path, 'certs/customers'), { recursive: true });
  files.put('certs/www', await authority.issue({ names: ['www.example.com'] }));
  files.put('certs/customers/one', await authority.issue({ names: ['one.customers.example.com'] }));
  files.text('certs/clients.pem', clients.pem);
  for (let port = 3001; port <= 3007; port++) {
    const server = createServer((request, response) => {
      asked.set(port, [String(request.url), String(request.headers['x-tenant'])]);
      traced = String(request.headers.traceparent);
      response.end(String(port));
    });
    // What is no HTTP gets the name as well.
    server.on('clientError', (_error, socket) => socket.end(String(port)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    servers.set(port, server);
    // The same address by UDP.
    const datagrams = createSocket('udp4', (_data, from) => datagrams.send(String(port), from.port, from.address));
    const { port: own } = server.address() as AddressInfo;
    await new Promise<void>((resolve) => datagrams.bind(own, '127.0.0.1', resolve));
    sockets.push(datagrams);
  }
  servers.set(3008, await speakHttp2());
  const { port } = servers.get(3001)!.address() as AddressInfo;
  mkdirSync(join(files.path, 'endpoints'));
  files.text('endpoints/api.yaml', `- 127.0.0.1:${port}\n`);
});

/** Says its name, and that it serves when it is asked by gRPC. */
async function speakHttp2(): Promise<Server> {
  const server = http2.createServer();
  server.on('session', (session) => sessions.add(session));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.resume();
    if (headers['content-type'] !== 'application/grpc') {
      stream.respond({ ':status': 200 });
      return stream.end('3008');
    }
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(Buffer.of(0, 0, 0, 0, 2, 8, 1));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

async function askHttp2(
  port: number,
  path: string,
  headers: http2.OutgoingHttpHeaders = {},
): Promise<[string, string]> {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  const stream = session.request({ ':path': path, ...headers });
  let status = '';
  stream.on('trailers', (trailers) => {
    status = String(trailers['grpc-status']);
  });
  let body = '';
  for await (const part of stream) body += String(part);
  session.destroy();
  return [body, status];
}

after(() => {
  files.remove();
  for (const session of sessions) session.destroy();
  rmSync(storage, { recursive: true });
  for (const socket of sockets) socket.close();
  for (const server of servers.values()) {
    server.close();
    if ('closeAllConnections' in server) (server as HttpServer).closeAllConnections();
  }
});

/** The example with free ports and the servers above. */
function moved(config: Config): Config {
  const listeners = Object.entries(config.listeners).map(([name, listener]) => [
    name,
    { ...listener, bind: { ...listener.bind, port: 0 } },
  ]);
  const pools = Object.entries(config.pools).map(([name, pool]) => {
    const endpoints = pool.endpoints.map((endpoint) => {
      const { port } = servers.get(endpoint.address.port)!.address() as AddressInfo;
      return { ...endpoint, address: { host: '127.0.0.1', port } };
    });
    return [name, { ...pool, endpoints }];
  });
  const dns = config.dns && { ...config.dns, bind: config.dns.bind.map((bind) => ({ ...bind, port: 0 })) };
  // Nobody outside is asked.
  const acme = config.acme && { ...config.acme, directory: 'https://127.0.0.1:1/', storage };
  return {
    ...config,
    acme,
    dns,
    tracing: config.tracing && { ...config.tracing, otlp: 'http://127.0.0.1:1/v1/traces' },
    admin: undefined,
    listeners: Object.fromEntries(listeners),
    pools: Object.fromEntries(pools),
  };
}

type Check = (ask: Ask, port: number) => Promise<void>;
type Ask = (path?: string, headers?: Record<string, string>) => Promise<string>;

async function withExample(name: string, check: Check): Promise<void> {
  const loaded = await loadConfig(`${FOLDER}/${name}`);
  assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.error));
  const runtime = new Runtime({ env, log, workers: 1, version: 'test', folder: files.path });
  try {
    const applied = await runtime.apply(moved(loaded.value.config), loaded.value.hasCode ? loaded.value.file : '');
    assert.ok(applied.ok, applied.ok ? '' : JSON.stringify(applied.error));
    const { port } = (await runtime.status()).listeners[0];
    // Until every first probe is in, those that are proven already serve alone.
    const isChecking = async (): Promise<boolean> =>
      (await runtime.status()).pools.some((pool) => pool.endpoints.some((endpoint) => endpoint.state === 'checking'));
    while (await isChecking()) await new Promise((resolve) => setTimeout(resolve, 10));
    await check(
      (path = '/', headers = {}) =>
        new Promise((resolve, reject) => {
          request({ host: '127.0.0.1', port, path, headers, agent: false }, (response) => {
            let body = '';
            response.setEncoding('utf8');
            response.on('data', (chunk: string) => {
              body += chunk;
            });
            response.on('end', () => resolve(body));
          })
            .on('error', reject)
            .end();
        }),
      port,
    );
  } finally {
    await runtime.stop();
  }
}

/** The answers to datagrams, each from a client of its own. */
function askByUdp(port: number, count: number): Promise<string[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket('udp4');
      socket.send('who?', port, '127.0.0.1');
      const [answer] = (await once(socket, 'message')) as [Buffer];
      socket.close();
      return answer.toString();
    }),
  );
}

/** What a client that says these bytes first is told. */
async function askByTcp(port: number, bytes: Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
  let answer = '';
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

/** The addresses that a question for A records gets, sorted or as they came. */
async function askByDns(port: number, name: string): Promise<string[]> {
  const resolver = new Resolver();
  resolver.setServers([`127.0.0.1:${port}`]);
  return resolver.resolve4(name);
}

/** Status, fields and body. */
async function whole(
  port: number,
  path: string,
  init: RequestInit = {},
): Promise<{ status: number; field: (name: string) => string | null; body: string }> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init });
  const body = await response.text();
  return { status: response.status, field: (name) => response.headers.get(name), body };
}

/** Two processes by the same example, and a real Redis. */
async function together(): Promise<void> {
  const redis = await redisServer();
  const ports = await freePorts(4);
  const example = readFileSync(`${FOLDER}/cluster.yaml`, 'utf8')
    .replaceAll('redis://10.0.0.5:6379', `redis://127.0.0.1:${redis.port}`)
    .replace(
      /127\.0\.0\.1:(300\d)/g,
      (_, port) => `127.0.0.1:${(servers.get(Number(port))!.address() as AddressInfo).port}`,
    );
  const two = [0, 1].map((i) =>
    BalancerProcess.start(example.replace('0.0.0.0:8080', `127.0.0.1:${ports[i]}`).replace('9900', `${ports[i + 2]}`), {
      adminPort: ports[i + 2],
    }),
  );
  try {
    const [one, other] = await Promise.all(two);
    await eventually(async () => (await one.status()).cluster?.nodes.length === 2, 'they are together');
    assert.equal((await other.status()).cluster?.state, 'joined');
    const asked = await Promise.all(Array.from({ length: 60 }, (_, i) => whole(ports[i % 2], '/')));
    const passed = asked.filter(({ status }) => status === 200).length;
    assert.ok(passed >= 20 && passed < 50, `${passed} of 60 at once, of which 20 may come`);
  } finally {
    for (const one of two) await (await one).stop();
    await redis.stop();
  }
}

const CHECKS: Record<string, Check> = {
  'cluster.yaml': together,
  'filters.yaml': async (_ask, port) => {
    const old = await whole(port, '/old/a');
    assert.deepEqual([old.status, old.field('location')], [308, '/new/old/a']);
    const api = await whole(port, '/api/users', {
      headers: { Origin: 'https://app.example.com', 'X-Internal-Role': 'root' },
    });
    assert.equal(api.body, '3001');
    assert.equal(api.field('access-control-allow-origin'), 'https://app.example.com');
    assert.equal(api.field('x-served-by'), 'api');
    assert.equal(api.field('content-security-policy'), "default-src 'self'");
    assert.deepEqual(seenBy(3001), ['/users', '127.0.0.1']);
    const missing = await whole(port, '/nowhere');
    assert.deepEqual([missing.status, missing.body], [404, '<h1>Nothing here</h1>']);
  },
  'cache.yaml': async (_ask, port) => {
    const status = async (path: string, headers = {}) => (await whole(port, path, { headers })).field('cache-status');
    assert.doesNotMatch(String(await status('/a?utm_source=x')), /hit/);
    assert.match(String(await status('/a?utm_source=y')), /hit/);
    assert.doesNotMatch(String(await status('/a', { Cookie: 'session=1' })), /hit/);
  },
  'limits.yaml': async (_ask, port) => {
    const from = (client: string, init: RequestInit = {}) =>
      whole(port, '/', { ...init, headers: { 'X-Forwarded-For': client } });
    assert.equal((await from('192.0.2.9')).status, 403);
    assert.equal((await from('198.51.100.1', { method: 'POST', body: 'x'.repeat(1_048_577) })).status, 413);
    for (let i = 0; i < 5; i++) assert.equal((await from('198.51.100.2')).status, 200);
    const late = await from('198.51.100.2');
    assert.equal(late.status, 429);
    assert.ok(Number(late.field('retry-after')) > 0);
    assert.equal((await from('198.51.100.3')).status, 200);
  },
  'auth.yaml': async (_ask, port) => {
    const status = async (path: string, headers = {}) => (await whole(port, path, { headers })).status;
    assert.equal(await status('/admin/'), 401);
    assert.equal(
      await status('/admin/', { Authorization: `Basic ${Buffer.from('anna:secret').toString('base64')}` }),
      200,
    );
    assert.equal(seenBy(3001)[1], 'anna');
    assert.equal(await status('/api/', { 'X-Api-Key': 'wrong' }), 401);
    assert.equal(await status('/api/', { 'X-Api-Key': 'test' }), 200);
    assert.equal(seenBy(3001)[1], 'shop');
    assert.equal(await status('/orders/'), 401);
  },
  'static.yaml': async (_ask, port) => {
    const logo = await whole(port, '/images/logo.svg');
    assert.equal(logo.field('content-type'), 'image/svg+xml; charset=utf-8');
    assert.equal(logo.field('cache-control'), 'public, max-age=86400');
    assert.match(logo.body, /<svg/);
    const again = await whole(port, '/images/logo.svg', { headers: { 'If-None-Match': String(logo.field('etag')) } });
    assert.equal(again.status, 304);
    assert.equal((await whole(port, '/images/none.png')).status, 404);
    assert.equal((await whole(port, '/api/x')).body, '3001');
  },
  'own-filter.config.ts': async (_ask, port) => {
    assert.deepEqual((await whole(port, '/teapot')).body, 'short and stout');
    assert.equal((await whole(port, '/')).body, '3001');
    assert.equal(seenBy(3001)[1], 'hi 127.0.0.1');
  },
  'waf.yaml': async (_ask, port) => {
    const status = async (path: string) => (await whole(port, path)).status;
    assert.equal(await status("/?name=O'Brien"), 200);
    assert.equal(await status(`/?id=${encodeURIComponent("1' or '1'='1")}`), 403);
    assert.equal(await status(`/search?q=${encodeURIComponent("1' or '1'='1")}`), 200);
    assert.equal(await status(`/search?q=${encodeURIComponent('<script>alert(1)</script>')}`), 403);
  },
  'dns.yaml': async (_ask, port) => {
    const orders = [0, 1, 2].map(() => askByDns(port, 'www.example.com'));
    const [a, b, c] = ['203.0.113.1', '203.0.113.2', '203.0.113.3'];
    const told = (await Promise.all(orders)).map((order) => order.join());
    assert.deepEqual(told.sort(), [[a, b, c].join(), [b, c, a].join(), [c, a, b].join()]);
    assert.deepEqual(await askByDns(port, 'api.example.com'), ['127.0.0.1']);
  },
  'global.yaml': async (_ask, port) => {
    assert.deepEqual(await askByDns(port, 'primary.example.com'), ['203.0.113.1']);
    assert.deepEqual(await askByDns(port, 'shop.example.com'), ['203.0.113.2'], 'loopback is nowhere');
    const weighted = await Promise.all(Array.from({ length: 40 }, () => askByDns(port, 'weighted.example.com')));
    assert.equal(new Set(weighted.flat()).size, 2);
  },
  'acme.yaml': async (_ask, port) => {
    const socket = connectTls({ host: '127.0.0.1', port, servername: 'www.example.com', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const { issuer, subjectaltname } = socket.getPeerCertificate();
    socket.destroy();
    assert.match(String(issuer.CN), /^temporary/);
    assert.equal(subjectaltname, 'DNS:example.com, DNS:www.example.com');
  },
  'http2.yaml': async (ask, port) => {
    assert.equal(await ask('/new/thing'), '3008');
    assert.match(await ask('/'), /^300[12]$/);
    assert.equal((await askHttp2(port, '/new/thing'))[0], '3008');
    assert.match((await askHttp2(port, '/'))[0], /^300[12]$/);
  },
  'grpc.yaml': async (_ask, port) => {
    const headers = { ':method': 'POST', 'content-type': 'application/grpc', te: 'trailers' };
    assert.deepEqual(await askHttp2(port, '/shop.Orders/List', headers), ['\0\0\0\0\u0002\b\u0001', '0']);
    assert.deepEqual(await askHttp2(port, '/other.Service/Get', headers), ['\0\0\0\0\u0002\b\u0001', '0']);
  },
  'tcp.yaml': async (ask) => {
    const first = await ask();
    assert.ok(['3001', '3002'].includes(first));
    for (let i = 0; i < 4; i++) assert.equal(await ask(), first);
  },
  'tls.yaml': async (_ask, port) => {
    const ask = (name: string, path: string, client?: Issued): Promise<string> =>
      new Promise((resolve, reject) => {
        const secure = { servername: name, ca: authority.pem, cert: client?.cert, key: client?.key };
        httpsRequest(
          { host: '127.0.0.1', port, path, headers: { host: name }, agent: false, ...secure },
          (response) => {
            assert.equal(response.headers['strict-transport-security'], 'max-age=31536000');
            response.once('data', (chunk: Buffer) => resolve(chunk.toString()));
            response.once('end', () => resolve(''));
          },
        )
          .on('error', reject)
          .end();
      });
    assert.equal(await ask('www.example.com', '/'), '3001');
    assert.equal(await ask('one.customers.example.com', '/'), '3002');
    assert.equal(await ask('www.example.com', '/internal/x'), '3001', 'who shows no certificate');
    const deploy = await clients.issue({ subject: 'CN=deploy bot' });
    assert.equal(await ask('www.example.com', '/internal/x', deploy), '3003');
    const other = await clients.issue({ subject: 'CN=other' });
    assert.equal(await ask('www.example.com', '/internal/x', other), '3001');
  },
  'tls-passthrough.yaml': async (ask, port) => {
    const server = async (name: string, ...protocols: string[]) =>
      askByTcp(port, await realHello(name, protocols.length > 0 ? protocols : ['http/1.1']));
    assert.equal(await server('shop.example.com'), '3001');
    assert.equal(await server('www.example.com', 'h2', 'http/1.1'), '3002');
    assert.equal(await server('www.example.com'), '3003');
    assert.equal(await ask(), '3003', 'what is no TLS');
  },
  // Loopback is not for the kernel, so this is what `auto` falls back to; test/nat/ has the kernel.
  'kernel-nat.yaml': async (ask) => {
    const seen = [await ask(), await ask(), await ask(), await ask()];
    assert.equal(seen.filter((port) => port === '3001').length, 3);
  },
  'discovery.yaml': async (ask) => {
    assert.deepEqual([await ask(), await ask()], ['3001', '3001'], 'the backup is not needed');
  },
  'basic.yaml': async (ask) => {
    const seen = new Set([await ask(), await ask(), await ask(), await ask()]);
    assert.deepEqual([...seen].sort(), ['3001', '3002']);
  },
  'routing.yaml': async (ask) => {
    assert.equal(await ask('/', { 'accept-language': 'fr;q=0.4, de-AT' }), '3007');
    assert.equal(await ask('/', { 'user-agent': 'curl/8.5.0' }), '3001', 'but not the API');
    assert.match(
      await ask('/api/users', { 'user-agent': 'Googlebot/2.1 (+http://www.google.com/bot.html)' }),
      /^none for machines/,
    );
    assert.equal(await ask('/'), '3001');
    assert.equal(await ask('/api/users', { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0' }), '3002');
    assert.equal(await ask('/images/logo.png'), '3003');
    assert.equal(await ask('/admin/x', { 'x-forwarded-for': '10.1.2.3' }), '3004');
    assert.equal(await ask('/admin/x', { 'x-forwarded-for': '192.0.2.1' }), '3001');
    assert.equal(await ask('/', { 'user-agent': 'Mozilla/5.0 (iPhone) Mobile/15E148' }), '3005');
    assert.equal(await ask('/', { cookie: 'a=b; version=v2' }), '3006');
    assert.equal(await ask('/', { host: 'acme.tenants.example.com' }), '3007');
  },
  'locations.yaml': async (ask) => {
    assert.match(await ask('/api/users'), /^300[12]$/);
    assert.match(await ask('/apis'), /^300[34]$/);
    assert.match(await ask('/'), /^300[34]$/);
  },
  'map-user-agent.yaml': async (ask) => {
    const phone =
      'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148 Safari/604.1';
    const laptop = 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0';
    const crawler = `${phone} (compatible; Googlebot/2.1; +http://www.google.com/bot.html)`;
    assert.equal(await ask('/', { 'user-agent': phone }), '3001');
    assert.equal(await ask('/', { 'user-agent': 'some MOBILE thing' }), '3001');
    assert.equal(await ask('/', { 'user-agent': laptop }), '3002');
    assert.equal(await ask('/'), '3002');
    assert.equal(await ask('/', { 'user-agent': crawler }), '3001', 'an expression does not know better');
    assert.equal(await ask('/device/', { 'user-agent': crawler }), '3003');
    assert.equal(await ask('/device/', { 'user-agent': phone }), '3001');
    assert.equal(await ask('/device/', { 'user-agent': laptop }), '3002');
  },
  'map-cookie.yaml': async (ask) => {
    assert.equal(await ask('/', { cookie: 'a=b; version=v2' }), '3001');
    assert.equal(await ask('/', { cookie: 'version=v1' }), '3002');
    assert.equal(await ask('/'), '3002');
  },
  'geo-networks.yaml': async (ask) => {
    const from = (address: string, path = '/') => ask(path, { 'x-forwarded-for': address });
    assert.equal(await from('185.1.2.3'), '3002');
    assert.equal(await from('202.9.9.9'), '3003');
    assert.equal(await from('8.8.8.8'), '3001');
    assert.equal(await from('2001:db8::1'), '3001');
    assert.equal(await from('193.99.144.80', '/by-country/x'), '3002', 'Germany is in Europe');
    assert.equal(await from('133.11.0.1', '/by-country/x'), '3003', 'Japan');
    assert.equal(await from('8.8.8.8', '/by-country/x'), '3001');
  },
  'canary.yaml': async (ask) => {
    const from = (i: number, path: string, headers = {}) =>
      ask(path, { 'x-forwarded-for': `10.0.${i >> 8}.${i & 255}`, ...headers });
    const many = await Promise.all(Array.from({ length: 400 }, (_, i) => from(i, '/')));
    const canaries = many.filter((port) => port === '3002').length;
    assert.ok(canaries > 0 && canaries < 20, `${canaries} of 400, for 1 %`);
    assert.deepEqual(await Promise.all(Array.from({ length: 400 }, (_, i) => from(i, '/'))), many, 'sticky');
    assert.equal(await from(0, '/', { 'x-canary': 'true' }), '3002');
    const halves = await Promise.all(
      Array.from({ length: 200 }, (_, i) => from(i, '/ab/', { cookie: `evenkeel-id=${i}` })),
    );
    assert.ok(Math.abs(halves.filter((port) => port === '3002').length - 100) < 35);
    assert.equal(await from(0, '/ab/', { cookie: 'variant=b' }), '3002');
  },
  'weighted-rollout.yaml': async (ask) => {
    const seen: string[] = [];
    for (let i = 0; i < 20; i++) seen.push(await ask());
    assert.equal(seen.filter((port) => port === '3002').length, 2);
  },
  'tenants.yaml': async (ask) => {
    assert.equal(await ask('/x', { host: 'acme.example.com' }), '3001');
    assert.deepEqual(seenBy(3001), ['/t/acme/x', 'acme']);
    assert.equal(await ask('/x', { host: 'big.example.com' }), '3002');
    assert.match(await ask('/x', { host: 'a.b.example.com' }), /404/, 'one label is one tenant');
  },
  'predicates.config.ts': async (ask) => {
    assert.equal(await ask('/', { 'x-plan': 'gold' }), '3002');
    assert.equal(await ask('/', { 'x-plan': 'silver' }), '3001');
    assert.equal(await ask('/reports/x?day=mon'), '3003');
    assert.equal(await ask('/reports/x?day=sun'), '3001');
  },
  'drills.yaml': async (ask, port) => {
    const copies: string[] = [];
    const copied = (request: IncomingMessage): void =>
      void copies.push(`${request.url} ${String(request.headers['x-mirrored'])}`);
    servers.get(3002)!.on('request', copied);
    try {
      assert.equal(await ask('/api/users'), '3001');
      assert.equal(await ask('/'), '3001');
      await eventually(() => copies.length === 1, 'the new version was asked as well');
      assert.deepEqual(copies, ['/api/users 1']);
    } finally {
      servers.get(3002)!.off('request', copied);
    }
    const begun = performance.now();
    assert.equal((await fetch(`http://127.0.0.1:${port}/drill/x`)).status, 503);
    assert.ok(performance.now() - begun >= 95);
    assert.equal((await fetch(`http://127.0.0.1:${port}/`, { headers: { 'x-fault': 'abort=418' } })).status, 418);
  },
  'resilience.yaml': async (ask) => {
    const seen = new Set<string>();
    for (let i = 0; i < 40; i++) seen.add(await ask(['/', '/search/a', '/payments/b'][i % 3]));
    assert.ok(!seen.has('3003'), 'the backup rests while the others live');
  },
  'sticky-by-source.yaml': async (ask) => {
    assert.equal(new Set([await ask(), await ask(), await ask(), await ask()]).size, 1);
  },
  'ip-hash.yaml': async (ask) => {
    assert.equal(new Set([await ask(), await ask(), await ask(), await ask()]).size, 1);
  },
  'sticky-cookie.yaml': async (ask, port) => {
    const places = new Set<string>();
    for (let i = 0; i < 4; i++) {
      const response = await fetch(`http://127.0.0.1:${port}/`);
      const [cookie] = response.headers.getSetCookie();
      assert.match(
        cookie,
        /^srv_id=[\w-]{48}; Max-Age=3600; Expires=[^;]+; Path=\/; Domain=\.example\.com; HttpOnly; SameSite=Lax$/,
      );
      const place = await response.text();
      places.add(place);
      for (let j = 0; j < 3; j++) assert.equal(await ask('/', { cookie: cookie.split(';')[0] }), place);
    }
    assert.equal(places.size, 2);
  },
  'affinity.yaml': async (ask) => {
    const keeps = async (path: (key: string) => string, headers: (key: string) => Record<string, string>) => {
      const places = new Set<string>();
      for (const key of ['a', 'b', 'c', 'd']) {
        const place = await ask(path(key), headers(key));
        places.add(place);
        for (let i = 0; i < 3; i++) assert.equal(await ask(path(key), headers(key)), place);
      }
      assert.equal(places.size, 2);
    };
    const path = (text: string) => () => text;
    await keeps(path('/'), (key) => ({ cookie: `JSESSIONID=${key}` }));
    await keeps(path('/api/x'), (key) => ({ 'x-api-key': key }));
    await keeps(
      (key) => `/games/x?game=${key}`,
      () => ({}),
    );
  },
  'tracing.yaml': async (ask) => {
    await ask();
    assert.match(traced, /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[01]$/);
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    await ask('/', { traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    assert.equal(traced.slice(3, 35), trace);
  },
  'dns-udp.yaml': async (_ask, port) => {
    assert.deepEqual([...new Set(await askByUdp(port, 10))].sort(), ['3001', '3002']);
  },
  'own-algorithm.config.ts': async (ask) => {
    assert.deepEqual([await ask(), await ask()], ['3001', '3001']);
  },
};

// A folder is an example with servers of its own, and has its own test.
for (const name of readdirSync(FOLDER).filter((file) => /\.\w+$/.test(file) && file !== 'README.md')) {
  test(`example ${name}`, async () => {
    assert.ok(CHECKS[name], 'every example needs its check here');
    await withExample(name, CHECKS[name]);
  });
}
