// The checks of connections and conversations: TCP and UDP send/expect, TLS, SMTP, and the PROXY header in front of all.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, type TestContext, test } from 'node:test';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import type { ProbeExpect, SmtpProbeConfig, TlsProbeConfig } from '../../src/config/types.ts';
import { encodeLocal } from '../../src/net/proxy-protocol.ts';
import { probePort, TCP, told, UDP } from '../../src/testing/probe-kit.ts';
import { needs } from '../../src/testing/programs.ts';
import { eventually } from '../../src/testing/scenario.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';

async function listen(t: TestContext, server: Server): Promise<number> {
  const open = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => open.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.close();
    for (const socket of open) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const text = (value: string) => ({ encoding: 'text', value }) as const;
const contains = (value: string): ProbeExpect => ({ kind: 'contains', value });

test('TCP: what is expected may come in pieces, with or without a question', async (t) => {
  const port = await listen(
    t,
    createServer((socket) => {
      socket.write('* READY v1.2\r\n');
      socket.on('data', (data) => {
        socket.write(`+PO`);
        setTimeout(() => socket.write(`NG ${data.length}\r\n`), 10);
      });
    }),
  );
  const run = (expect: ProbeExpect, send?: string) =>
    probePort({ kind: 'tcp', send: send === undefined ? undefined : text(send), expect }, port, {
      timeoutMs: 150,
    }).then(told);
  assert.equal(await run(contains('v1.2')), 'ok: TCP expect → as expected');
  assert.equal(await run(contains('+PONG 6'), 'PING\r\n'), 'ok: TCP send/expect → as expected');
  assert.equal(await run({ kind: 'prefix', value: '* READY' }), 'ok: TCP expect → as expected');
  assert.equal(await run({ kind: 'prefix', value: '* WAIT' }), 'bad: TCP expect → unexpected "* READY v1.2"');
  assert.equal(await run({ kind: 'exact', value: '* READY v1.2\r\n' }), 'ok: TCP expect → as expected');
  assert.equal(await run({ kind: 'exact', value: '* READY' }), 'bad: TCP expect → unexpected "* READY v1.2"');
  assert.equal(await run({ kind: 'hex', value: '76312e32' }), 'ok: TCP expect → as expected');
  assert.equal(await run({ kind: 'regex', value: '^\\* READY v[0-9.]+\\r\\n' }), 'ok: TCP expect → as expected');
  assert.equal(await run(contains('nothing such')), 'bad: TCP expect → only "* READY v1.2"');
});

test('TCP: an end, silence, or an endless answer without what is expected fails', async (t) => {
  const behave = (onSocket: (socket: Socket) => void) => listen(t, createServer(onSocket));
  const run = (port: number) => probePort({ ...TCP, expect: contains('x!') }, port, { timeoutMs: 1000 }).then(told);
  assert.equal(
    await run(await behave((socket) => socket.end('\x1b[2Jbye\n'))),
    'bad: TCP expect → closed after "\\x1b[2Jbye\\x0a"',
  );
  assert.equal(await run(await behave((socket) => socket.end())), 'bad: TCP expect → closed without an answer');
  assert.equal(
    await run(await behave((socket) => void socket.resetAndDestroy())),
    'bad: TCP expect → connection reset',
  );
  const endless = await behave((socket) => {
    const more = (): void => void socket.write('y'.repeat(16_384), () => socket.destroyed || setImmediate(more));
    more();
  });
  assert.equal(await run(endless), 'bad: TCP expect → more than a check reads');
  const silent = await behave(() => undefined);
  const { ok, evidence } = await probePort({ ...TCP, expect: contains('x') }, silent, { timeoutMs: 30 });
  assert.equal(ok, false);
  assert.match(evidence, /^TCP expect → no answer in \d+ ms$/);
});

test('UDP: an answer is compared, a refusal fails, and silence passes where nothing is expected', async (t) => {
  const server = await UdpPeer.server(t, (data) => {
    const question = data.toString();
    return question === 'silence' ? undefined : Buffer.from(`re: ${question}`);
  });
  const run = (send: string, expect?: ProbeExpect, port = server.port) =>
    probePort({ kind: 'udp', send: text(send), expect }, port, { timeoutMs: 1000 }).then(told);
  assert.equal(await run('hello', contains('re: hello')), 'ok: UDP send/expect → as expected');
  assert.equal(await run('hello', { kind: 'exact', value: 're:' }), 'bad: UDP send/expect → unexpected "re: hello"');
  assert.equal(await run('hello'), 'ok: UDP send → answered');
  assert.equal(await run(''), 'ok: UDP send → answered');
  assert.equal(await run('silence'), 'ok: UDP send → no refusal');
  assert.equal(await run('silence', contains('x')), 'bad: UDP send/expect → no answer');
  const gone = await UdpPeer.open(t);
  gone.close();
  assert.equal(await run('hello', undefined, gone.port), 'bad: UDP send → connection refused');
  assert.equal(await run('hello', contains('x'), gone.port), 'bad: UDP send/expect → connection refused');
  const six = await UdpPeer.server(t, (data) => data, '::1');
  assert.equal(
    told(await probePort({ ...UDP, send: text('x') }, six.port, { host: '::1' })),
    'ok: UDP send → answered',
  );
  const named = await probePort({ ...UDP, send: text('x') }, 53, { host: 'no.such.name.invalid' });
  assert.match(told(named), /^bad: UDP send → (the name does not resolve|EAI_\w+)$/);
  // Sockets may not connect to a broadcast address unasked; a network without a route fails in the same place.
  const unconnectable = await probePort({ ...UDP, send: text('x') }, 9, { host: '255.255.255.255' });
  assert.equal(told(unconnectable), 'bad: UDP send → EACCES');
});

test('TLS: a handshake that completes passes; names, signatures and protocols are checked where asked', {
  skip: needs('openssl'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-tls-'));
  after(() => rmSync(folder, { recursive: true, force: true }));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const names = 'subjectAltName=DNS:db.example,IP:127.0.0.1';
  const request = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  execFileSync('openssl', [...request, '-subj', '/CN=x', '-addext', names, '-keyout', key, '-out', cert], {
    stdio: 'ignore',
  });
  const seen: (string | false | undefined)[] = [];
  const serve = (options: TlsOptions = {}) => {
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert), ...options }, (socket) => {
      seen.push(socket.servername as string | false);
      socket.on('error', () => undefined);
    });
    server.on('tlsClientError', () => undefined);
    return listen(t, server);
  };
  const port = await serve({ ALPNProtocols: ['h2', 'postgresql'] });
  const run = (over: Partial<TlsProbeConfig> = {}, to = port, timeoutMs = 2000) =>
    probePort({ kind: 'tls', sni: '', alpn: [], verify: false, ca: '', ...over }, to, { timeoutMs }).then(told);
  assert.equal(await run(), 'ok: TLS handshake → TLSv1.3');
  assert.equal(await run({ sni: 'db.example' }), 'ok: TLS handshake → TLSv1.3');
  await eventually(() => seen.length === 2, 'the server finished both handshakes');
  assert.deepEqual(seen.splice(0), [false, 'db.example']);
  assert.equal(await run({ alpn: ['http/1.1', 'postgresql'] }), 'ok: TLS handshake → TLSv1.3, postgresql');
  assert.equal(await run({ alpn: ['http/1.1'] }), 'bad: TLS handshake → no protocol in common');
  assert.equal(await run({ verify: true }), 'bad: TLS handshake → the certificate is signed by nobody trusted');
  assert.equal(await run({ verify: true, ca: cert }), 'ok: TLS handshake → TLSv1.3');
  assert.equal(await run({ verify: true, ca: cert, sni: 'db.example' }), 'ok: TLS handshake → TLSv1.3');
  assert.equal(
    await run({ verify: true, ca: cert, sni: 'www.example' }),
    'bad: TLS handshake → the certificate is for another name',
  );
  assert.match(
    await run({ verify: true, ca: join(folder, 'none') }),
    /^bad: TLS handshake → cannot read .*none \(ENOENT\)$/,
  );
  assert.match(await run({ ca: key, verify: true }), /^bad: /, 'a file that holds no certificate');
  const without = await serve();
  assert.equal(await run({ alpn: ['h2'] }, without), 'bad: TLS handshake → no protocol in common');
  const plain = await listen(
    t,
    createServer((socket) => socket.write('HTTP/1.1 400 Bad Request\r\n\r\n')),
  );
  assert.equal(await run({}, plain), 'bad: TLS handshake → the answer is no TLS');
  assert.match(
    await run(
      {},
      await listen(
        t,
        createServer((socket) => socket.end()),
      ),
    ),
    /^bad: TLS handshake → c/,
  );
  assert.equal(
    await run(
      {},
      await listen(
        t,
        createServer(() => undefined),
      ),
      50,
    ),
    'bad: TLS handshake → no answer',
  );
});

