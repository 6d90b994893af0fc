// Every kind of session persistence holds the same promises; this list is run over all of them.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { AffinityWorld, NAMES, Visitor } from '../testing/affinity-world.ts';
import { AFFINITIES, affinityByName } from './index.ts';

const HOUR = 3_600_000;
const reference = readFileSync(new URL('../../docs/reference/affinity.md', import.meta.url), 'utf8');

for (const kind of AFFINITIES) {
  const is = (name: string) => `${kind.name}: ${name}`;

  test(is('is found by its name, and described under it'), () => {
    assert.equal(affinityByName(kind.name), kind);
    assert.ok(reference.includes(`| ${kind.name} | `));
  });

  test(is('a visitor keeps an endpoint, whichever worker serves, and visitors are spread'), () => {
    const world = new AffinityWorld(kind);
    const visitors = Array.from({ length: 30 }, (_, i) => new Visitor(world, `10.1.0.${i}`));
    const first = visitors.map((visitor) => visitor.visit().endpoint);
    assert.deepEqual(new Set(first), new Set(NAMES));
    for (let round = 1; round <= 20; round++) {
      const now = visitors.map((visitor) => visitor.visit({ worker: round % 2 }).endpoint);
      assert.deepEqual(now, first);
      world.clock.advance(60_000);
    }
  });

  test(is('a reload that moves slots changes nothing'), () => {
    const world = new AffinityWorld(kind);
    const visitors = Array.from({ length: 9 }, (_, i) => new Visitor(world, `10.1.0.${i}`));
    const first = visitors.map((visitor) => visitor.visit().endpoint);
    world.reload(['p/10.0.0.9:80', ...[...NAMES].reverse()]);
    assert.deepEqual(
      visitors.map((visitor) => visitor.visit().endpoint),
      first,
    );
  });

  test(is('who has to move stays where he went, also when the endpoint before is back'), () => {
    const world = new AffinityWorld(kind);
    const visitor = new Visitor(world, '10.1.0.1');
    const before = visitor.visit().endpoint;
    world.down.add(before);
    const after = visitor.visit().endpoint;
    assert.notEqual(after, before);
    world.down.delete(before);
    for (let i = 0; i < 5; i++) assert.equal(visitor.visit({ worker: i % 2 }).endpoint, after);
  });

  test(is('who was at an endpoint that is not in the pool any more gets another one, and stays there'), () => {
    const world = new AffinityWorld(kind);
    const visitor = new Visitor(world, '10.1.0.1');
    const before = visitor.visit().endpoint;
    world.reload(NAMES.filter((id) => id !== before));
    const { endpoint } = visitor.visit();
    for (let i = 0; i < 5; i++) assert.equal(visitor.visit().endpoint, endpoint);
  });

  test(is('nobody is pinned longer than the greatest age'), () => {
    const world = new AffinityWorld(kind, { config: { maxAgeMs: 2 * HOUR } });
    const visitor = new Visitor(world, '10.1.0.1');
    visitor.visit();
    for (let minutes = 0; minutes < 120; minutes += 20) {
      world.clock.advance(20 * 60_000);
      assert.ok(visitor.visit().pin.slot >= 0, `${minutes} minutes`);
    }
    world.clock.advance(2000);
    assert.equal(visitor.visit().pin.slot, -1);
  });

  test(is('nothing that a client gets names an endpoint'), () => {
    const world = new AffinityWorld(kind);
    const visits = Array.from({ length: 9 }, (_, i) => new Visitor(world, `10.1.0.${i}`).visit());
    for (const cookie of visits.flatMap(({ setCookies }) => setCookies))
      assert.doesNotMatch(cookie, /10\.0\.0|p%2f|p\/|:80/i);
    const values = visits.flatMap(({ setCookies }) => setCookies.filter((one) => one.startsWith('SERVER=')));
    assert.equal(new Set(values).size, values.length, 'two at one endpoint cannot tell');
  });

  test(is('the application sees its own cookies as it set them'), () => {
    const world = new AffinityWorld(kind);
    const visitor = new Visitor(world, '10.1.0.1');
    visitor.visit();
    assert.match(visitor.visit().cookie!, /^theme=dark; sid=of-10\.1\.0\.1(; SERVER=.*)?$/);
  });

  test(is('nonsense in cookies is nobody, throws nothing and is kept nowhere'), () => {
    const world = new AffinityWorld(kind);
    const visitor = new Visitor(world, '');
    const name = kind.name === 'cookie' ? 'SERVER' : 'sid';
    const long = 'A'.repeat(10_000);
    for (const value of ['', '=', '~', `${'A'.repeat(48)}~`, long, `${long}~${long}`, '\u0000\u00ff', '"', '%zz']) {
      for (const raw of [`${name}=${value}`, `;;${name}=${value};${name}=x`, `${name}=${value}; `.repeat(200)]) {
        const visit = visitor.visit({ raw });
        assert.ok(NAMES.includes(visit.endpoint as (typeof NAMES)[number]));
      }
    }
  });

  if (kind.name !== 'cookie-prefix')
    test(is('who was away for the time to live is forgotten, who was not is not'), () => {
      const world = new AffinityWorld(kind);
      const visitor = new Visitor(world, '10.1.0.1');
      visitor.visit();
      for (let i = 0; i < 5; i++) {
        world.clock.advance(0.85 * HOUR);
        assert.ok(visitor.visit().pin.slot >= 0);
      }
      world.clock.advance(1.1 * HOUR + 2000);
      const { pin } = visitor.visit();
      assert.equal(pin.slot, -1);
      if (kind.takes.secrets) assert.equal(pin.refused, 'expired');
    });

  if (kind.takes.secrets)
    test(is('a restart forgets nothing that the client brings along, and a rotated key is no restart'), () => {
      const world = new AffinityWorld(kind);
      const visitors = Array.from({ length: 9 }, (_, i) => new Visitor(world, `10.1.0.${i}`));
      const first = visitors.map((visitor) => visitor.visit().endpoint);
      const restarted = new AffinityWorld(kind, { clock: world.clock });
      const keys = ['another key, newer, long enough', 'a key for tests, long enough'];
      restarted.reload(NAMES, { secrets: { keys, keysFile: '' } });
      const again = visitors.map(({ jar }, i) => {
        const visitor = new Visitor(restarted, `10.1.0.${i}`);
        for (const [name, value] of jar) visitor.jar.set(name, value);
        return visitor.visit().endpoint;
      });
      assert.deepEqual(again, first);
      const strange = new AffinityWorld(kind, {
        clock: world.clock,
        config: { secrets: { keys: ['a third key, long enough too'], keysFile: '' } },
      });
      const visitor = new Visitor(strange, '10.1.0.0');
      for (const [name, value] of visitors[0].jar) visitor.jar.set(name, value);
      const { pin } = visitor.visit();
      assert.deepEqual([pin.slot, pin.refused], [-1, 'forged']);
    });
}
