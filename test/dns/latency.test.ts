// Steering by measurements, whole: clients of a real listener are measured by the kernel, and answers for their network follow.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { askUdp, decode, question } from '../../src/testing/dns-scenario.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { needs } from '../../src/testing/programs.ts';
import { TcpBackend } from '../../src/testing/tcp-backend.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const run = promisify(execFile);

const EU = '203.0.113.1';
const US = '203.0.113.2';

async function start(t: TestContext, latency: object) {
  const ends: (() => void)[] = [];
  t.after(() => {
    for (const end of ends) end();
  });
  const [port, dnsPort, adminPort] = await freePorts(3);
  const backend = await TcpBackend.echo(t);
  const balancer = await BalancerProcess.start(
    {
      workers: 2,
      admin: { bind: `127.0.0.1:${adminPort}` },
      listeners: { tcp: { bind: `0.0.0.0:${port}`, protocol: 'tcp', pool: 'echo' } },
      pools: { echo: { endpoints: [`127.0.0.1:${backend.port}`] } },
      site: 'eu',
      sites: { eu: EU, us: US },
      latency: { interval: '1s', ...latency },
      dns: {
        bind: `127.0.0.1:${dnsPort}`,
        rateLimit: 'off',
        zones: {
          'example.com': { records: { www: { steer: { kind: 'latency', members: ['eu', 'us'], default: 'us' } } } },
        },
      },
    },
    { adminPort },
  );
  t.after(() => balancer.stop());
  /** Says something again and again, as the kernel measures what is acknowledged. */
  const talk = (from: string): void => {
    const socket = connect({ host: '127.0.0.1', port, localAddress: from });
    const timer = setInterval(() => socket.write('x'), 100);
    socket.resume();
    ends.push(() => {
      clearInterval(timer);
      socket.destroy();
    });
  };
  const ask = async (subnet: string): Promise<{ address: string; scope: number }> => {
    const ecs = { code: 'CLIENT_SUBNET', ip: subnet, sourcePrefixLength: 24 } as never;
    const answer = decode(await askUdp(dnsPort, question('www.example.com', 'A', { edns: 1232, options: [ecs] })));
    const [{ data }] = answer.answers as { data: string }[];
    const { options } = answer.additionals![0] as { options: { scopePrefixLength: number }[] };
    return { address: data, scope: options[0].scopePrefixLength };
  };
  /** Both workers know it when it comes often in a row. */
  const until = async (subnet: string, wanted: string): Promise<void> => {
    const began = performance.now();
    for (let inARow = 0; inARow < 20; ) {
      const { address } = await ask(subnet);
      inARow = address === wanted ? inARow + 1 : 0;
      assert.ok(performance.now() - began < 20_000, `${subnet} is still answered with ${address}`);
      if (inARow === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const page = async (path: string): Promise<string> => (await fetch(`http://127.0.0.1:${adminPort}${path}`)).text();
  return { balancer, talk, ask, until, page };
}

test('clients of a listener are measured, and the answers for their network go to the fastest site', {
  skip: needs('ss'),
}, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-measured-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const other = join(folder, 'us.json');
  const { balancer, talk, ask, until, page } = await start(t, { file: other });
  assert.equal((await ask('127.7.7.0')).address, US, 'nobody is measured: the default');
  talk('127.7.7.9');
  talk('127.7.7.10');
  await until('127.7.7.0', EU);
  assert.equal((await ask('127.7.7.0')).scope, 24);
  assert.equal((await ask('127.9.9.0')).address, US, 'another network');

  const exported = await page('/latency');
  const { site, entries } = JSON.parse(exported) as {
    site: string;
    entries: { network: string; site: string; ms: number }[];
  };
  const own = entries.find(({ network }) => network === '127.7.7.0/24');
  assert.deepEqual([site, own?.site], ['eu', 'eu']);
  assert.ok(own!.ms > 0 && own!.ms < 100, `${own!.ms} ms over loopback`);
  const file = join(folder, 'eu.json');
  writeFileSync(file, exported);
  const args = ['dig', 'www.example.com', '-c', balancer.file, '--latency', file, '--from', '127.7.7.77'];
  const { stdout } = await run(process.execPath, [BIN, ...args]);
  assert.match(stdout, /eu was measured fastest for 127\.7\.7\.77\/24/);

  // What the balancer of the other site has exported.
  writeFileSync(other, JSON.stringify({ entries: [{ network: '127.7.7.0/24', site: 'us', ms: 0.0001 }] }));
  await until('127.7.7.0', US);
  const metrics = await page('/metrics');
  assert.match(metrics, /^evenkeel_latency_reads_total\{from="kernel",result="ok"\} [1-9]/m);
  assert.match(metrics, /^evenkeel_latency_reads_total\{from="file",result="ok"\} 1$/m);
  assert.match(metrics, /^evenkeel_latency_measured_total [1-9]/m);
  assert.match(metrics, /^evenkeel_latency_networks 2$/m);
});