async function smtpServer(
  t: TestContext,
  options: SMTPServerOptions = {},
): Promise<{ port: number; quits: () => number; errors: Error[] }> {
  let closed = 0;
  const errors: Error[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onClose: () => void closed++,
    ...options,
  });
  server.on('error', (error: Error) => errors.push(error));
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  t.after(() => new Promise<void>((resolve) => server.close(() => resolve())));
  return { port: (server.server.address() as AddressInfo).port, quits: () => closed, errors };
}

test('SMTP: greeting and EHLO pass, and the server is left politely', async (t) => {
  const smtp: SmtpProbeConfig = { kind: 'smtp', helo: 'probe.example' };
  const heard: string[] = [];
  const server = await smtpServer(t, {
    banner: 'ready',
    logger: {
      info: (_meta: unknown, ...words: unknown[]) => void heard.push(words.join(' ')),
      debug: (_meta: unknown, ...words: unknown[]) => void heard.push(words.join(' ')),
      error() {},
      warn() {},
    } as never,
  });
  assert.equal(told(await probePort(smtp, server.port)), 'ok: SMTP EHLO → 250');
  while (server.quits() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.deepEqual(server.errors, []);
  assert.ok(
    heard.some((line) => line.includes('EHLO') && line.includes('probe.example')),
    heard.join('\n'),
  );
  assert.ok(heard.some((line) => line.includes('QUIT')));
  const full = await smtpServer(t, { maxClients: 0, onConnect: (_session, done) => done(new Error('too busy')) });
  assert.match(told(await probePort(smtp, full.port)), /^bad: SMTP EHLO → "(421|554) .*too busy"$/);
});

test('SMTP: replies of many lines, refusals, and what is no SMTP', async (t) => {
  const run = async (banner: string, answer = '') => {
    const server = createServer((socket) => {
      socket.write(banner);
      socket.on('data', (data) => data.toString().startsWith('EHLO') && socket.write(answer));
    });
    return told(await probePort({ kind: 'smtp', helo: 'localhost' }, await listen(t, server), { timeoutMs: 200 }));
  };
  assert.equal(await run('220-one\r\n220-two\r\n220 three\r\n', '250-a\r\n250-b\r\n250 c\r\n'), 'ok: SMTP EHLO → 250');
  assert.equal(await run('220\r\n', '250\r\n'), 'ok: SMTP EHLO → 250');
  assert.equal(await run('220 x\r\n', '502 no such command\r\n'), 'bad: SMTP EHLO → "502 no such command"');
  assert.equal(await run('554 go away\r\n'), 'bad: SMTP EHLO → "554 go away"');
  assert.equal(await run('220-half'), 'bad: SMTP EHLO → only "220-half"');
  assert.equal(await run('SSH-2.0-OpenSSH\r\n'), 'bad: SMTP EHLO → unexpected "SSH-2.0-OpenSSH"');
});

test('a PROXY header that speaks for nobody goes in front, whatever the kind', async (t) => {
  const prelude = encodeLocal(2);
  const begins: Buffer[] = [];
  const take = (data: Buffer): Buffer => {
    begins.push(data.subarray(0, prelude.length));
    return data.subarray(prelude.length);
  };
  const port = await listen(
    t,
    createServer((socket) => socket.once('data', (data) => socket.write(take(data)))),
  );
  const talk = { kind: 'tcp', send: text('PING'), expect: contains('PING') } as const;
  assert.equal(told(await probePort(talk, port, { prelude })), 'ok: TCP send/expect → as expected');
  assert.equal(told(await probePort(TCP, port, { prelude })), 'ok: TCP connect → open');
  const server = await UdpPeer.server(t, take);
  const ask = { kind: 'udp', send: text('x'), expect: { kind: 'exact', value: 'x' } } as const;
  assert.equal(told(await probePort(ask, server.port, { prelude })), 'ok: UDP send/expect → as expected');
  const http = createHttpServer((_request, response) => response.end('fine'));
  const front = await listen(
    t,
    createServer((socket) =>
      socket.once('data', (data) => {
        socket.pause();
        const rest = take(data);
        http.emit('connection', socket);
        if (rest.length > 0) socket.unshift(rest);
        socket.resume();
      }),
    ),
  );
  const get = {
    kind: 'http',
    transport: { tls: undefined, h2: false },
    path: '/',
    method: 'GET',
    host: '',
    headers: {},
    status: [[200, 200]],
    body: { kind: 'exact', value: 'fine' },
  } as const;
  assert.equal(told(await probePort(get, front, { prelude })), 'ok: GET / → 200');
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual(
    begins,
    Array.from({ length: 4 }, () => prelude),
  );
});
