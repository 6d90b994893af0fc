// Real traffic through the kernel, in network namespaces: a client, a balancer and two backends on networks of their own,
// and `evenkeel run` as a user starts it.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { NatLab, namespaceOf, needsNamespaces } from '../../src/testing/netns.ts';
import { findProgram } from '../../src/testing/programs.ts';

const ADMIN = 'http://127.0.0.1:9900';
const HEALTH = { tcp: true, interval: '100ms', timeout: '1s', rise: 1, fall: 2 };
const ONE = '10.99.1.2:8080';
const TWO = '10.99.2.2:8080';
const skip = needsNamespaces();

let lab: NatLab;
const running: BalancerProcess[] = [];

interface Extra {
  readonly listener?: object;
  readonly pool?: object;
  readonly config?: object;
}

const document = ({ listener, pool, config }: Extra = {}) => ({
  workers: 1,
  listeners: { web: { bind: '0.0.0.0:80', protocol: 'tcp', mode: 'nat', pool: 'web', ...listener } },
  pools: { web: { endpoints: [ONE, TWO], ...pool } },
  admin: { bind: '127.0.0.1:9900' },
  drain: { requests: '10ms', streams: '10ms' },
  ...config,
});

async function start(extra: Extra = {}): Promise<BalancerProcess> {
  const inside = [findProgram('ip')!, 'netns', 'exec', namespaceOf('balancer')];
  const balancer = await BalancerProcess.start(document(extra), { inside });
  running.push(balancer);
  return balancer;
}

const ask = (times: number, host = '10.99.0.1', from?: string): Promise<string[]> =>
  lab.client.do<string[]>({ op: 'ask', host, port: 80, times, from });
const open = (host = '10.99.0.1', from?: string) =>
  lab.client.do<{ conn: number; greeting: string }>({ op: 'open', host, port: 80, from });
const echo = (conn: number, text = 'still here') => lab.client.do<string>({ op: 'echo', conn, text });
const names = (answers: readonly string[]): string[] => answers.map((answer) => answer.split(' ')[0]);
const count = (answers: readonly string[], name: string): number => names(answers).filter((one) => one === name).length;
const get = (path: string): Promise<string> => lab.inside.do<string>({ op: 'get', url: ADMIN + path });

async function until<T>(look: () => T | Promise<T>, good: (value: T) => boolean, what: string): Promise<T> {
  let value = await look();
  for (let i = 0; i < 100 && !good(value); i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    value = await look();
  }
  assert.ok(good(value), `not reached: ${what}; last: ${JSON.stringify(value)}`);
  return value;
}

async function states(): Promise<string[]> {
  const { pools } = JSON.parse(await get('/status'));
  return pools[0].endpoints.map(({ state }: { state: string }) => state);
}

/** The value of one sample, by name and labels. */
async function metric(sample: string): Promise<number> {
  const line = (await get('/metrics')).split('\n').find((one) => one.startsWith(`${sample} `));
  assert.ok(line, `there is a sample ${sample}`);
  return Number(line.slice(sample.length));
}

