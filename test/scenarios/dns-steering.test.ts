// What operators count on of steered DNS, with the real process over real sockets: shares of weights, how soon a failover is seen,
// and secondaries that follow a reload.

import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { askUdp, decode, question } from '../../src/testing/dns-scenario.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { nginxBackend } from '../../src/testing/nginx.ts';
import { nsd } from '../../src/testing/nsd.ts';
import { needs } from '../../src/testing/programs.ts';

/** Each with a port of its own, so that the kernel spreads them over the workers. */
const CLIENTS = 16;
const UNDER_WAY = 16;

/** The addresses of so many answers with one A record each, and how often each came. */
async function tally(t: TestContext, port: number, name: string, queries: number): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  const packet = question(name, 'A');
  let asked = 0;
  let answered = 0;
  let done: () => void;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  const clients = Array.from({ length: CLIENTS }, () => {
    const socket = createSocket({ type: 'udp4', recvBufferSize: 1024 * 1024 });
    t.after(() => socket.close());
    const ask = (): void => {
      if (asked++ < queries) socket.send(packet);
    };
    socket.on('message', (answer) => {
      const one = (answer[3] & 15) === 0 && answer.readUInt16BE(6) === 1;
      // Without EDNS nothing is behind the record.
      const address = one ? [...answer.subarray(-4)].join('.') : `rcode ${answer[3] & 15}`;
      counts.set(address, (counts.get(address) ?? 0) + 1);
      if (++answered === queries) done();
      else ask();
    });
    socket.connect(port, '127.0.0.1');
    return { socket, ask };
  });
  await Promise.all(clients.map(({ socket }) => once(socket, 'connect')));
  const late = AbortSignal.timeout(60_000);
  const tooLate = once(late, 'abort').then(() => assert.fail(`${answered} of ${queries} were answered`));
  for (const { ask } of clients) for (let i = 0; i < UNDER_WAY; i++) ask();
  await Promise.race([all, tooLate]);
  return counts;
}

test('weights of 70 and 30 are the shares of 100,000 answers, within one percent', async (t) => {
  const [port] = await freePorts(1);
  const balancer = await BalancerProcess.start({
    workers: 2,
    sites: { eu: '203.0.113.1', us: '203.0.113.2' },
    dns: {
      bind: `127.0.0.1:${port}`,
      zones: { 'example.com': { records: { app: { ttl: 30, steer: { kind: 'weighted', eu: 70, us: 30 } } } } },
    },
  });
  t.after(() => balancer.stop());
  const counts = await tally(t, port, 'app.example.com', 100_000);
  assert.deepEqual([...counts.keys()].sort(), ['203.0.113.1', '203.0.113.2']);
  // Chance alone strays by 0.15 % (one standard deviation).
  const share = counts.get('203.0.113.1')! / 100_000;
  t.diagnostic(`share of the one with 70: ${(share * 100).toFixed(2)} %`);
  assert.ok(Math.abs(share - 0.7) <= 0.01, `${share}`);
});

