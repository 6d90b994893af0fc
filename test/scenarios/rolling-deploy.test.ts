// A rolling deploy of every backend, and then of the balancer itself, under load: nothing fails.

import assert from 'node:assert/strict';
import { Agent, createServer, get, type Server } from 'node:http';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

async function backend(port: number, version: string): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/health') return void response.end('ok');
    setTimeout(() => response.end(version), 15);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return server;
}

function ask(port: number, agent: Agent | false): Promise<string> {
  return new Promise((resolve) => {
    get({ host: '127.0.0.1', port, agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
      response.on('error', (error) => resolve(error.message));
    }).on('error', (error) => resolve(error.message));
  });
}

test('all backends and the balancer are replaced under load, and no request fails', { timeout: 60_000 }, async (t) => {
  const [port, adminPort, ...ports] = await freePorts(5);
  const servers = await Promise.all(ports.map((one) => backend(one, 'v1')));
  t.after(() => {
    for (const server of servers) {
      server.closeAllConnections();
      server.close();
    }
  });
  const balancer = await BalancerProcess.start(
    {
      workers: 2,
      listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
      pools: {
        api: {
          balance: 'least-connections',
          endpoints: ports.map((one) => `127.0.0.1:${one}`),
          health: { http: '/health', interval: '200ms' },
        },
      },
      admin: { bind: `127.0.0.1:${adminPort}` },
    },
    { adminPort },
  );
  const operate = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1${path}`, {
      method,
      headers: {
        'x-evenkeel': '1',
        connection: 'close',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    assert.ok(response.ok, `${method} ${path}: ${response.status}`);
    // biome-ignore lint/suspicious/noExplicitAny: a test knows what it asked for
    return (await response.json()) as any;
  };
  const answers = new Map<string, number>();
  let isOn = true;
  // Half of the clients keep their connections, half open a new one for each request.
  const loops = Array.from({ length: 12 }, async (_, i) => {
    const agent = i % 2 === 0 ? new Agent({ keepAlive: true, maxSockets: 1 }) : false;
    while (isOn) {
      const answer = await ask(port, agent);
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
    }
    if (agent !== false) agent.destroy();
  });
  for (const [i, one] of ports.entries()) {
    const path = `/pools/api/endpoints/127.0.0.1:${one}`;
    await operate('POST', `${path}/drain`, { note: 'deploy' });
    while ((await operate('GET', `${path}/drain`)).phase !== 'empty') await pause(50);
    servers[i].closeAllConnections();
    await new Promise((resolve) => servers[i].close(resolve));
    await pause(300);
    servers[i] = await backend(one, 'v2');
    while ((await operate('GET', '/pools/api')).endpoints[i].active.verdict !== 'up') await pause(50);
    await operate('PATCH', path, { mode: 'ready', note: 'deployed' });
  }
  const { pid } = await operate('POST', '/restart', { note: 'deploy' });
  t.after(() => process.kill(pid, 'SIGTERM'));
  await pause(1500);
  isOn = false;
  await Promise.all(loops);
  assert.deepEqual([...answers.keys()].sort(), ['200 v1', '200 v2'], JSON.stringify([...answers]));
  assert.ok(answers.get('200 v2')! > 100);
  assert.deepEqual(await balancer.exited, { code: 0, signal: null }, 'the old balancer ended in order');
  assert.equal(await ask(port, false), '200 v2');
});
