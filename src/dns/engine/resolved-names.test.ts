import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeClock } from '../../testing/fake-clock.ts';
import { KnownNames, type ResolvedName } from './resolved-names.ts';

const NAME = 'cdn.example.net.';

function setup() {
  const clock = fakeClock(1000);
  const names = new KnownNames(() => clock.now());
  const learn = (freshMs: number, keptMs: number, part: Partial<ResolvedName> = {}): void =>
    names.learn([
      {
        name: NAME,
        family: 4,
        addresses: ['192.0.2.1'],
        freshUntil: clock.now() + freshMs,
        keptUntil: clock.now() + keptMs,
        ...part,
      },
    ]);
  return { clock, names, learn, ttl: () => names.find(NAME, 4)?.ttlSeconds };
}

test('an answer may be kept for what is left of the TTL', () => {
  const { clock, names, learn, ttl } = setup();
  assert.equal(ttl(), undefined, 'nothing was ever found');
  learn(60_000, 100_000);
  assert.deepEqual(names.find(NAME, 4), { addresses: ['192.0.2.1'], ttlSeconds: 60 });
  assert.equal(names.find(NAME, 6), undefined, 'the other family is another lookup');
  clock.advance(500);
  assert.equal(ttl(), 59);
  clock.advance(59_000);
  assert.equal(ttl(), 1);
});

test('behind its TTL an answer is kept a second, and the longer nobody could look the longer, until it is too old', () => {
  const { clock, learn, ttl } = setup();
  learn(10_000, 100_000);
  clock.advance(10_000);
  assert.equal(ttl(), 1);
  clock.advance(9000);
  assert.equal(ttl(), 10);
  clock.advance(80_000);
  assert.equal(ttl(), 30);
  clock.advance(1000);
  assert.equal(ttl(), undefined);
});

test('what is told anew takes the place of the old, and what is too old is forgotten', () => {
  const { clock, names, learn } = setup();
  learn(10_000, 20_000, { name: 'gone.example.net.' });
  learn(10_000, 20_000);
  learn(10_000, 20_000, { addresses: [] });
  assert.deepEqual(names.find(NAME, 4)?.addresses, []);
  assert.equal(names.size, 2);
  clock.advance(20_000);
  learn(10_000, 20_000);
  assert.equal(names.size, 1);
});
