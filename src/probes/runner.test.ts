import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { afterEach, test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import type { HealthConfig } from '../config/types.ts';
import { LoadTable } from '../core/load-table.ts';
import type { PoolHealth } from '../health/entry.ts';
import { HealthTable } from '../health/table.ts';
import { encodeLocal } from '../net/proxy-protocol.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { HEALTH } from '../testing/pool-config.ts';
import { seededRandom } from '../testing/seeded-random.ts';
import { ProbeRunner } from './runner.ts';

interface Backend {
  readonly port: number;
  connections: number;
  close(): void;
}

/** Also when an assertion failed: an open server would keep the test process alive. */
const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function backend(): Promise<Backend> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    result.connections++;
    sockets.add(socket);
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const result: Backend = {
    port: (server.address() as { port: number }).port,
    connections: 0,
    close() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  cleanups.push(() => result.close());
  return result;
}

function setup(ports: readonly number[], config: Partial<HealthConfig> = {}, concurrency?: number) {
  const clock = fakeClock();
  const health = new HealthTable({ load: LoadTable.local(16), clock });
  const pool = (list: readonly number[], over = config): PoolHealth => ({
    name: 'p',
    slot: 0,
    health: { ...HEALTH, ...over },
    passive: undefined,
    slowStart: undefined,
    endpoints: list.map((port, slot) => ({
      id: `p/${port}`,
      address: { host: '127.0.0.1', port },
      weight: 1,
      tier: 0,
      zone: '',
      slot,
    })),
  });
  health.setPool(pool(ports), { initial: true });
  const runner = new ProbeRunner({ health, clock, random: seededRandom(1), ...(concurrency && { concurrency }) });
  runner.sync();
  cleanups.push(() => runner.stop());
  return { clock, health, runner, pool };
}

/** Lets real sockets of the loopback do their work while the fake clock stands still. */
async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 100_000; i++) {
    if (condition()) return;
    await turn();
  }
  assert.fail('it never happened');
}

test('the first probe comes at once and decides; later ones come at the interval', async () => {
  const up = await backend();
  const gone = await backend();
  gone.close();
  const { clock, health } = setup([up.port, gone.port]);
  assert.equal(health.word(`p/${up.port}`), 'checking');
  clock.advance(200);
  await until(() => health.word(`p/${up.port}`) === 'up' && health.word(`p/${gone.port}`) === 'down');
  assert.equal(up.connections, 1);
  clock.advance(4000);
  await turn();
  assert.equal(up.connections, 1);
  clock.advance(1600);
  await until(() => up.connections === 2);
});

test('while a verdict is pending the next probe comes soon', async () => {
  const server = await backend();
  const { clock, health } = setup([server.port]);
  const id = `p/${server.port}`;
  const failures = () => health.snapshot()[0].active.failures;
  clock.advance(200);
  await until(() => health.word(id) === 'up');
  server.close();
  clock.advance(5600);
  await until(() => failures() === 1);
  clock.advance(1100);
  await until(() => failures() === 2);
  assert.equal(health.word(id), 'up');
  clock.advance(1100);
  await until(() => health.word(id) === 'down');
});

test('a silent backend fails at the timeout, and no more probes run at once than allowed', async () => {
  const silent = await backend();
  const probe: HealthConfig['probe'] = {
    kind: 'http',
    transport: { tls: undefined, h2: false },
    path: '/',
    method: 'GET',
    host: '',
    headers: {},
    status: [[200, 299]],
    body: undefined,
  };
  const other = await backend();
  const { clock, health } = setup([silent.port, other.port], { probe }, 1);
  clock.advance(200);
  await until(() => silent.connections + other.connections === 1);
  clock.advance(1000);
  await turn();
  assert.equal(silent.connections + other.connections, 1, 'the second waits for the first');
  clock.advance(1000);
  await until(() => silent.connections + other.connections === 2);
  assert.equal(health.snapshot().filter((status) => status.state === 'down').length, 1);
  assert.match(
    health.snapshot().find((status) => status.state === 'down')!.active.last!.evidence,
    /no answer in 2\d{3} ms/,
  );
  clock.advance(2000);
  await until(() => health.snapshot().every((status) => status.state === 'down'));
});

test('a reload keeps unchanged loops, starts new ones and ends those of removed endpoints; stop leaves no timer', async () => {
  const [a, b] = [await backend(), await backend()];
  const { clock, health, runner, pool } = setup([a.port]);
  clock.advance(200);
  await until(() => health.word(`p/${a.port}`) === 'up');
  health.setPool(pool([a.port, b.port]));
  runner.sync();
  clock.advance(200);
  await until(() => health.word(`p/${b.port}`) === 'up');
  assert.equal(a.connections, 1, 'the one that stays is not probed anew');
  health.setPool(pool([a.port]));
  health.prune();
  runner.sync();
  clock.advance(6000);
  await until(() => a.connections === 2);
  assert.equal(b.connections, 1);
  runner.stop();
  await turn();
  assert.equal(clock.pending, 0);
});

test('probes of a port that expects PROXY headers begin with one that speaks for nobody', async () => {
  const received: Buffer[] = [];
  const server = createServer((socket) => void socket.on('data', (data) => received.push(data)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => server.close());
  const { port } = server.address() as { port: number };
  for (const proxyHeader of [1, 2] as const) {
    const { clock, health, runner } = setup([port], { proxyHeader });
    clock.advance(200);
    await until(() => received.length === proxyHeader && health.word(`p/${port}`) === 'up');
    runner.stop();
  }
  assert.deepEqual(received, [encodeLocal(1), encodeLocal(2)]);
});

test('what others probe is left alone, and taken up at once when it is ours', async () => {
  const [ours, theirs] = [await backend(), await backend()];
  const { clock, runner } = setup([ours.port, theirs.port], { intervalMs: 1000, jitter: 0 });
  let isOurs = (id: string): boolean => id === `p/${ours.port}`;
  runner.only((id) => isOurs(id));
  const pass = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i += 100) {
      clock.advance(100);
      for (let n = 0; n < 20; n++) await turn();
    }
  };
  await pass(5000);
  assert.ok(ours.connections >= 3, `${ours.connections}`);
  assert.equal(theirs.connections, 0);
  isOurs = () => true;
  runner.only((id) => isOurs(id));
  await pass(300);
  assert.equal(theirs.connections, 1, 'long before an interval is over');
  runner.only(undefined);
  await pass(300);
  assert.equal(theirs.connections, 1, 'and once');
});