describe('kernel NAT', { skip }, () => {
  before(async () => {
    lab = await NatLab.create();
  });
  after(() => lab?.close());
  afterEach(async () => {
    for (const balancer of running.splice(0)) await balancer.stop();
    await lab.revive();
    await until(
      () => lab.tables(),
      (tables) => tables.length === 0,
      'no table is left behind',
    );
  });

  test('round robin takes turns exactly, and metrics and status show what the kernel did', async () => {
    await start();
    const answers = await ask(20);
    assert.deepEqual(names(answers.slice(0, 4)).sort(), ['one', 'one', 'two', 'two']);
    assert.deepEqual([count(answers, 'one'), count(answers, 'two')], [10, 10]);
    const labels = `pool="web",endpoint="${ONE}"`;
    await until(
      () => metric(`evenkeel_endpoint_connects_total{${labels}}`),
      (n) => n === 10,
      'ten connections counted',
    );
    assert.equal(await metric('evenkeel_connections_accepted_total{listener="web"}'), 20);
    assert.equal(await metric('evenkeel_pool_requests_total{pool="web"}'), 20);
    assert.ok((await metric(`evenkeel_endpoint_sent_bytes_total{${labels}}`)) > 10 * 40);
    assert.ok((await metric(`evenkeel_endpoint_received_bytes_total{${labels}}`)) > 10 * 40);
    assert.equal(await metric('evenkeel_listener_path{listener="web",path="kernel"}'), 1);
    const [web] = JSON.parse(await get('/status')).listeners;
    assert.deepEqual([web.path, web.note, web.port], ['kernel', '', 80]);
  });

  test('weights: three to one, smoothly', async () => {
    const endpoints = [{ address: ONE, weight: 3 }, TWO];
    await start({ pool: { balance: 'weighted-round-robin', endpoints } });
    const answers = names(await ask(24));
    assert.equal(answers.filter((name) => name === 'one').length, 18);
    assert.doesNotMatch(answers.join(' '), /two two/);
  });

  test('random: both get their share', async () => {
    await start({ pool: { balance: 'random' } });
    const ones = count(await ask(100), 'one');
    // 50 ± 6 standard deviations.
    assert.ok(ones > 20 && ones < 80, `${ones} of 100`);
  });

  for (const kind of ['source-hash', 'maglev']) {
    test(`${kind}: a client stays where it is, also when the other endpoint leaves`, async () => {
      await start({ pool: { balance: kind, health: HEALTH } });
      await until(states, (all) => all.join() === 'up,up', 'both are checked');
      const clients = Array.from({ length: 30 }, (_, i) => `10.99.0.${2 + i}`);
      const owners = async (): Promise<string[]> => {
        const all: string[] = [];
        for (const client of clients) {
          all.push(names(await ask(1, '10.99.0.1', client))[0]);
        }
        return all;
      };
      const first = await until(owners, (all) => new Set(all).size === 2, 'both have clients');
      assert.deepEqual(await owners(), first);
      await lab.kill('two');
      await until(states, (all) => all.join() === 'up,down', 'two is down');
      // The verdict is in the kernel some milliseconds after it is in the status.
      await until(owners, (all) => all.every((name) => name === 'one'), 'its clients go to the other');
      await lab.serve('two');
      await until(states, (all) => all.join() === 'up,up', 'two is up again');
      await until(owners, (all) => all.join() === first.join(), 'its clients, and no others, come back');
    });
  }

  test('snat auto: backends see the balancer; backends and the balancer itself may be clients', async () => {
    await start();
    const answers = await ask(2);
    assert.deepEqual(answers.sort(), ['one 10.99.1.1', 'two 10.99.2.1']);
    // The hairpin: a backend is a client as well, and may be sent to itself.
    const hairpin = await lab.backend('one').do<string[]>({ op: 'ask', host: '10.99.1.1', port: 80, times: 2 });
    assert.deepEqual(hairpin.sort(), ['one 10.99.1.1', 'two 10.99.2.1']);
    const local = await lab.inside.do<string[]>({ op: 'ask', host: '10.99.0.1', port: 80, times: 2 });
    assert.deepEqual(names(local).sort(), ['one', 'two'], 'the balancer itself is a client like others');
  });

  test('snat off: backends see the client, and their answers come back through us', async () => {
    await start({ listener: { snat: 'off' } });
    assert.deepEqual((await ask(2, '10.99.0.1', '10.99.0.7')).sort(), ['one 10.99.0.7', 'two 10.99.0.7']);
  });

  test('a backend that dies gets nothing new after its checks, connections to others go on', async () => {
    await start({ pool: { health: HEALTH } });
    const kept = [await open(), await open()].find(({ greeting }) => greeting.startsWith('one'))!;
    await lab.kill('two');
    const died = performance.now();
    await until(
      async () => count(await ask(4), 'one'),
      (ones) => ones === 4,
      'all go to one',
    );
    assert.ok(performance.now() - died < 1500, 'within a few checks');
    assert.equal(await echo(kept.conn), 'still here');
    await lab.kill('one');
    // Nobody is left: refused at once, not left hanging and not answered by anything else on the host.
    await until(
      () => ask(1),
      ([answer]) => answer === 'ECONNREFUSED',
      'new connections are refused',
    );
    const began = performance.now();
    await ask(5);
    assert.ok(performance.now() - began < 500, 'refusals are fast');
    await Promise.all([lab.serve('one'), lab.serve('two')]);
    await until(
      async () =>
        names(await ask(2))
          .sort()
          .join(),
      (both) => both === 'one,two',
      'both are back',
    );
  });

  test('a reload drains what is gone: established connections stay, new ones go elsewhere', async () => {
    const balancer = await start();
    const held = [await open(), await open()];
    const { output } = balancer;
    balancer.write(document({ pool: { endpoints: [TWO] } }));
    await balancer.said(/reloaded/, { from: output.length });
    assert.deepEqual(names(await ask(4)), ['two', 'two', 'two', 'two']);
    for (const { conn } of held) assert.equal(await echo(conn), 'still here');
    balancer.write(document({ pool: { endpoints: [ONE, TWO] } }));
    await balancer.said(/reloaded[\s\S]*reloaded/, { from: output.length });
    assert.equal(count(await ask(4), 'one'), 2);
    for (const { conn } of held) assert.equal(await echo(conn), 'still here');
  });

  test('from the proxy to the kernel and back by reloads, with connections of both kept', async () => {
    const drain = { requests: '500ms', streams: '500ms' };
    const change = (mode: string) => ({ listener: { mode }, config: { drain } });
    const balancer = await start(change('proxy'));
    const proxied = await open();
    const path = async (): Promise<string> => JSON.parse(await get('/status')).listeners[0].path;
    assert.equal(await path(), 'proxy');
    balancer.write(document(change('nat')));
    await balancer.said(/reloaded/);
    assert.equal(await echo(proxied.conn), 'still here', 'it drains');
    assert.equal(await path(), 'kernel');
    const forwarded = await open();
    balancer.write(document(change('proxy')));
    await balancer.said(/reloaded[\s\S]*reloaded/);
    assert.equal(await path(), 'proxy');
    assert.equal(count(await ask(4), 'one'), 2);
    assert.equal(await echo(forwarded.conn), 'still here');
    assert.deepEqual(
      lab.tables().filter((name) => name === 'evenkeel'),
      [],
    );
  });

  test('IPv6: to an IPv6 address, and by [::] for both families', async () => {
    const endpoints = ['[fd99:1::2]:8080', '[fd99:2::2]:8080'];
    const balancer = await start({ listener: { bind: '[fd99:0::1]:80' }, pool: { endpoints } });
    assert.deepEqual((await ask(2, 'fd99::1')).sort(), ['one fd99:1::1', 'two fd99:2::1']);
    balancer.write(document({ listener: { bind: '[::]:80' }, pool: { endpoints: [...endpoints, ONE] } }));
    await balancer.said(/reloaded/);
    assert.deepEqual(names(await ask(2, 'fd99::1')).sort(), ['one', 'two']);
    assert.deepEqual(names(await ask(2)), ['one', 'one']);
  });

  test('UDP: flows take turns, one socket stays with its endpoint, nobody there is said by ICMP', async () => {
    const balancer = await start({
      listener: { protocol: 'udp', bind: '10.99.0.1:80' },
      pool: { health: { ...HEALTH } },
    });
    const udp = (times: number, sameSocket: boolean) =>
      lab.client.do<string[]>({ op: 'udp', host: '10.99.0.1', port: 80, times, sameSocket });
    assert.equal(count(await udp(8, false), 'one'), 4);
    assert.equal(new Set(names(await udp(4, true))).size, 1);
    const labels = `pool="web",endpoint="${ONE}"`;
    await until(
      () => metric(`evenkeel_endpoint_sent_datagrams_total{${labels}}`),
      (n) => n >= 4,
      'datagrams are counted',
    );
    balancer.write(document({ listener: { protocol: 'udp', bind: '10.99.0.1:80' }, pool: { endpoints: [] } }));
    await balancer.said(/reloaded/);
    assert.deepEqual(await udp(1, false), ['ECONNREFUSED']);
  });

  test('routes by client: each network its pool', async () => {
    const routes = [{ pool: 'web' }, { client: ['10.99.0.16/28'], pool: 'other' }];
    const pools = { web: { endpoints: [ONE] }, other: { endpoints: [TWO] } };
    await start({ listener: { pool: undefined, routes }, config: { pools } });
    assert.deepEqual(names(await ask(2, '10.99.0.1', '10.99.0.5')), ['one', 'one']);
    assert.deepEqual(names(await ask(2, '10.99.0.1', '10.99.0.20')), ['two', 'two']);
  });

  test('64 KiB of random bytes in random pieces arrive unchanged both ways', async () => {
    await start();
    for (let i = 0; i < 4; i++)
      assert.equal(await lab.client.do({ op: 'bulk', host: '10.99.0.1', port: 80, size: 65_536 }), true);
  });

  test('SIGTERM refuses new connections at once, lets busy ones finish, and leaves no table', async () => {
    const balancer = await start({ config: { drain: { requests: '5s', streams: '5s' } } });
    const { conn } = await open();
    // As a service manager does it: every process of the service, in any order.
    for (const pid of lab.exec('balancer', ['pgrep', '-P', String(balancer.child.pid)]).stdout.split('\n'))
      if (pid !== '') process.kill(-Number(pid), 'SIGTERM');
    balancer.child.kill('SIGTERM');
    await until(
      () => ask(1),
      ([answer]) => answer === 'ECONNREFUSED',
      'new connections are refused',
    );
    for (let i = 0; i < 3; i++) {
      assert.equal(await echo(conn), 'still here');
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    assert.ok(lab.tables().includes('evenkeel'), 'it waits for what is busy');
    assert.deepEqual(await balancer.exited, { code: 0, signal: null });
    assert.deepEqual(lab.tables(), []);
  });

  test('kill -9 leaves no rules, cuts no connection, and a restart takes over', async () => {
    const crashed = await start();
    const { conn } = await open();
    await crashed.stop('SIGKILL');
    await until(
      () => lab.tables().includes('evenkeel'),
      (there) => !there,
      'the table went with its process',
    );
    assert.match(lab.nft('list', 'ruleset'), /^table inet evenkeel-keeper-\S+ [^}]*chain idle \{[^}]*\}\n\}\n$/);
    assert.deepEqual(await ask(1), ['ECONNREFUSED']);
    assert.equal(await echo(conn, 'between'), 'between');
    await start();
    assert.deepEqual(names(await ask(2)).sort(), ['one', 'two']);
    assert.equal(await echo(conn, 'after'), 'after');
    // What lingers for the sake of a restart ends by itself (next test); this one does not wait for that.
    const keepers = lab
      .exec('balancer', ['pgrep', '-a', '-f', `evenkeel-keeper-${crashed.child.pid}-1$`])
      .stdout.trim();
    process.kill(-Math.min(...keepers.split('\n').map((line) => Number.parseInt(line, 10))), 'SIGKILL');
    rmSync(/\/\S*\/evenkeel-nat-\S+/.exec(keepers)![0], { recursive: true });
  });

  test('what lingers after a crash is gone after its time, with its folder', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-nat-'));
    const options = { nft: findProgram('nft')!, folder, table: 'evenkeel-keeper-test', lingerS: 1 };
    const module = new URL('../../src/nat/keeper.ts', import.meta.url);
    const code = `import { Keeper } from '${module.href}'; new Keeper(${JSON.stringify(options)}); setInterval(() => {}, 1000);`;
    const command = ['netns', 'exec', namespaceOf('balancer'), process.execPath, '--input-type=module', '-e', code];
    const crashing = spawn(findProgram('ip')!, command, { stdio: 'ignore' });
    const there = () => lab.tables().includes('evenkeel-keeper-test');
    await until(there, (yes) => yes, 'it is there');
    crashing.kill('SIGKILL');
    const killed = performance.now();
    await until(there, (yes) => !yes, 'it is gone');
    assert.ok(performance.now() - killed > 500, 'it lingered');
    await until(
      () => existsSync(folder),
      (yes) => !yes,
      'the folder is gone',
    );
  });

  test('a table that a saved ruleset brought back is taken over', async () => {
    const at = 'inet evenkeel';
    const hook = '{ type nat hook prerouting priority dstnat; }';
    lab.nft(`add table ${at}; add chain ${at} on/old; add chain ${at} prerouting ${hook}`);
    lab.nft(`add rule ${at} prerouting tcp dport 80 goto on/old`);
    assert.deepEqual(lab.tables(), ['evenkeel']);
    await start();
    assert.deepEqual(names(await ask(2)).sort(), ['one', 'two']);
    assert.doesNotMatch(lab.nft('list', 'ruleset'), /on\/old/);
  });

  test('somebody else\'s "flush ruleset" does not touch it, and the death of its nft is repaired', async () => {
    const balancer = await start();
    lab.nft('flush', 'ruleset');
    assert.deepEqual(names(await ask(2)).sort(), ['one', 'two']);
    const holder = lab.exec('balancer', ['pgrep', '-x', '-P', String(balancer.child.pid), 'nft']).stdout.trim();
    process.kill(Number(holder), 'SIGKILL');
    await balancer.said(/the nft process that holds the table died/);
    await until(
      async () =>
        names(await ask(2))
          .sort()
          .join(),
      (both) => both === 'one,two',
      'served again',
    );
  });

  test('a second balancer on the same host is told why it cannot', async () => {
    await start();
    const inside = [findProgram('ip')!, 'netns', 'exec', namespaceOf('balancer')];
    const second = BalancerProcess.spawn(document({ config: { admin: undefined } }), { inside });
    const { code } = await second.exited;
    assert.equal(code, 1);
    assert.match(second.output, /the table inet evenkeel belongs to another process that is running/);
    assert.deepEqual(names(await ask(2)).sort(), ['one', 'two']);
    await second.stop();
  });

  test('forwarding switched off: nat is refused with the command that helps, auto is a proxy that says why', async () => {
    const forwarding = (value: 0 | 1) =>
      lab.exec('balancer', ['sh', '-c', `echo ${value} > /proc/sys/net/ipv4/ip_forward`]);
    forwarding(0);
    try {
      const inside = [findProgram('ip')!, 'netns', 'exec', namespaceOf('balancer')];
      const refused = BalancerProcess.spawn(document(), { inside });
      assert.equal((await refused.exited).code, 1);
      assert.match(
        refused.output,
        /web: mode nat needs a kernel that forwards IPv4: sysctl -w net\.ipv4\.ip_forward=1/,
      );
      await refused.stop();
      const balancer = await start({ listener: { mode: 'auto' } });
      assert.match(balancer.output, /web is served by the proxy, not by the kernel.*net\.ipv4\.ip_forward/);
      const [web] = JSON.parse(await get('/status')).listeners;
      assert.equal(web.path, 'proxy');
      assert.match(web.note, /ip_forward/);
      assert.equal(await metric('evenkeel_listener_path{listener="web",path="proxy"}'), 1);
    } finally {
      forwarding(1);
    }
  });

  test('without CAP_NET_ADMIN: nat is refused with what is missing', async () => {
    const without = ['setpriv', '--inh-caps=-net_admin', '--bounding-set=-net_admin'];
    const inside = [findProgram('ip')!, 'netns', 'exec', namespaceOf('balancer'), ...without];
    const refused = BalancerProcess.spawn(document(), { inside });
    assert.equal((await refused.exited).code, 1);
    assert.match(refused.output, /web: mode nat needs the capability CAP_NET_ADMIN/);
    await refused.stop();
  });

  test('auto: what only a proxy can do makes it one, the rest goes through the kernel', async () => {
    await start({
      listener: { mode: 'auto' },
      config: {
        workers: 2,
        listeners: {
          web: { bind: '0.0.0.0:80', protocol: 'tcp', mode: 'auto', pool: 'web' },
          busy: { bind: '0.0.0.0:81', protocol: 'tcp', mode: 'auto', pool: 'least' },
        },
        pools: { web: { endpoints: [ONE, TWO] }, least: { balance: 'least-connections', endpoints: [ONE] } },
      },
    });
    const { listeners } = JSON.parse(await get('/status'));
    const paths = listeners.map(({ name, path, note }: Record<string, string>) => [
      name,
      path,
      /least-connections/.test(note),
    ]);
    assert.deepEqual(paths, [
      ['web', 'kernel', false],
      ['busy', 'proxy', true],
    ]);
    assert.equal(count(await ask(4), 'one'), 2);
    assert.deepEqual(names(await lab.client.do<string[]>({ op: 'ask', host: '10.99.0.1', port: 81, times: 1 })), [
      'one',
    ]);
  });
});
