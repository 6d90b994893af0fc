import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { LatencyReport, Sharing } from '../runtime/facade.ts';
import { realEnv } from '../runtime/real-env.ts';
import { SharedRedis } from '../store/redis.ts';
import { redisServer } from '../testing/databases.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { eventually } from '../testing/scenario.ts';
import { Board } from './board.ts';
import type { Member } from './members.ts';
import { Seal } from './seal.ts';
import { SharedLatency } from './shared-latency.ts';

const report = (site: string): LatencyReport => ({
  site,
  entries: [{ network: '192.0.2.0/24', site, ms: 20, weight: 3, ageMs: 10 }],
});

async function node(t: TestContext, port: number, name: string, own: LatencyReport, secret = 'known to all of us') {
  const redis = new SharedRedis({ url: `redis://127.0.0.1:${port}`, env: realEnv(), onChange: () => undefined });
  t.after(() => redis.close());
  await eventually(() => redis.up, 'connected');
  const board = new Board({ redis, prefix: 'x:', timeoutMs: 1000, seal: new Seal(secret), instance: name });
  const clock = fakeClock();
  const learnt: LatencyReport[] = [];
  const sharing = { learnLatency: (one: LatencyReport) => void learnt.push(one) } as unknown as Sharing;
  const latency = new SharedLatency({ board, clock, sharing, name, report: () => own });
  t.after(() => latency.close());
  return { latency, clock, learnt };
}

const member = (name: string, self: boolean, rev: number): Member => ({
  name,
  self,
  instance: name,
  version: '',
  host: '',
  startedAt: 0,
  etag: '',
  config: { version: 0, state: 'none', issues: [] },
  revs: { latency: rev },
});

test('what one site measured reaches the others, once, and those of the same site and of no secret not at all', async (t) => {
  const { port, stop } = await redisServer();
  t.after(() => stop());
  const eu = await node(t, port, 'a', report('eu'));
  const us = await node(t, port, 'b', report('us'));
  const same = await node(t, port, 'c', report('eu'));
  const stranger = await node(t, port, 'd', report('us'), 'known to nobody else');
  eu.clock.advance(30_000);
  await eventually(() => eu.latency.rev > 0, 'it is written');
  for (const { latency } of [us, same, stranger])
    for (let beats = 0; beats < 3; beats++) latency.members([member('a', false, eu.latency.rev)], false);
  await eventually(() => us.learnt.length > 0, 'it is read');
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(us.learnt, [report('eu')]);
  assert.deepEqual([same.learnt, stranger.learnt], [[], []]);
});
