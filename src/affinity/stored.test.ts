import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AffinityWorld, NAMES, Visitor } from '../testing/affinity-world.ts';
import { fakeClock } from '../testing/fake-clock.ts';
import type { PinStore } from './affinity.ts';
import { header } from './header.ts';

/** Answers at once, or not at all. */
class FakeStore implements PinStore {
  readonly held = new Map<string, string>();
  gone = false;
  lookups = 0;
  words = 0;

  lookup(key: string, done: (value: string | undefined) => void): void {
    this.lookups++;
    done(this.gone ? undefined : this.held.get(key));
  }

  put(key: string, value: string, _ttlMs: number, replace: boolean, done: (held: string) => void): void {
    this.words++;
    if (this.gone) return;
    const held = this.held.get(key);
    if (held === undefined || replace) this.held.set(key, value);
    else done(held);
  }

  touch(key: string, _ttlMs: number, done: (held: string | undefined) => void): void {
    this.words++;
    if (!this.gone) done(this.held.get(key));
  }
}

function balancers() {
  const store = new FakeStore();
  const clock = fakeClock();
  const [a, b] = [0, 1].map(() => new AffinityWorld(header, { store, clock }));
  // Each would begin elsewhere.
  b.pick({ slot: -1 } as never);
  return { store, clock, a, b, onA: new Visitor(a, 'anna'), onB: new Visitor(b, 'anna') };
}

test('a session that is known here is not asked for, one that is not is asked for once', () => {
  const { store, onA, onB } = balancers();
  const { endpoint } = onA.visit();
  for (let i = 0; i < 5; i++) assert.equal(onA.visit().endpoint, endpoint);
  for (let i = 0; i < 5; i++) assert.equal(onB.visit().endpoint, endpoint);
  assert.deepEqual([store.lookups, store.words], [2, 1]);
});

test('a session that another balancer had to move is followed after a while', () => {
  const { clock, a, b, onA, onB } = balancers();
  const before = onA.visit().endpoint;
  assert.equal(onB.visit().endpoint, before);
  a.down.add(before);
  const after = onA.visit().endpoint;
  a.down.delete(before);
  assert.notEqual(after, before);
  clock.advance(6000);
  onB.visit();
  assert.equal(onB.visit().endpoint, after);
  b.down.add(after);
  const third = onB.visit().endpoint;
  b.down.delete(after);
  clock.advance(6000);
  onA.visit();
  assert.equal(onA.visit().endpoint, third);
});

test('who cannot be served where he is known to be is asked for first: the other balancer may know better', () => {
  const { a, b, onA, onB } = balancers();
  const before = onA.visit().endpoint;
  onB.visit();
  a.down.add(before);
  b.down.add(before);
  const after = onA.visit().endpoint;
  assert.equal(onB.visit().endpoint, after);
});

test('of two that see a session for the first time at once, the first one counts', () => {
  const { store, onA, onB } = balancers();
  // Neither finds anything: both ask before either has told.
  const lookup = store.lookup.bind(store);
  store.lookup = (_key, done) => done(undefined);
  const first = onA.visit().endpoint;
  assert.notEqual(onB.visit().endpoint, first);
  store.lookup = lookup;
  assert.equal(onB.visit().endpoint, first);
  assert.equal(onA.visit().endpoint, first);
});

test('a store that was gone, or has lost everything, is told again what is in use', () => {
  const { store, clock, onA, onB } = balancers();
  store.gone = true;
  const { endpoint } = onA.visit();
  store.gone = false;
  for (let i = 0; i < 3; i++) {
    clock.advance(6000);
    onA.visit();
  }
  assert.equal(store.held.size, 1);
  assert.equal(onB.visit().endpoint, endpoint);
  store.held.clear();
  for (let i = 0; i < 3; i++) {
    clock.advance(6000);
    onA.visit();
  }
  assert.match(store.held.get('anna')!, new RegExp(`^\\d+ ${endpoint}$`));
});

test('nonsense in the store is nothing, and an endpoint that is not in this pool leads elsewhere', () => {
  for (const value of ['', 'x', '99 ', '1 p/10.9.9.9:80', `1700000000 ${NAMES[0]}\n`, '1'.repeat(40), '\u0000']) {
    const { store, onA } = balancers();
    store.held.set('anna', value);
    const { endpoint } = onA.visit();
    assert.ok(NAMES.includes(endpoint as (typeof NAMES)[number]), JSON.stringify(value));
    assert.equal(onA.visit().endpoint, endpoint);
  }
});
