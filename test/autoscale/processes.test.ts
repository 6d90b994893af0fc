// CPU load makes the autoscaler add real processes, and removing the load drains them away; no request fails on the way.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const SERVER = fileURLToPath(new URL('../../examples/autoscale/server.mjs', import.meta.url));
const QUICK = {
  period: '250ms',
  warmUp: '500ms',
  cooldownOut: '250ms',
  cooldownIn: '250ms',
  stabilisation: '2s',
  drain: '5s',
};

interface Report {
  readonly running: number;
  readonly desired: number;
  readonly draining: number;
  readonly reason: string;
  readonly value: number | undefined;
  readonly problem: string;
}

async function start(t: TestContext, autoscale: object, args: readonly string[] = []) {
  const [port, adminPort] = await freePorts(2);
  const balancer = await BalancerProcess.start(
    {
      workers: 1,
      listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
      pools: {
        api: {
          balance: 'least-connections',
          autoscale: { min: 1, max: 3, ...QUICK, processes: { command: [process.execPath, SERVER] }, ...autoscale },
          health: { http: '/health', interval: '200ms' },
        },
      },
      admin: { bind: `127.0.0.1:${adminPort}` },
    },
    { adminPort, args },
  );
  t.after(() => balancer.stop());
  const report = async (): Promise<Report> => {
    const response = await fetch(`http://127.0.0.1:${adminPort}/api/v1/autoscale`);
    return ((await response.json()) as Report[])[0];
  };
  const until = async (what: string, holds: (now: Report) => boolean): Promise<Report> => {
    for (let i = 0; i < 240; i++) {
      const now = await report();
      if (holds(now)) return now;
      await pause(100);
    }
    throw new Error(`waited too long until ${what}: ${JSON.stringify(await report())}\n${balancer.output}`);
  };
  return { balancer, port, report, until };
}

function ask(port: number, path: string, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    request({ host: '127.0.0.1', port, path, agent }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
      });
      response.on('end', () => resolve(`${response.statusCode} ${body}`));
    })
      .on('error', (error) => resolve(error.message))
      .end();
  });
}

/** So many clients that never rest. */
function load(port: number, clients: number, path = '/'): { stop(): Promise<{ failed: string[]; pids: Set<string> }> } {
  const agent = new Agent({ keepAlive: true });
  const failed: string[] = [];
  const pids = new Set<string>();
  let isOn = true;
  const loops = Array.from({ length: clients }, async () => {
    while (isOn) {
      const answer = await ask(port, path, agent);
      if (answer.startsWith('200 ')) pids.add(answer.slice(4));
      else failed.push(answer);
    }
  });
  return {
    async stop() {
      isOn = false;
      await Promise.all(loops);
      agent.destroy();
      return { failed, pids };
    },
  };
}

const isAlive = (pid: string): boolean => {
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch {
    return false;
  }
};

test('CPU load adds processes, which take load; without it they are drained and stopped', {
  timeout: 90_000,
}, async (t) => {
  const { balancer, port, until } = await start(t, { cpu: '30%', from: 'json:/health#load.cpu' });
  await until('the first one serves', ({ running }) => running === 1);
  const clients = load(port, 2);
  await until('there are three', ({ running }) => running === 3);
  await pause(800);
  const { failed, pids } = await clients.stop();
  assert.deepEqual(failed, [], 'nothing failed while they came');
  assert.equal(pids.size, 3, 'all of them served');
  const calm = load(port, 1, '/slow');
  await until('two of them are gone', ({ running, draining }) => running === 1 && draining === 0);
  const { failed: lost } = await calm.stop();
  assert.deepEqual(lost, [], 'nothing failed while they went');
  assert.equal([...pids].filter(isAlive).length, 1);
  assert.match(balancer.output, /1 → \d instances \(scale-out\)/);
  assert.match(balancer.output, /was empty and is stopped/);
  const status = await balancer.status();
  assert.deepEqual(status.runtime.changes, [], "nothing of it is left among operators' changes");
  await balancer.stop();
  assert.equal([...pids].filter(isAlive).length, 0, 'and with the balancer the last one ends');
});

test('the example runs as it is written', { timeout: 30_000 }, async (t) => {
  const [port, adminPort] = await freePorts(2);
  const written = parse(
    readFileSync(fileURLToPath(new URL('../../examples/autoscale/evenkeel.yaml', import.meta.url)), 'utf8'),
  );
  const { api } = written.pools;
  api.autoscale.processes.folder = dirname(SERVER);
  const document = {
    ...written,
    listeners: { web: { ...written.listeners.web, bind: `127.0.0.1:${port}` } },
    admin: `127.0.0.1:${adminPort}`,
  };
  const balancer = await BalancerProcess.start(document, { adminPort });
  t.after(() => balancer.stop());
  const agent = new Agent();
  assert.match(await ask(port, '/', agent), /^200 \d+$/);
  const told = await fetch(`http://127.0.0.1:${adminPort}/api/v1/autoscale`);
  const [{ running, warming, provider }] = (await told.json()) as {
    running: number;
    warming: number;
    provider: string;
  }[];
  assert.deepEqual([running + warming, provider], [1, 'processes']);
});

test('requests in flight, too; an instance that dies is replaced', { timeout: 60_000 }, async (t) => {
  const { port, until } = await start(t, { inFlight: 2, min: 2 });
  await until('two serve', ({ running }) => running === 2);
  const agent = new Agent();
  const pid = (await ask(port, '/', agent)).slice(4);
  process.kill(Number(pid), 'SIGKILL');
  await until('one is missed', ({ running }) => running < 2);
  await until('it is replaced', ({ running }) => running === 2);
  const clients = load(port, 12, '/slow');
  await until('there are three', ({ running }) => running === 3);
  const { failed } = await clients.stop();
  assert.deepEqual(failed, []);
});

test('instances end with a balancer that is killed', { timeout: 30_000 }, async (t) => {
  const { balancer, port, until } = await start(t, { inFlight: 2 });
  await until('one serves', ({ running }) => running === 1);
  const pid = (await ask(port, '/', new Agent())).slice(4);
  balancer.child.kill('SIGKILL');
  for (let i = 0; i < 100 && isAlive(pid); i++) await pause(50);
  assert.ok(!isAlive(pid));
});

test('a dry run says what it would do, and does nothing', { timeout: 30_000 }, async (t) => {
  const { balancer, report } = await start(t, { inFlight: 2 }, ['--dry-run']);
  await balancer.said(/pool api: 0 → 1 instances \(below-min\); dry run: nothing is done/);
  assert.equal((await report()).running, 0);
});

test('a command that cannot be started is told, and tried again less and less often', {
  timeout: 30_000,
}, async (t) => {
  const { until, balancer } = await start(t, {
    inFlight: 2,
    processes: { command: [process.execPath, '-e', 'console.error("no database"); process.exit(3)'] },
  });
  await balancer.said(/ended by itself \(exit code 3: no database\)/);
  const { problem } = await until('it pauses', (now) => now.problem !== '');
  assert.match(problem, /instances end soon after their start: the next try waits/);
});
