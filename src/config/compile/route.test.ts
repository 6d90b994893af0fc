// What routes, tables and splits may say, what is refused with which words, and that what is printed means the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';
import { formatPath } from '../issues.ts';
import type { HttpListenerConfig, RouteConfig } from '../types.ts';

const POOLS = { web: { endpoints: ['10.0.0.1:80'] }, next: { endpoints: ['10.0.0.2:80'] } };
const document = (route: object, extra: object = {}) => ({
  listeners: { web: { bind: '127.0.0.1:8080', routes: [{ pool: 'web', ...route }] } },
  pools: POOLS,
  ...extra,
});

function good(given: unknown, predicates: readonly string[] = []): RouteConfig {
  const compiled = compile(given, [], [], predicates);
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
  const again = compile(effective(compiled.value), [], [], predicates);
  assert.ok(again.ok, again.ok ? '' : JSON.stringify(again.error));
  assert.deepEqual(again.value, compiled.value, 'what is printed means the same');
  return (compiled.value.listeners.web as HttpListenerConfig).routes[0];
}

function issues(given: unknown): string[] {
  const compiled = compile(given);
  assert.ok(!compiled.ok, 'was accepted');
  return compiled.error.map(
    ({ path, message, hint }) => `${formatPath(path)} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  );
}
const problem = (route: object, extra: object = {}): string => issues(document(route, extra)).join('; ');
const AT = 'listeners.web.routes[0]';
const MAPS = {
  maps: {
    tier: { of: 'header:X-Tier', values: { gold: 'next', 'si*': 'web', '~^b': 'web', '*': 'next' }, default: 'web' },
  },
};

test('conditions in their written forms', () => {
  const route = good(
    document(
      {
        host: ['{Tenant}.Example.com', '*.example.org'],
        path: '/users/{id}/*',
        country: ['de', 'FR'],
        continent: 'eu',
        userAgent: ['mobile', 'bot'],
        language: ['de-AT', 'en'],
        identity: 'anna*',
        map: { tier: '~^(web|next)$' },
        when: 'isBeta',
        header: { 'User-Agent': '~*Mobile' },
      },
      MAPS,
    ),
    ['isBeta'],
  );
  assert.deepEqual(route.host, ['{Tenant}.example.com', '*.example.org']);
  assert.deepEqual(route.path, { kind: 'template', value: '/users/{id}/*' });
  assert.deepEqual([route.country, route.continent, route.language], [['DE', 'FR'], ['EU'], ['de-at', 'en']]);
  assert.deepEqual(route.header, { 'user-agent': { kind: 'regex', value: '(?i:Mobile)' } });
  assert.ok(/(?i:Mobile)/.test('mobile'));
});

test('TLS conditions, where TLS ends', () => {
  const tls = { sni: '*.A.com', version: [1.3, '1.2'], alpn: 'h2' };
  const listener = { bind: '127.0.0.1:8443', protocol: 'https', tls: { certificates: [{ cert: 'a', key: 'b' }] } };
  const compiled = compile({ listeners: { web: { ...listener, routes: [{ tls, pool: 'web' }] } }, pools: POOLS });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const [route] = (compiled.value.listeners.web as HttpListenerConfig).routes;
  assert.deepEqual(route.tls, { sni: ['*.a.com'], version: ['1.3', '1.2'], alpn: ['h2'] });
  assert.equal(problem({ tls }), `${AT}.tls has no meaning: no TLS ends at this listener | protocol: https`);
});

test('tables, as conditions and in place of a pool', () => {
  assert.deepEqual(
    [good(document({ pool: { map: 'tier' } }, MAPS))].map(({ pool, poolMap }) => [pool, poolMap]),
    [['', 'tier']],
  );
  const networks = { '10.0.0.0/8': 'next', '2001:db8::/32': 'web' };
  good(document({ pool: { map: 'geo' } }, { maps: { geo: { of: 'client', networks, default: 'web' } } }));
});

test('splits and rollouts with all their defaults', () => {
  const variants = {
    stable: { pool: 'web', weight: 95 },
    canary: { pool: 'next', force: { header: { 'X-Canary': true } } },
  };
  const route = good(document({ pool: undefined, split: { variants, rollout: { to: 'canary' } } }));
  const { split } = route;
  assert.deepEqual(split?.by, { from: 'client' });
  assert.deepEqual(split?.variants[1], {
    name: 'canary',
    pool: 'next',
    weight: 1,
    force: { header: { 'x-canary': { kind: 'present' } }, cookie: {}, query: {} },
  });
  assert.deepEqual(split?.rollout, {
    to: 'canary',
    steps: [0.01, 0.05, 0.25, 0.5, 1],
    everyMs: 600_000,
    halt: { errors: 0.02, maxErrors: 0, latency: 1.5, minRequests: 100 },
  });
  const by = (written: unknown) => good(document({ pool: undefined, split: { by: written, variants } })).split?.by;
  assert.deepEqual(by('cookie'), { from: 'cookie', name: 'evenkeel-id', maxAgeSeconds: 2_592_000 });
  assert.deepEqual(by('cookie:v'), { from: 'cookie', name: 'v', maxAgeSeconds: 2_592_000 });
  assert.deepEqual(by('header:X-User'), { from: 'header', name: 'x-user' });
  const halt = { errors: 'off', latency: false, maxErrors: '5%' };
  good(
    document({ pool: undefined, split: { by: 'cookie', variants, rollout: { to: 'canary', steps: ['100%'], halt } } }),
  );
});

test('what makes no sense is refused with a hint', () => {
  for (const [route, expected, extra] of [
    [
      { host: 'a{x}.com' },
      `${AT}.host[0] has "a{x}.com", where a capture is no whole label | write {tenant}.example.com`,
    ],
    [{ path: '/{a}/{a}' }, `${AT}.path captures "a" twice | give one of them another name`],
    [{ host: '{a}.com', path: '/{a}' }, `${AT}.path captures "a" twice | give one of them another name`],
    [{ path: '/{a-b}' }, `${AT}.path has "/{a-b}", where a brace is no capture | write {name} or {name**}`],
    [{ country: 'Germany' }, `${AT}.country must be two letters`],
    [{ language: 'a language' }, `${AT}.language is no language; write de, or pt-br`],
    [{ userAgent: 'phone' }, `${AT}.userAgent must be one of "mobile", "desktop", "bot"`],
    [{ map: { teir: 'x' } }, `${AT}.map.teir names the map "teir", which does not exist | did you mean "tier"?`, MAPS],
    [
      { when: 'x' },
      `${AT}.when names the predicate "x", which does not exist | predicates come with a configuration in TypeScript: see routing.md`,
    ],
    [{ pool: { map: 'none' } }, `${AT}.pool.map names the map "none", which does not exist`],
    [
      { pool: { map: 'm' } },
      `${AT}.pool.map names the map "m", which has no default: requests could go nowhere; ${AT}.pool.map can become "nxt", which is no pool | did you mean "next"?`,
      { maps: { m: { of: 'host', values: { a: 'nxt' } } } },
    ],
    [
      { pool: undefined },
      `${AT} needs a "pool", a "split", or a filter that answers | pool: NAME, or filters: [{ respond: 204 }]`,
    ],
    [{ split: { variants: { a: { pool: 'web' } } } }, `${AT}.split stands beside "pool" | leave one of them out`],
  ] as [object, string, object?][]) {
    assert.equal(problem(route, extra), expected);
  }
});

test('tables that make no sense', () => {
  const table = (one: object): string => issues(document({}, { maps: { m: one } })).join('; ');
  assert.equal(table({ of: 'host' }), 'maps.m needs "values" or "networks"');
  assert.equal(
    table({ of: 'host', networks: { '10.0.0.0/8': 'a' } }),
    'maps.m.of is host, which is no address | of: client',
  );
  assert.match(
    table({ of: 'client', networks: { '10.0.0.1/8': 'a' } }),
    /^maps\.m\.networks\[0\] has "10\.0\.0\.1\/8": has bits/,
  );
  assert.match(table({ of: 'client', networks: { '10.0.0.0/8': 'a' }, values: { x: 'b' } }), /stands beside "values"/);
  assert.match(table({ of: 'host', values: { '~(?=x)': 'a' } }), /^maps\.m\.values\.~\(\?=x\) is no usable pattern/);
  assert.match(table({ of: 'colour', values: { a: 'b' } }), /^maps\.m\.of/);
});

test('splits that make no sense', () => {
  const split = (one: object): string => problem({ pool: undefined, split: one });
  const variants = { a: { pool: 'web' }, b: { pool: 'next' } };
  assert.match(split({ variants: {} }), /split\.variants must name at least one/);
  assert.match(split({ variants: { a: { pool: 'web', weight: 0 } } }), /has no variant with a weight/);
  assert.match(
    split({ variants: { a: { pool: 'wbe' } } }),
    /variants\.a\.pool names the pool "wbe", which does not exist \| did you mean "web"\?/,
  );
  assert.match(split({ variants, rollout: { to: 'c' } }), /rollout\.to names the variant "c", which does not exist/);
  assert.match(
    split({ variants, rollout: { to: 'b', steps: [0.5, 0.2] } }),
    /steps\[1\] must be more than the step before it/,
  );
  assert.match(split({ variants, rollout: { to: 'b', steps: [0] } }), /steps\[0\] is nobody/);
  assert.match(
    split({ variants, rollout: { to: 'b', halt: { latency: 0.5 } } }),
    /must be at least 1: as slow as the others/,
  );
  assert.match(split({ variants, by: 'cookie:a b' }), /is no name of a cookie/);
  const twice = { name: 'x', split: { variants } };
  const listener = { bind: '127.0.0.1:8080', routes: [twice, { ...twice, path: '/x' }] };
  assert.deepEqual(issues({ listeners: { web: listener }, pools: POOLS }), [
    'listeners.web.routes[1].name is "x", as another route with a split is called',
  ]);
});

test('pools behind tables and splits are held to what the listener can do', () => {
  const bad = { next: { endpoints: ['10.0.0.2:80'], proxyProtocol: 'v1' }, web: POOLS.web };
  const split = { variants: { a: { pool: 'next' } } };
  assert.match(problem({ pool: undefined, split }, { pools: bad }), /pools\.next\.proxyProtocol cannot be sent/);
  assert.match(
    problem({ pool: { map: 'tier' } }, { ...MAPS, pools: bad }),
    /pools\.next\.proxyProtocol cannot be sent/,
  );
});
