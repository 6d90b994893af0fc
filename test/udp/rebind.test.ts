// The port of a UDP listener that a reload removed: free at once when nothing runs, and otherwise held by what runs, with
// words that say so.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { compile } from '../../src/config/compile.ts';
import { createLog } from '../../src/observe/log.ts';
import { realEnv } from '../../src/runtime/real-env.ts';
import { Runtime } from '../../src/runtime/runtime.ts';
import { freePorts } from '../../src/testing/free-port.ts';
import { UdpPeer } from '../../src/testing/udp-peer.ts';

const env = realEnv();

async function start(t: TestContext, workers: number) {
  const server = await UdpPeer.server(t);
  const [port, other] = await freePorts(2);
  const runtime = new Runtime({
    env,
    log: createLog({ write() {}, human: true, epoch: env.clock.epoch }),
    workers,
    version: 'test',
  });
  t.after(() => runtime.stop());
  const apply = async (listeners: readonly string[]): Promise<string> => {
    const of = (name: string) => ({
      bind: `127.0.0.1:${name === 'stays' ? other : port}`,
      protocol: 'udp',
      pool: 'p',
      flow: { idle: '600ms' },
    });
    const compiled = compile({
      drain: { requests: '1s', streams: '5s' },
      listeners: Object.fromEntries(listeners.map((name) => [name, of(name)])),
      pools: { p: { endpoints: [`127.0.0.1:${server.port}`] } },
    });
    assert.ok(compiled.ok);
    const applied = await runtime.apply(compiled.value);
    return applied.ok ? 'applied' : applied.error[0].message;
  };
  return { port, apply, client: () => UdpPeer.open(t) };
}

for (const workers of [1, 2]) {
  test(`the port of a removed UDP listener, ${workers} worker(s)`, async (t) => {
    const { port, apply, client } = await start(t, workers);
    assert.equal(await apply(['old', 'stays']), 'applied');
    assert.equal(await apply(['stays']), 'applied');
    assert.equal(await apply(['new', 'stays']), 'applied', 'nothing ran there, so it is free at once');
    assert.equal(await (await client()).ask('x', port), 'x');
    assert.match(await apply(['newer', 'stays']), /held by the running listener "new"/);
    assert.equal(await apply(['stays']), 'applied');
    const held = await apply(['newer', 'stays']);
    assert.match(
      held,
      /^newer: 127\.0\.0\.1:\d+ is held by the flows of the removed listener "new", .* cut in (5|4) s/,
    );
    const until = env.clock.now() + 5000;
    while ((await apply(['newer', 'stays'])) !== 'applied') {
      assert.ok(env.clock.now() < until, 'the flow ends, and its port is free');
      await new Promise<void>((resolve) => env.clock.after(50, resolve));
    }
    assert.equal(await (await client()).ask('y', port), 'y');
  });
}