test('answers leave a dead server within fall × interval, and not before so many probes have failed', {
  skip: needs('nginx'),
}, async (t) => {
  const INTERVAL_MS = 400;
  const FALL = 3;
  /** What the last probe, the tick of the verdict and the query take on a busy machine. */
  const SLOWNESS_MS = 250;
  const [port, adminPort, eu, us] = await freePorts(4);
  const backends = await Promise.all([nginxBackend(eu), nginxBackend(us)]);
  for (const backend of backends) t.after(() => backend.stop());
  // All delays are the interval: the bound then holds as it is written, without jitter and without a shorter interval for doubts.
  const every = `${INTERVAL_MS}ms`;
  const health = { http: '/', interval: every, pendingInterval: every, jitter: 0, fall: FALL, rise: 2 };
  const balancer = await BalancerProcess.start(
    {
      workers: 2,
      pools: {
        eu: { endpoints: [`127.0.0.1:${eu}`], health },
        us: { endpoints: [`127.0.0.1:${us}`], health },
      },
      sites: { eu: { addresses: '203.0.113.1', pool: 'eu' }, us: { addresses: '203.0.113.2', pool: 'us' } },
      dns: {
        bind: `127.0.0.1:${port}`,
        zones: { 'example.com': { records: { app: { ttl: 30, steer: { kind: 'failover', order: ['eu', 'us'] } } } } },
      },
      admin: { bind: `127.0.0.1:${adminPort}` },
    },
    { adminPort },
  );
  t.after(() => balancer.stop());
  const address = async (): Promise<string> => {
    const answers = decode(await askUdp(port, question('app.example.com', 'A'))).answers as { data?: unknown }[];
    return answers.map(({ data }) => String(data)).join();
  };
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    for (let i = 0; (await address()) !== '203.0.113.1'; i++) {
      assert.ok(i < 20_000, 'the first site never answered');
    }
    const killed = performance.now();
    await backends[0].kill();
    while ((await address()) === '203.0.113.1')
      assert.ok(performance.now() - killed < 10_000, 'the answer never changed');
    const tookMs = performance.now() - killed;
    times.push(Math.round(tookMs));
    assert.equal(await address(), '203.0.113.2');
    assert.ok(tookMs <= FALL * INTERVAL_MS + SLOWNESS_MS, `${tookMs} ms are more than ${FALL} × ${INTERVAL_MS}`);
    // The first failed probe may come at once; the others are an interval apart. Timers are a millisecond exact.
    assert.ok(tookMs >= (FALL - 1) * INTERVAL_MS - FALL, `${tookMs} ms are too few for ${FALL} probes`);
    const status = await balancer.status();
    const endpoint = status.pools.find(({ name }) => name === 'eu')!.endpoints[0];
    assert.ok(endpoint.active.failures >= FALL);
    assert.equal(status.changes[0].to, 'down');
    assert.equal(status.changes[0].cause, 'probe');
    await backends[0].start();
  }
  t.diagnostic(`failed over after ${times.join(', ')} ms`);
});

test('a reload with a changed zone is told to its secondary, which fetches it; one without a change is told to nobody', {
  skip: needs('nsd'),
}, async (t) => {
  const [port, secondary] = await freePorts(2);
  const document = (host: string, ttl: number) => ({
    workers: 2,
    dns: {
      bind: `127.0.0.1:${port}`,
      zones: {
        'example.com': {
          ns: 'ns1.example.com',
          // Nothing but a notice makes the secondary look again within this test.
          soa: { refresh: 86_400, retry: 86_400 },
          transfer: { allow: '127.0.0.1', notify: `127.0.0.1:${secondary}` },
          records: { ns1: { A: '192.0.2.1' }, www: { ttl, A: host } },
        },
      },
    },
  });
  const lines = `request-xfr: AXFR 127.0.0.1@${port} NOKEY\n  allow-notify: 127.0.0.1 NOKEY`;
  const balancer = await BalancerProcess.start(document('192.0.2.10', 60), { args: ['--no-watch'] });
  t.after(() => balancer.stop());
  const other = await nsd(secondary, [{ name: 'example.com', lines }]);
  t.after(() => other.stop());
  const TOLD = /127\.0\.0\.1:\d+ knows of zone example\.com/;
  const becomes = async (expected: string): Promise<void> => {
    const until = performance.now() + 10_000;
    let found: unknown;
    while (found !== expected) {
      assert.ok(performance.now() < until, `the secondary still says ${String(found)}`);
      const { answers } = decode(await askUdp(secondary, question('www.example.com', 'A')));
      found = (answers as { data?: unknown }[])[0]?.data;
    }
  };
  /** A secondary that is taking a zone over says SERVFAIL for a moment. */
  const serial = async (at: number): Promise<number> => {
    const until = performance.now() + 10_000;
    for (;;) {
      const { answers } = decode(await askUdp(at, question('example.com', 'SOA')));
      const [soa] = answers as { data: { serial: number } }[];
      if (soa !== undefined) return soa.data.serial;
      assert.ok(performance.now() < until, 'the zone never came back');
    }
  };
  await becomes('192.0.2.10');
  const first = await serial(secondary);
  const reload = async (next: object): Promise<string> => {
    const from = balancer.output.length;
    balancer.write(next);
    balancer.child.kill('SIGHUP');
    await balancer.said(/reloaded/, { from });
    return balancer.output.slice(from);
  };
  const from = balancer.output.length;
  await reload(document('192.0.2.20', 60));
  await becomes('192.0.2.20');
  await balancer.said(TOLD, { from });
  const second = await serial(secondary);
  assert.ok(second > first, `${first} became ${second}`);
  assert.equal(second, await serial(port));
  const quiet = balancer.output.length;
  await reload({ ...document('192.0.2.20', 60), drain: { requests: '7s' } });
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.doesNotMatch(balancer.output.slice(quiet), TOLD);
  assert.equal(await serial(secondary), second);
});
