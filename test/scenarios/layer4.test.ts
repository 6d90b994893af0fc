// Layer 4 with the real thing on both sides: servers and clients that people use, HAProxy as the neighbour that speaks the
// PROXY protocol, TLS that is passed through unopened.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { SMTPServer } from 'smtp-server';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { listening } from '../../src/testing/nginx.ts';
import { findProgram, needs, type Program } from '../../src/testing/programs.ts';

const run = promisify(execFile);

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-l4-'));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

/** A program of ours until the end of the test. */
function daemon(t: TestContext, program: Program, args: readonly string[]): void {
  const child = spawn(findProgram(program)!, args, { stdio: 'ignore' });
  const gone = new Promise((resolve) => child.once('exit', resolve));
  t.after(async () => {
    child.kill('SIGKILL');
    await gone;
  });
}

async function balancer(t: TestContext, document: object, adminPort = 0): Promise<BalancerProcess> {
  const one = await BalancerProcess.start({ workers: 2, ...document }, { adminPort });
  t.after(() => one.stop());
  return one;
}

const local = (port: number): string => `127.0.0.1:${port}`;
const relay = (port: number, more: object = {}): object => ({
  bind: local(port),
  protocol: 'tcp',
  pool: 'servers',
  ...more,
});

async function redis(t: TestContext, port: number): Promise<void> {
  daemon(t, 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', folder(t)]);
  await listening(port);
}

test('Redis behind the TCP proxy serves its own client and its own load generator', {
  skip: needs('redis-server'),
}, async (t) => {
  const [port, ...servers] = await freePorts(3);
  await Promise.all(servers.map((server) => redis(t, server)));
  await balancer(t, {
    listeners: { cache: relay(port) },
    pools: { servers: { endpoints: servers.map(local), health: { redis: true, interval: '200ms' } } },
  });
  const cli = async (...args: string[]): Promise<string> =>
    (await run('redis-cli', ['-p', String(port), ...args], { timeout: 10_000 })).stdout.trim();
  assert.equal(await cli('ping'), 'PONG');
  const names = await Promise.all(Array.from({ length: 8 }, () => cli('config', 'get', 'port')));
  assert.equal(new Set(names).size, 2, 'both servers are used');
  const load = await run(
    'redis-benchmark',
    ['-p', String(port), '-n', '20000', '-c', '20', '-d', '64', '-P', '4', '-t', 'set,get', '-q'],
    { timeout: 30_000 },
  );
  assert.match(load.stdout, /GET: [\d.]+ requests per second/);
  assert.doesNotMatch(load.stdout + load.stderr, /error/i);
});

test('iperf3 runs both ways through the TCP proxy', { skip: needs('iperf3') }, async (t) => {
  const [port, server] = await freePorts(2);
  daemon(t, 'iperf3', ['-s', '-p', String(server), '-B', '127.0.0.1']);
  await listening(server);
  await balancer(t, { listeners: { bulk: relay(port) }, pools: { servers: { endpoints: [local(server)] } } });
  for (const direction of [[], ['-R'], ['-P', '4']]) {
    const args = ['-c', '127.0.0.1', '-p', String(port), '-n', '200M', '-J', ...direction];
    const { stdout } = await run(findProgram('iperf3')!, args, { timeout: 30_000, maxBuffer: 1 << 24 });
    const { end } = JSON.parse(stdout) as { end: { sum_received: { bytes: number } } };
    // What is on its way when the sender is done is not counted: as much as the buffers of both hops of all streams hold.
    assert.ok(end.sum_received.bytes > 120_000_000, `${end.sum_received.bytes}`);
  }
});

test('a mail goes through to a real SMTP server, which speaks first', { skip: needs('curl') }, async (t) => {
  const [port] = await freePorts(1);
  const mails: string[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, callback) {
      let text = '';
      stream.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      stream.on('end', () => {
        mails.push(text);
        callback();
      });
    },
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  const { port: smtp } = server.server.address() as { port: number };
  await balancer(t, {
    listeners: { mail: relay(port) },
    pools: { servers: { endpoints: [local(smtp)], health: { smtp: true, interval: '300ms' } } },
  });
  const file = join(folder(t), 'mail');
  writeFileSync(file, `Subject: hello\r\n\r\n${'a line of text\r\n'.repeat(5000)}`);
  const args = [
    '-sS',
    `smtp://127.0.0.1:${port}`,
    '--mail-from',
    'a@example.com',
    '--mail-rcpt',
    'b@example.com',
    '-T',
    file,
  ];
  await run(findProgram('curl')!, args, { timeout: 10_000 });
  assert.equal(mails.length, 1);
  assert.match(mails[0], /^Subject: hello\r\n/);
  assert.equal(mails[0].match(/a line of text/g)?.length, 5000);
});

test('TLS is passed through by name and by protocol, and the client sees the certificate of the server it asked for', {
  skip: needs('openssl'),
}, async (t) => {
  const [port, ...servers] = await freePorts(4);
  const path = folder(t);
  const names = ['one.example', 'two.example', 'default.example'];
  await Promise.all(
    names.map(async (name, i) => {
      const [key, cert] = [join(path, `${i}.key`), join(path, `${i}.pem`)];
      const subject = [
        '-subj',
        `/CN=${name}`,
        '-days',
        '2',
        '-nodes',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
      ];
      await run(findProgram('openssl')!, ['req', '-x509', '-keyout', key, '-out', cert, ...subject]);
      daemon(t, 'openssl', [
        's_server',
        '-accept',
        local(servers[i]),
        '-key',
        key,
        '-cert',
        cert,
        '-alpn',
        'h2,http/1.1',
        '-www',
      ]);
      await listening(servers[i]);
    }),
  );
  await balancer(t, {
    listeners: {
      tls: relay(port, {
        pool: 'default',
        routes: [
          { sni: 'one.example', pool: 'one' },
          { sni: '*.example', alpn: 'h2', pool: 'two' },
        ],
      }),
    },
    pools: {
      one: { endpoints: [local(servers[0])], health: { tls: true } },
      two: { endpoints: [local(servers[1])] },
      default: { endpoints: [local(servers[2])] },
    },
  });
  const subjectFor = (...args: string[]): Promise<string> =>
    new Promise((resolve, reject) => {
      const child = execFile(
        findProgram('openssl')!,
        ['s_client', '-connect', local(port), ...args],
        { timeout: 10_000 },
        (error, out) =>
          error === null || out !== '' ? resolve(/subject=CN ?= ?(\S+)/.exec(out)?.[1] ?? out) : reject(error),
      );
      child.stdin!.end('Q\n');
    });
  assert.equal(await subjectFor('-servername', 'ONE.example'), 'one.example');
  assert.equal(await subjectFor('-servername', 'x.example', '-alpn', 'h2'), 'two.example');
  assert.equal(await subjectFor('-servername', 'x.example', '-alpn', 'http/1.1'), 'default.example');
  assert.equal(await subjectFor('-noservername'), 'default.example');
  assert.equal(await subjectFor('-servername', 'one.example', '-tls1_2', '-max_send_frag', '512'), 'one.example');
});

test('HAProxy and we tell each other who the client is, in both versions, both ways', {
  skip: needs('haproxy', 'curl'),
}, async (t) => {
  const [v1In, v2In, v1Out, v2Out, before1, before2, backend] = await freePorts(7);
  const file = join(folder(t), 'haproxy.cfg');
  writeFileSync(
    file,
    `defaults
  timeout connect 2s
  timeout client 5s
  timeout server 5s
listen before1
  mode tcp
  bind ${local(before1)}
  server us ${local(v1In)} send-proxy
listen before2
  mode tcp
  bind ${local(before2)}
  server us ${local(v2In)} send-proxy-v2
frontend behind
  mode http
  bind ${local(backend)} accept-proxy
  http-request return content-type text/plain lf-string "%[src]:%[src_port] %[dst]:%[dst_port]"
`,
  );
  daemon(t, 'haproxy', ['-db', '-f', file]);
  await listening(before1);
  const trusting = { proxyProtocol: '127.0.0.0/8' };
  await balancer(t, {
    listeners: {
      v1In: relay(v1In, trusting),
      v2In: relay(v2In, { ...trusting, pool: 'v2' }),
      v1Out: relay(v1Out),
      v2Out: relay(v2Out, { pool: 'v2' }),
    },
    pools: {
      servers: { endpoints: [local(backend)], proxyProtocol: 'v1', health: { http: '/', interval: '200ms' } },
      v2: { endpoints: [local(backend)], proxyProtocol: 'v2', health: { http: '/', interval: '200ms' } },
    },
  });
  for (const [port, from] of [
    [v1Out, '127.0.0.31'],
    [v2Out, '127.0.0.32'],
    [before1, '127.0.0.33'],
    [before2, '127.0.0.34'],
  ] as const) {
    const args = ['-sS', '--max-time', '5', '--interface', from, '-w', ' %{local_port}', `http://127.0.0.1:${port}/`];
    const { stdout } = await run(findProgram('curl')!, args);
    const [source, destination, localPort] = stdout.split(' ');
    assert.equal(source, `${from}:${localPort}`);
    assert.equal(destination, local(port));
  }
});
