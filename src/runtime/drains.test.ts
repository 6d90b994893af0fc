import assert from 'node:assert/strict';
import { test } from 'node:test';
import { err, ok } from '../core/result.ts';
import type { OverrideMode } from '../health/override.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import { Drains } from './drains.ts';
import type { Running } from './facade.ts';

function setup(running: Partial<Running> = {}) {
  const clock = fakeClock();
  const state = { running: { inFlight: 0, streams: 0, sessions: undefined, ...running } as Running | undefined };
  const said: string[] = [];
  let mode: OverrideMode = 'ready';
  const drains = new Drains({
    clock,
    running: () => state.running,
    mode: () => mode,
    say: (_id, next, note) => {
      if (state.running === undefined) return err('gone');
      mode = next;
      said.push(`${next} ${note}`);
      return ok(undefined);
    },
  });
  const phase = () => drains.progress('a/1')!.phase;
  const ready = (): void => {
    mode = 'ready';
  };
  return { clock, state, said, drains, phase, ready };
}

test('a drain ends when nothing ran for a second', () => {
  const { clock, state, said, drains, phase } = setup({ inFlight: 2 });
  assert.ok(drains.begin('a/1', 0, 'ops').ok);
  assert.deepEqual(said, ['drain ops']);
  clock.advance(5000);
  assert.equal(phase(), 'draining');
  state.running = { inFlight: 0, streams: 0, sessions: undefined };
  clock.advance(900);
  assert.equal(phase(), 'draining', 'a connection may be between two requests');
  clock.advance(1500);
  assert.equal(phase(), 'empty');
  const took = drains.progress('a/1')!.tookMs;
  clock.advance(60_000);
  assert.equal(drains.progress('a/1')!.tookMs, took, 'it is over');
});

test('who is pinned may come back until the deadline, which moves them', () => {
  const { clock, said, drains, phase } = setup({ sessions: 3 });
  drains.begin('a/1', 10_000, 'ops');
  clock.advance(9000);
  assert.equal(phase(), 'draining');
  clock.advance(1500);
  assert.deepEqual(said, ['drain ops', 'maintenance ops; sessions were moved at the deadline']);
  clock.advance(1500);
  assert.equal(phase(), 'empty');
});

test('what still runs at the deadline is told, not cut', () => {
  const { clock, state, said, drains, phase } = setup({ inFlight: 1 });
  drains.begin('a/1', 2000, 'ops');
  clock.advance(30_000);
  assert.equal(phase(), 'late');
  assert.deepEqual(said, ['drain ops'], 'nobody is pinned, so nobody is moved');
  state.running = { inFlight: 0, streams: 0, sessions: undefined };
  clock.advance(3000);
  assert.equal(phase(), 'empty');
});

test('the estimate follows the pace', () => {
  const { clock, state, drains } = setup({ inFlight: 100 });
  drains.begin('a/1', 0, 'ops');
  assert.equal(drains.progress('a/1')!.estimateMs, undefined, 'no pace yet');
  for (let inFlight = 99; inFlight >= 80; inFlight--) {
    state.running = { inFlight, streams: 0, sessions: undefined };
    clock.advance(500);
  }
  const { estimateMs } = drains.progress('a/1')!;
  assert.ok(
    estimateMs !== undefined && Math.abs(estimateMs - 40_000) < 3000,
    `two a second, eighty left: ${estimateMs}`,
  );
});

test('somebody who says otherwise ends it; so does an endpoint that is gone', () => {
  const one = setup({ inFlight: 1 });
  one.drains.begin('a/1', 0, '');
  one.ready();
  one.clock.advance(1000);
  assert.equal(one.phase(), 'ended');
  const two = setup({ inFlight: 1 });
  two.drains.begin('a/1', 0, '');
  two.state.running = undefined;
  two.clock.advance(1000);
  assert.equal(two.phase(), 'ended');
  assert.ok(!two.drains.begin('a/1', 0, '').ok);
});
