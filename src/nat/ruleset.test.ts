import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { KERNEL_KINDS } from '../config/compile/nat.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { natEndpoint, natEndpoints, natPool, natService } from '../testing/nat-service.ts';
import { findProgram, needs } from '../testing/programs.ts';
import { escapeName, nameOf } from './names.ts';
import { compileRuleset, type Ruleset, withoutEntries } from './ruleset.ts';
import { changeScript, createScript, printRuleset } from './script.ts';
import type { NatService } from './service.ts';

const TABLE = { table: 'evenkeel-test', comment: 'a test' };
const nft = findProgram('nft');
const skip = needs('nft') || (process.getuid?.() === 0 ? false : 'needs root: nft asks the kernel');

function compiled(services: readonly NatService[], pickable?: readonly Endpoint[]): Ruleset {
  const all = new Map(services.flatMap(({ routes }) => routes.map(({ pool }) => [pool.name, pool.endpoints])));
  return compileRuleset(services, (pool) => pickable ?? all.get(pool)!);
}

function elements(ruleset: Ruleset, map: string): Record<string, string> {
  return Object.fromEntries(ruleset.maps.get(map)!.elements);
}

const two = natEndpoints(2);
const DUAL = [natEndpoint('10.0.0.1'), natEndpoint('fd00::1')];
const ROUTES = [
  { client: ['10.0.0.0/8', 'fd00::/8'], pool: natPool('random', two, 'inner') },
  { client: [], pool: natPool('maglev', two, 'outer') },
];

/** What the validation by `nft -c` goes through. */
const CASES: Record<string, { services: NatService[]; pickable?: Endpoint[] }> = {
  ...Object.fromEntries(KERNEL_KINDS.map((kind) => [kind, { services: [natService(natPool(kind, two))] }])),
  'weights that are no whole numbers': {
    services: [
      natService(
        natPool(
          'weighted-round-robin',
          natEndpoints(3, (i) => 0.3 + i),
        ),
      ),
    ],
  },
  udp: { services: [natService(natPool('round-robin', two), { protocol: 'udp' })] },
  'no snat': { services: [natService(natPool('round-robin', two), { masquerade: false })] },
  'one address': { services: [natService(natPool('round-robin', two), { bind: { host: '192.0.2.1', port: 80 } })] },
  IPv6: {
    services: [
      natService(natPool('source-hash', [natEndpoint('fd00::1'), natEndpoint('fd00::2')]), {
        bind: { host: 'fd00::99', port: 80 },
      }),
    ],
  },
  'both families': { services: [natService(natPool('maglev', DUAL), { bind: { host: '::', port: 80 } })] },
  routes: { services: [natService(natPool('random', two), { bind: { host: '::', port: 80 }, routes: ROUTES })] },
  'nobody pickable': { services: [natService(natPool('round-robin', two))], pickable: [] },
  'no endpoints at all': { services: [natService(natPool('source-hash', []))] },
  'names that nft could not read': {
    services: [natService(natPool('round-robin', two, 'a b/c"d;é_ü'), { name: 'drop { } counter' })],
  },
  'long names': { services: [natService(natPool('round-robin', two, 'p'.repeat(300)), { name: 'l'.repeat(300) })] },
  'the same port at many addresses and in both protocols': {
    services: [
      natService(natPool('round-robin', two), { name: 'every' }),
      natService(natPool('round-robin', two), { name: 'one', bind: { host: '192.0.2.1', port: 80 } }),
      natService(natPool('round-robin', DUAL), { name: 'six', bind: { host: 'fd00::9', port: 80 } }),
      natService(natPool('round-robin', two), { name: 'dgram', protocol: 'udp' }),
    ],
  },
  'a thousand endpoints': { services: [natService(natPool('maglev', natEndpoints(1000)))] },
};

describe('what nft and the kernel say of it', { skip }, () => {
  const check = (script: string) =>
    spawnSync(nft!, ['-c', '-f', '-'], { input: script, encoding: 'utf8', timeout: 20_000 });
  for (const [name, { services, pickable }] of Object.entries(CASES)) {
    test(`valid: ${name}`, () => {
      const ruleset = compiled(services, pickable);
      for (const script of [createScript(ruleset, TABLE), printRuleset(ruleset, TABLE)]) {
        const { status, stderr } = check(script);
        assert.equal(status, 0, stderr.slice(0, 500));
      }
    });
  }

  test('the check itself can fail', () => {
    const { status, stderr } = check(`${createScript(compiled([natService(natPool('random', two))]), TABLE)}bogus\n`);
    assert.notEqual(status, 0);
    assert.match(stderr, /Error: /);
  });
});

