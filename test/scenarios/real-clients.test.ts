// Real clients through real nginx backends: curl for the corners of HTTP/1.1, wrk for load with several workers.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { type NginxBackend, nginxBackend } from '../../src/testing/nginx.ts';
import { findProgram, needs, type Program } from '../../src/testing/programs.ts';

const skip = needs('nginx', 'curl', 'wrk');
const LOCATIONS = `
  location / { return 200 "hello\\n"; }
  location /headers { return 200 "$http_x_forwarded_for|$http_x_forwarded_proto|$http_x_forwarded_host|$http_via|$http_connection\\n"; }
  location /nothing { return 204; }
`;

let backends: NginxBackend[] = [];
let balancer: BalancerProcess;
/** Reads uploads to the end, as nginx does not for a fixed answer. */
const sink = createServer((message, response) => {
  const digest = createHash('sha1');
  message.on('data', (chunk: Buffer) => digest.update(chunk));
  message.on('end', () => {
    const framing = message.headers['transfer-encoding'] ?? message.headers['content-length'];
    response.end(`${message.method} ${framing} ${digest.digest('hex')}\n`);
  });
});
let port = 0;
let admin = 0;

before(async () => {
  if (skip !== false) return;
  await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
  const ports = await freePorts(4);
  [port, admin] = ports;
  backends = await Promise.all(ports.slice(2).map((free) => nginxBackend(free, LOCATIONS)));
  balancer = await BalancerProcess.start(
    {
      workers: 2,
      listeners: { web: { bind: `127.0.0.1:${port}`, routes: [{ path: '/sink', pool: 'sink' }, { pool: 'web' }] } },
      pools: {
        sink: { endpoints: [`127.0.0.1:${(sink.address() as AddressInfo).port}`] },
        web: { endpoints: ports.slice(2).map((free) => `127.0.0.1:${free}`), health: '/' },
      },
      admin: { bind: `127.0.0.1:${admin}` },
    },
    { adminPort: admin },
  );
});

after(async () => {
  await balancer?.stop();
  sink.close();
  sink.closeAllConnections();
  await Promise.all(backends.map((backend) => backend.stop()));
});

function run(program: Program, args: readonly string[], input?: Buffer): Promise<{ code: number | null; out: string }> {
  return new Promise((resolve) => {
    const child = spawn(findProgram(program)!, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    let out = '';
    const take = (chunk: Buffer): void => {
      out += chunk.toString('latin1');
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('close', (code) => resolve({ code, out }));
    child.stdin.end(input);
  });
}

const curl = async (path: string, ...args: string[]): Promise<string> => {
  const { code, out } = await run('curl', ['-sS', '-m', '10', ...args, `http://127.0.0.1:${port}${path}`]);
  assert.equal(code, 0, out);
  return out;
};

test('curl: GET, HEAD, 204, HTTP/1.0, several requests on one connection', { skip }, async () => {
  assert.equal(await curl('/'), 'hello\n');
  assert.match(await curl('/', '-I'), /^HTTP\/1\.1 200 OK\r\n[\s\S]*Content-Length: 6\r\n/i);
  assert.match(await curl('/nothing', '-i'), /^HTTP\/1\.1 204 /);
  assert.match(await curl('/', '--http1.0', '-i'), /^HTTP\/1\.1 200 OK/);
  assert.equal(await curl('/', `http://127.0.0.1:${port}/`, `http://127.0.0.1:${port}/`), 'hello\n'.repeat(3));
});

test('curl: the backend sees who asked, how and for what', { skip }, async () => {
  assert.equal(
    await curl('/headers', '-H', 'Host: shop.example', '-H', 'X-Forwarded-For: 6.6.6.6'),
    '127.0.0.1|http|shop.example|1.1 evenkeel|\n',
  );
});

test('curl: uploads with Content-Length, with Expect: 100-continue, and chunked', { skip }, async () => {
  const body = Buffer.alloc(3 * 1024 * 1024, 'x');
  const digest = createHash('sha1').update(body).digest('hex');
  const upload = async (...args: string[]): Promise<string> => {
    const { code, out } = await run('curl', ['-sS', '-m', '20', ...args, `http://127.0.0.1:${port}/sink`], body);
    assert.equal(code, 0, out);
    return out;
  };
  assert.equal(await upload('--data-binary', '@-'), `POST ${body.length} ${digest}\n`);
  assert.equal(await upload('--data-binary', '@-', '-H', 'Expect: 100-continue'), `POST ${body.length} ${digest}\n`);
  assert.equal(await upload('-T', '-'), `PUT chunked ${digest}\n`);
});

test('wrk: load on two workers without an error, spread evenly', { skip }, async () => {
  const { code, out } = await run('wrk', ['-t1', '-c32', '-d2s', `http://127.0.0.1:${port}/`]);
  assert.equal(code, 0, out);
  assert.doesNotMatch(out, /Non-2xx|Socket errors/);
  const { endpoints } = (await balancer.status()).pools.find((pool) => pool.name === 'web')!;
  const shares = endpoints.map((endpoint) => endpoint.share);
  assert.ok(Math.abs(shares[0] - shares[1]) < 0.02, `shares ${shares.join(' and ')}`);
});
