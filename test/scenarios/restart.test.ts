// A restart without a gap: a successor takes over the sockets under load, and nothing fails.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { decode, encode } from 'dns-packet';
import { stringify } from 'yaml';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

async function backend(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask(port: number, path = '/'): Promise<string> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', (error) => resolve(error.message));
    }).on('error', (error) => resolve(error.message));
  });
}

/** Asks again and again on new connections until stopped; what was answered, and how often. */
function hammer(port: number): { stop(): Promise<Map<string, number>> } {
  const answers = new Map<string, number>();
  let isOn = true;
  const loops = Array.from({ length: 8 }, async () => {
    while (isOn) {
      const answer = await ask(port);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
  });
  return {
    async stop() {
      isOn = false;
      await Promise.all(loops);
      return answers;
    },
  };
}

/** Ends whatever serves on the admin port. */
async function endSuccessor(balancer: BalancerProcess): Promise<void> {
  const pid = [...balancer.output.matchAll(/process (\d+) has taken over/g)].at(-1)?.[1];
  if (pid === undefined) return;
  process.kill(Number(pid), 'SIGTERM');
  for (let i = 0; i < 100; i++) {
    try {
      process.kill(Number(pid), 0);
    } catch {
      return;
    }
    await pause(50);
  }
  process.kill(Number(pid), 'SIGKILL');
}

for (const workers of [1, 2]) {
  test(`SIGUSR2 with ${workers} worker${workers === 1 ? '' : 's'}: every request is answered, long ones finish, DNS goes on`, async (t) => {
    let finish: ServerResponse | undefined;
    const address = await backend(t, (request, response) => {
      if (request.url === '/long') finish = response;
      else response.end('ok');
    });
    const [port, adminPort, dns] = await freePorts(3);
    const document = {
      workers,
      listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
      pools: { api: { endpoints: [address, '127.0.0.1:1'], health: { http: '/', interval: '10s' } } },
      dns: { bind: `127.0.0.1:${dns}`, zones: { 'example.com': { records: { www: { A: '192.0.2.1' } } } } },
      admin: { bind: `127.0.0.1:${adminPort}` },
      drain: { requests: '20s' },
    };
    const balancer = await BalancerProcess.start(document, { adminPort });
    t.after(() => endSuccessor(balancer));
    const old = balancer.child.pid;
    await fetch(`http://127.0.0.1:${adminPort}/api/v1/pools/api/endpoints/${address}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ weight: 7 }),
    });
    for (let i = 0; i < 100 && (await balancer.status()).pools[0].endpoints[1].state !== 'down'; i++) await pause(20);
    const long = ask(port, '/long');
    while (finish === undefined) await pause(10);
    const load = hammer(port);
    let lost = 0;
    let asked = 0;
    const socket = createSocket('udp4');
    t.after(() => socket.close());
    const dnsLoop = (async () => {
      while (asked < 400) {
        asked++;
        const answered = new Promise<boolean>((resolve) => {
          socket.once('message', (message) => resolve(decode(message).type === 'response'));
          setTimeout(() => resolve(false), 1000).unref();
        });
        socket.send(
          encode({ type: 'query', id: asked, questions: [{ type: 'A', name: 'www.example.com' }] }),
          dns,
          '127.0.0.1',
        );
        if (!(await answered)) lost++;
        await pause(5);
      }
    })();
    await pause(300);
    process.kill(old!, 'SIGUSR2');
    await balancer.said(/has taken over/);
    await pause(700);
    const answers = await load.stop();
    assert.deepEqual([...answers.keys()], ['200 ok'], 'nothing else was answered');
    assert.ok(answers.get('200 ok')! > 100);
    const status = await balancer.status();
    assert.equal(status.pools[0].endpoints[0].weight, 7, 'what operators changed came along');
    assert.equal(status.pools[0].endpoints[1].state, 'down', 'and what checks had found out');
    finish!.end('done');
    assert.equal(await long, '200 done', 'the old process finished it');
    assert.deepEqual(await balancer.exited, { code: 0, signal: null });
    assert.equal(await ask(port), '200 ok', 'the new one serves alone');
    await dnsLoop;
    assert.equal(lost, 0, 'every query was answered');
  });
}

test('SIGTERM while a successor starts ends both; what runs is finished', async (t) => {
  let finish: ServerResponse | undefined;
  const address = await backend(t, (_request, response) => {
    finish = response;
  });
  const [port] = await freePorts(1);
  const balancer = await BalancerProcess.start({
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
    pools: { api: { endpoints: [address], health: false } },
  });
  const running = ask(port);
  while (finish === undefined) await pause(10);
  balancer.child.kill('SIGUSR2');
  await pause(100);
  balancer.child.kill('SIGTERM');
  await pause(1500);
  finish.end('done');
  assert.equal(await running, '200 done');
  assert.deepEqual(await balancer.exited, { code: 0, signal: null });
  assert.match(await ask(port), /ECONNREFUSED/, 'no successor is left');
});

test('a successor that cannot start leaves the old process as it was', async (t) => {
  const address = await backend(t, (_request, response) => void response.end('ok'));
  const [port, adminPort] = await freePorts(2);
  const document = {
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
    pools: { api: { endpoints: [address], health: false } },
    admin: { bind: `127.0.0.1:${adminPort}` },
  };
  const balancer = await BalancerProcess.start(document, { adminPort, args: ['--no-watch'] });
  t.after(() => balancer.stop());
  writeFileSync(balancer.file, stringify({ ...document, listeners: { web: { bind: 'nowhere' } } }));
  const refused = await fetch(`http://127.0.0.1:${adminPort}/api/v1/restart`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  assert.equal(refused.status, 409);
  assert.match(((await refused.json()) as { title: string }).title, /the successor ended \(exit code 1\)/);
  assert.match(balancer.output, /this process goes on serving/);
  assert.equal(await ask(port), '200 ok');
});

test('socket activation: a socket that systemd would give is taken, also before anybody serves it', async (t) => {
  const address = await backend(t, (_request, response) => void response.end('ok'));
  const [port, adminPort] = await freePorts(2);
  const listening = createServer();
  await new Promise<void>((resolve) => listening.listen(port, '127.0.0.1', resolve));
  const { fd } = (listening as unknown as { _handle: { fd: number } })._handle;
  const { spawn } = await import('node:child_process');
  const { mkdtempSync, rmSync } = await import('node:fs');
  const folder = mkdtempSync('/tmp/evenkeel-activated-');
  const file = `${folder}/evenkeel.yaml`;
  writeFileSync(
    file,
    stringify({
      workers: 1,
      listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
      pools: { api: { endpoints: [address], health: false } },
      admin: { bind: `127.0.0.1:${adminPort}` },
    }),
  );
  // As systemd does it: the process id is known to the process that becomes ours.
  const script = `exec env LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=web "$@"`;
  const bin = new URL('../../bin/evenkeel.js', import.meta.url).pathname;
  const child = spawn('sh', ['-c', script, 'sh', process.execPath, bin, 'run', file], {
    stdio: ['ignore', 'ignore', 'pipe', fd],
  });
  t.after(async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
    rmSync(folder, { recursive: true });
  });
  // Whoever comes before it serves waits in the kernel's queue.
  const early = new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
    );
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
    socket.on('end', () => resolve(text));
    socket.on('error', reject);
  });
  // systemd's own copy does not accept; ours must not either.
  (listening as unknown as { _handle: { onconnection: () => void } })._handle.onconnection = () => undefined;
  listening.close();
  assert.match(await early, /^HTTP\/1\.1 200 OK/);
  assert.equal(await ask(port), '200 ok');
});
