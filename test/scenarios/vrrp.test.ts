// Two balancers and keepalived: when one of them is killed, clients of the shared address try once more at most.

import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { needsNamespaces } from '../../src/testing/netns.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';
import { Segment } from '../../src/testing/segment.ts';

const SHARED = '10.97.0.100';
const DEPLOYED = fileURLToPath(new URL('../../deploy/keepalived/keepalived.conf', import.meta.url));

/** The configuration that is published, with this test's addresses. */
function keepalivedConf(own: string, other: string, isFirst: boolean): string {
  return readFileSync(DEPLOYED, 'utf8')
    .replace('10.0.0.11', own)
    .replace('10.0.0.12', other)
    .replace('10.0.0.10/24', `${SHARED}/24`)
    .replace('state MASTER', isFirst ? 'state MASTER' : 'state BACKUP')
    .replace('priority 150', `priority ${isFirst ? 150 : 100}`)
    .replace('enable_script_security', '')
    .replace('script_user nobody', 'script_user root');
}

const BACKEND = `require('http').createServer((q, r) => r.end('ok')).listen(8000, '0.0.0.0')`;
/** A request every 20 ms, each on a connection of its own; one that fails is tried again after half a second. Tells tries and failures. */
const CLIENT = `
const http = require('http');
const ask = () => new Promise((done) => {
  http.get({ host: '${SHARED}', port: 8080, agent: false, timeout: 4000 }, (r) => { r.resume(); r.on('end', () => done(r.statusCode === 200)); r.on('error', () => done(false)); })
    .on('timeout', function () { this.destroy(); }).on('error', () => done(false));
});
const one = async () => { for (let tries = 1; tries <= 5; tries++) { if (await ask()) return console.log(tries); await new Promise((r) => setTimeout(r, 500)); } console.log('lost'); };
setInterval(one, 20);
`;

interface Pair {
  readonly balancers: BalancerProcess[];
  readonly keepers: ChildProcess[];
}

async function startPair(t: TestContext): Promise<{ pair: Pair; segment: Segment }> {
  const segment = Segment.create(t, ['one', 'two', 'backend', 'client']);
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-vrrp-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  segment.spawn('backend', [process.execPath, '-e', BACKEND]);
  const pair: Pair = { balancers: [], keepers: [] };
  for (const [i, name] of ['one', 'two'].entries()) {
    const { inside, address } = segment.machine(name);
    const balancer = await BalancerProcess.start(
      {
        workers: 1,
        listeners: { web: { bind: '0.0.0.0:8080', pool: 'api' } },
        pools: {
          api: { endpoints: [`${segment.machine('backend').address}:8000`], health: { http: '/', interval: '1s' } },
        },
        admin: { bind: '127.0.0.1:9900' },
      },
      { inside },
    );
    pair.balancers.push(balancer);
    const file = join(folder, `${name}.conf`);
    writeFileSync(file, keepalivedConf(address, segment.machine(i === 0 ? 'two' : 'one').address, i === 0));
    const keeper = segment.spawn(name, [
      findProgram('keepalived')!,
      '--dont-fork',
      '--log-console',
      '--vrrp',
      '-f',
      file,
      '-p',
      join(folder, `${name}.pid`),
      '-r',
      join(folder, `${name}-vrrp.pid`),
    ]);
    keeper.stdout?.resume();
    keeper.stderr?.resume();
    pair.keepers.push(keeper);
    // As BindsTo= of the unit does it.
    void balancer.exited.then(() => keeper.kill('SIGTERM'));
  }
  return { pair, segment };
}

/** Tries that requests needed, in order, as the client tells them. */
function startClient(t: TestContext, segment: Segment): { readonly tries: string[]; stop(): void } {
  const [program, ...args] = [...segment.machine('client').inside, process.execPath, '-e', CLIENT];
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const tries: string[] = [];
  createInterface({ input: child.stdout! }).on('line', (line) => tries.push(line));
  const stop = (): void => void child.kill('SIGKILL');
  t.after(stop);
  return { tries, stop };
}

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (holds()) return;
    await pause(50);
  }
  assert.fail(`waited too long until ${what}`);
}

for (const whole of [false, true]) {
  const what = whole ? 'its whole machine' : 'the balancer alone';
  test(`kill -9 of the one that serves (${what}) costs clients one more try at most`, {
    skip: needsNamespaces() || needs('keepalived', 'curl'),
    timeout: 90_000,
  }, async (t) => {
    const { pair, segment } = await startPair(t);
    const client = startClient(t, segment);
    await until('the shared address answers', () => client.tries.slice(-20).filter((one) => one === '1').length === 20);
    const shown = spawnSync('ip', [...segment.machine('one').inside.slice(1), 'ip', 'addr', 'show', 'eth0'], {
      encoding: 'utf8',
    });
    assert.match(shown.stdout, /10\.97\.0\.100\/24/, 'the first of the two has the address');
    client.tries.length = 0;
    if (whole) pair.keepers[0].kill('SIGKILL');
    // The child is `ip netns exec`, which becomes the balancer.
    pair.balancers[0].child.kill('SIGKILL');
    if (whole) await unplug(segment, 'one');
    await pause(4000);
    client.stop();
    assert.ok(client.tries.length > 100, `${client.tries.length} requests`);
    const counts = Object.fromEntries(
      ['1', '2', '3', '4', '5', 'lost'].map((n) => [n, client.tries.filter((one) => one === n).length]),
    );
    assert.equal(counts['3'] + counts['4'] + counts['5'] + counts.lost, 0, JSON.stringify(counts));
    assert.equal(pair.balancers[1].child.exitCode, null, 'the other one serves');
  });
}

/** A dead machine answers nothing at all. */
async function unplug(segment: Segment, name: string): Promise<void> {
  const child = segment.spawn(name, [findProgram('ip')!, 'link', 'set', 'eth0', 'down']);
  await new Promise((resolve) => child.once('exit', resolve));
}
