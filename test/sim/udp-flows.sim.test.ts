// Drives the flow table, and the whole UDP data path over sockets in memory, through thousands of random steps and checks
// after each one what must always hold. A failure prints the seed and the step; EVENKEEL_SEED=<n> runs that seed alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FlowConfig } from '../../src/config/types.ts';
import type { Random } from '../../src/core/env.ts';
import { STATE } from '../../src/core/load-table.ts';
import { seededRandom } from '../../src/testing/seeded-random.ts';
import { UdpWorld } from '../../src/testing/udp-world.ts';
import { type FlowEnd, FlowTable, REFUSED_CLOSED, REFUSED_FULL } from '../../src/udp/flows.ts';

const wanted = process.env.EVENKEEL_SEED;
const seeds = (count: number): number[] =>
  wanted === undefined ? Array.from({ length: count }, (_, i) => i + 1) : [Number(wanted)];
const below = (random: Random, limit: number): number => random.u32() % limit;

function each(count: number, steps: number, begin: (random: Random) => { step(): void; end(): void }): void {
  for (const seed of seeds(count)) {
    const run = begin(seededRandom(seed));
    let step = 0;
    try {
      for (; step < steps; step++) run.step();
      run.end();
    } catch (error) {
      console.error(`simulation failed: EVENKEEL_SEED=${seed}, step ${step}`);
      throw error;
    }
  }
}

/** The table as one would write it without a care for time and memory. */
class PlainTable {
  readonly flows: {
    name: string;
    flow: number;
    seenAt: number;
    expected: number;
    answered: boolean;
    proven: boolean;
  }[] = [];
  limits: FlowConfig;

  constructor(limits: FlowConfig) {
    this.limits = limits;
  }

  /** Oldest first. */
  in(proven: boolean) {
    return this.flows.filter((one) => one.proven === proven).sort((a, b) => a.seenAt - b.seenAt);
  }

  drop(flow: number): void {
    this.flows.splice(
      this.flows.findIndex((one) => one.flow === flow),
      1,
    );
  }
}

test('the flow table does what a plain one does, for any datagrams, times and limits', () => {
  const seen = new Set<string>();
  each(120, 400, (random) => {
    const limits = (): FlowConfig => ({
      key: random.unit() < 0.8 ? 'address-and-port' : 'address',
      idleMs: 1000,
      responses: below(random, 3),
      max: 1 + below(random, 12),
    });
    const ends: [number, FlowEnd][] = [];
    const first = limits();
    const table = new FlowTable(first, { ended: (flow, why) => void ends.push([flow, why]) }, random.u32());
    const plain = new PlainTable(first);
    let now = 5;
    const expectEnds = (...expected: [number, FlowEnd][]): void => {
      assert.deepEqual(ends.splice(0), expected);
      for (const [flow, why] of expected) {
        seen.add(why);
        plain.drop(flow);
      }
    };
    const client = (): void => {
      // No two datagrams come at the same moment, so that the order is never in doubt.
      now += 1;
      const port = 1 + below(random, 3);
      const host = random.unit() < 0.8 ? `192.0.2.${below(random, 6)}` : `2001:db8::${below(random, 3)}`;
      const name = `${host} ${plain.limits.key === 'address' ? 0 : port}`;
      const known = plain.flows.find((one) => one.name === name);
      const full = plain.flows.length >= plain.limits.max;
      const [oldest] = plain.in(false);
      const flow = table.fromClient(host, port, false, now);
      if (known !== undefined) {
        expectEnds();
        assert.equal(flow, known.flow);
        assert.equal(table.fresh, false);
        if (known.answered) known.proven = true;
        known.expected += plain.limits.responses;
        known.seenAt = now;
        if (known.proven) seen.add('proven');
      } else if (!table.accepting) {
        expectEnds();
        assert.equal(flow, REFUSED_CLOSED);
        seen.add('refused closed');
      } else if (full && oldest === undefined) {
        expectEnds();
        assert.equal(flow, REFUSED_FULL);
        seen.add('refused full');
      } else {
        if (full) expectEnds([oldest.flow, 'evicted']);
        else expectEnds();
        assert.ok(flow >= 0 && table.fresh);
        assert.ok(!plain.flows.some((one) => one.flow === flow), 'a number of its own');
        plain.flows.push({ name, flow, seenAt: now, expected: plain.limits.responses, answered: false, proven: false });
      }
    };
    const endpoint = (): void => {
      if (plain.flows.length === 0) return;
      now += 1;
      const one = plain.flows[below(random, plain.flows.length)];
      table.fromEndpoint(one.flow, now);
      one.answered = true;
      one.seenAt = now;
      if (plain.limits.responses > 0 && --one.expected <= 0) expectEnds([one.flow, 'responses']);
      else expectEnds();
    };
    const expire = (): void => {
      now += below(random, 900);
      const late = [...plain.in(false), ...plain.in(true)].filter((one) => one.seenAt + 1000 <= now);
      table.expire(now);
      expectEnds(...late.map((one): [number, FlowEnd] => [one.flow, 'idle']));
    };
    return {
      step() {
        const roll = random.unit();
        if (roll < 0.5) client();
        else if (roll < 0.8) endpoint();
        else if (roll < 0.88) expire();
        else if (roll < 0.92 && plain.flows.length > 0) {
          const { flow } = plain.flows[below(random, plain.flows.length)];
          table.close(flow);
          expectEnds([flow, 'closed']);
        } else if (roll < 0.96) table.limits = plain.limits = limits();
        else table.accepting = !table.accepting || random.unit() < 0.3;
        const listed = [...table.flows()];
        assert.equal(table.size, plain.flows.length);
        assert.equal(new Set(listed.map(({ flow }) => flow)).size, listed.length, 'no flow is in two lists');
        assert.deepEqual(
          listed.map(({ flow, proven }) => [flow, proven]),
          [false, true].flatMap((proven) => plain.in(proven).map(({ flow }) => [flow, proven])),
        );
        const expiries = plain.flows.map(({ seenAt }) => seenAt + 1000);
        assert.equal(table.nextExpiry, Math.min(Number.POSITIVE_INFINITY, ...expiries));
      },
      end() {
        table.closeAll();
        assert.equal(table.size, 0);
        assert.equal(ends.length, plain.flows.length);
      },
    };
  });
  if (wanted !== undefined) return;
  // A simulation that never reaches a corner proves nothing about it.
  for (const what of ['responses', 'idle', 'evicted', 'closed', 'proven', 'refused closed', 'refused full'])
    assert.ok(seen.has(what), `${what} never happened`);
});