describe('what is in it', () => {
  test('the map says which endpoint an entry leads to, and the endpoint where it is', () => {
    const ruleset = compiled([natService(natPool('round-robin', two))]);
    assert.deepEqual(elements(ruleset, 'pick/web/web/4'), {
      0: 'goto to/web/web/10.0.0.0/8080',
      1: 'goto to/web/web/10.0.0.1/8080',
    });
    assert.deepEqual(ruleset.chains.get('pick/web/web/4')!.rules, [
      'numgen inc mod 2 vmap @pick/web/web/4',
      'meta l4proto tcp reject with tcp reset',
    ]);
    assert.deepEqual(ruleset.chains.get('to/web/web/10.0.0.1/8080')!.rules, [
      'meta l4proto tcp counter name "new/web/web/10.0.0.1/8080" dnat ip to 10.0.0.1:8080',
    ]);
  });

  test('health changes entries and nothing else', () => {
    for (const kind of KERNEL_KINDS) {
      const services = [natService(natPool(kind, natEndpoints(4)))];
      const before = compiled(services);
      for (const pickable of [natEndpoints(3), natEndpoints(1), []]) {
        const after = compiled(services, pickable);
        assert.deepEqual(after.chains, before.chains, kind);
        assert.deepEqual(after.counters, before.counters);
        const script = changeScript(before, after, 'evenkeel');
        assert.match(script, /^delete element inet evenkeel pick\/web\/web\/4 \{[^\n]*\}\n(add element [^\n]*\n)?$/);
      }
    }
  });

  test('of a Maglev table only the entries of who left are written', () => {
    const all = natEndpoints(10);
    const services = [natService(natPool('maglev', all))];
    const script = changeScript(compiled(services), compiled(services, all.slice(1)), 'evenkeel');
    const written = script.match(/ : goto /g)!.length;
    assert.ok(written >= 90 && written <= 160, `${written} of 1009`);
  });

  test('maps of pools that did not change are taken over, of others they are not', () => {
    const services = [
      natService(natPool('maglev', two)),
      natService(natPool('random', two, 'db'), { name: 'db', bind: { host: '0.0.0.0', port: 5432 } }),
    ];
    const pickable = (pool: string) => (pool === 'db' ? two.slice(1) : two);
    const before = compiled(services);
    const after = compileRuleset(services, pickable, before);
    assert.deepEqual(after.maps, compileRuleset(services, pickable).maps, 'the same as from nothing');
    const same = (name: string) => before.maps.get(name)!.elements === after.maps.get(name)!.elements;
    assert.deepEqual([same('pick/web/web/4'), same('pick/db/db/4')], [true, false]);
    const heavier = [natEndpoint('10.0.0.0', 2), two[1]];
    const weighted = compileRuleset(services, (pool) => (pool === 'db' ? heavier : two), before);
    assert.notDeepEqual(weighted.maps.get('pick/db/db/4')!.elements, before.maps.get('pick/db/db/4')!.elements);
  });

  test('nothing changed, nothing written', () => {
    const services = [natService(natPool('source-hash', two))];
    assert.equal(changeScript(compiled(services), compiled(services), 'evenkeel'), '');
  });

  test('a reload writes what differs: counters and rotation of the rest go on', () => {
    const other = natService(natPool('round-robin', two, 'db'), { name: 'db', bind: { host: '0.0.0.0', port: 5432 } });
    const before = compiled([natService(natPool('round-robin', two)), other]);
    const after = compiled([natService(natPool('round-robin', natEndpoints(3))), other]);
    const script = changeScript(before, after, 'evenkeel');
    assert.doesNotMatch(script, /db|delete counter|delete map|prerouting/);
    assert.match(script, /add chain inet evenkeel to\/web\/web\/10\.0\.0\.2\/8080/);
    const back = changeScript(after, before, 'evenkeel');
    assert.match(
      back,
      /delete chain inet evenkeel to\/web\/web\/10\.0\.0\.2\/8080\n[\s\S]*delete counter [^\n]*10\.0\.0\.2/,
    );
  });

  test('who binds one address comes before who binds them all', () => {
    const every = natService(natPool('random', two), { name: 'every' });
    const one = natService(natPool('random', two), { name: 'one', bind: { host: '192.0.2.1', port: 80 } });
    const { rules } = compiled([every, one]).chains.get('prerouting')!;
    assert.match(rules[0], /^ip daddr 192\.0\.2\.1 tcp dport 80 .*goto on\/one$/);
    assert.match(rules[1], /^meta nfproto ipv4 fib daddr type local tcp dport 80 .*goto on\/every$/);
  });

  test('only connections that were sent on by us get our address, and only with snat', () => {
    const masked = compiled([natService(natPool('random', two))]);
    assert.deepEqual(masked.chains.get('postrouting')!.rules, [
      'ct status dnat meta l4proto tcp ct original proto-dst vmap { 80 : goto snat/tcp/80 }',
    ]);
    const routed = compiled([natService(natPool('random', two), { masquerade: false })]);
    assert.deepEqual(routed.chains.get('postrouting')!.rules, []);
    assert.ok(![...routed.maps.keys()].some((name) => name.startsWith('snat')));
  });

  test('draining closes the entries and keeps what counts and translates', () => {
    const open = compiled([natService(natPool('random', two))]);
    const script = changeScript(open, withoutEntries(open), 'evenkeel');
    assert.equal(script, 'flush chain inet evenkeel prerouting\nflush chain inet evenkeel output\n');
  });

  test('[::] takes both families, each to its own endpoints', () => {
    const ruleset = compiled([natService(natPool('round-robin', DUAL), { bind: { host: '::', port: 80 } })]);
    assert.deepEqual(Object.values(elements(ruleset, 'pick/web/web/4')), ['goto to/web/web/10.0.0.1/8080']);
    assert.deepEqual(Object.values(elements(ruleset, 'pick/web/web/6')), ['goto to/web/web/fd00_3a_3a1/8080']);
  });
});

describe('names', () => {
  test('different texts have different names, which nft reads', () => {
    const texts = ['a', 'a_', 'a__', 'a_5f', 'a/b', 'a_2fb', 'a b', 'a:b', 'é', 'e', '\u{1f600}', 'a.b', 'a-b', ''];
    const names = texts.map(escapeName);
    assert.equal(new Set(names).size, texts.length);
    for (const name of names) assert.match(`x/${name}`, /^[A-Za-z][A-Za-z0-9/_.-]*$/);
  });

  test('parts do not run together, and long names stay apart', () => {
    assert.notEqual(nameOf('to', 'a/b', 'c'), nameOf('to', 'a', 'b/c'));
    const long = [nameOf('to', 'x'.repeat(400), 1), nameOf('to', 'x'.repeat(400), 2)];
    assert.notEqual(long[0], long[1]);
    assert.ok(long.every((name) => name.length < 256));
  });
});