test('random clients, endpoints, failures, floods, reloads and time never break the rules of the UDP data path', () => {
  const PORTS = [1, 2, 3, 4];
  const total: Record<string, number> = {};
  each(80, 400, (random) => {
    const flow = (): FlowConfig => ({
      key: 'address-and-port',
      idleMs: [500, 2000, 60_000][below(random, 3)],
      responses: below(random, 3),
      max: [4, 20, 100][below(random, 3)],
    });
    const some = (): number[] => PORTS.filter(() => random.unit() < 0.8);
    const world = new UdpWorld(random, flow(), PORTS);
    const step = (): void => {
      const roll = random.unit();
      const port = PORTS[below(random, PORTS.length)];
      if (roll < 0.55) return world.ask(`10.1.0.${below(random, 8)} 4000`);
      if (roll < 0.6) {
        for (let i = 0; i < 30; i++) {
          world.ask(`172.16.${below(random, 256)}.${below(random, 256)} 4000`);
          world.check();
        }
        return;
      }
      if (roll < 0.64) return void (world.dead.has(port) ? world.dead.delete(port) : world.dead.add(port));
      if (roll < 0.7) {
        const states = [
          STATE.up,
          STATE.up,
          STATE.up,
          0,
          STATE.checking,
          STATE.up | STATE.draining,
          STATE.up | STATE.maintenance,
        ];
        return world.setState(port, STATE.used | states[below(random, states.length)]);
      }
      if (roll < 0.72) return world.reload(flow(), some());
      if (roll < 0.73) {
        world.mostSockets = random.unit() < 0.5 ? 1000 : 1 + below(random, 30);
        return;
      }
      if (roll < 0.7305) {
        world.draining = true;
        return world.listener.drain();
      }
      world.clock.advance(roll < 0.95 ? below(random, 120) : below(random, 3000));
    };
    return {
      step() {
        step();
        world.check();
      },
      end() {
        world.end();
        for (const [what, count] of Object.entries(world.counts)) total[what] = (total[what] ?? 0) + count;
      },
    };
  });
  if (wanted !== undefined) return;
  for (const [what, count] of Object.entries(total)) assert.ok(count > 20, `${what}: only ${count} times`);
});
