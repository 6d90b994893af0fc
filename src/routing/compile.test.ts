import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ANY_ROUTE } from '../config/compile/route.ts';
import type { PathPattern, RouteConfig, TextMatch } from '../config/types.ts';
import { compileRoutes, plainFacts, type RequestHead } from './compile.ts';
import { compileGlob, globPrefix } from './glob.ts';

const facts = plainFacts((pattern) => new RegExp(pattern));

function route(part: Partial<RouteConfig>): RouteConfig {
  return { ...ANY_ROUTE, ...part };
}

function head(part: Partial<Omit<RequestHead, 'header'>> & { headers?: Record<string, string> }): RequestHead {
  const { headers = {}, ...rest } = part;
  const defaults = {
    method: 'GET',
    host: 'example.com',
    path: '/',
    query: '',
    client: '192.0.2.1',
    tls: undefined,
    certificate: undefined,
    identity: '',
  };
  return { ...defaults, ...rest, header: (name) => headers[name] };
}

const exact = (value: string): PathPattern => ({ kind: 'exact', value });
const prefix = (value: string): PathPattern => ({ kind: 'prefix', value });
const glob = (value: string): PathPattern => ({ kind: 'glob', value });
const pattern = (value: string): PathPattern => ({ kind: 'regex', value });

/** Which of the routes, by name, a request takes. */
function taken(routes: Record<string, Partial<RouteConfig>>, request: Parameters<typeof head>[0]): string | undefined {
  const list = Object.entries(routes).map(([name, part]) => ({ config: route(part), target: name }));
  return compileRoutes(list, facts).match(head(request));
}

test('the more specific host wins, and a miss there falls through to the less specific', () => {
  const routes = {
    any: {},
    wide: { host: ['*.com'] },
    star: { host: ['*.example.com'], path: prefix('/s/') },
    name: { host: ['a.example.com'], path: exact('/x') },
  };
  assert.equal(taken(routes, { host: 'a.example.com', path: '/x' }), 'name');
  assert.equal(taken(routes, { host: 'a.example.com', path: '/s/1' }), 'star');
  assert.equal(taken(routes, { host: 'b.c.example.com', path: '/s/1' }), 'star');
  assert.equal(taken(routes, { host: 'a.example.com', path: '/y' }), 'wide');
  assert.equal(taken(routes, { host: 'example.com', path: '/s/1' }), 'wide');
  assert.equal(taken(routes, { host: 'example.org', path: '/x' }), 'any');
  assert.equal(taken({ star: { host: ['*.example.com'] } }, { host: 'example.com' }), undefined);
  assert.equal(taken({ star: { host: ['*.example.com'] } }, { host: '.example.com' }), undefined);
});

test('exact path, then the longer literal, then a pattern before a plain prefix, then no path', () => {
  const routes = {
    none: {},
    root: { path: prefix('/') },
    api: { path: prefix('/api/') },
    glob: { path: glob('/api/*/items') },
    deep: { path: prefix('/api/v1/') },
    regex: { path: pattern('^/img-\\d+$') },
    img: { path: prefix('/img-') },
    exact: { path: exact('/api/v1/items') },
  };
  for (const [path, expected] of [
    ['/api/v1/items', 'exact'],
    ['/api/v1/other', 'deep'],
    ['/api/v2/items', 'glob'],
    ['/api/v2/other', 'api'],
    ['/api', 'root'],
    ['/img-12', 'regex'],
    ['/img-x', 'img'],
    ['*', 'none'],
  ]) {
    assert.equal(taken(routes, { path }), expected, path);
  }
});

test('a prefix matches everything that begins with it, within a segment too', () => {
  assert.equal(taken({ r: { path: prefix('/api') } }, { path: '/apix' }), 'r');
  assert.equal(taken({ r: { path: prefix('/api/') } }, { path: '/api' }), undefined);
});

test('more conditions come before fewer, and all must hold', () => {
  const routes = {
    plain: {},
    post: { method: ['POST', 'PUT'] },
    both: { method: ['POST'], header: { 'X-User': { kind: 'prefix', value: 'a' } as TextMatch } },
  };
  assert.equal(taken(routes, {}), 'plain');
  assert.equal(taken(routes, { method: 'POST' }), 'post');
  assert.equal(taken(routes, { method: 'POST', headers: { 'x-user': 'anna' } }), 'both');
  assert.equal(taken(routes, { method: 'POST', headers: { 'x-user': 'bea' } }), 'post');
  assert.equal(taken({ first: {}, second: {} }, {}), 'first');
});

test('headers, cookies, query parameters and client networks are conditions', () => {
  const holds = (part: Partial<RouteConfig>, request: Parameters<typeof head>[0]) =>
    taken({ r: part }, request) === 'r';
  const is = (value: string): TextMatch => ({ kind: 'exact', value });
  const cookies = { headers: { cookie: 'ab=1; b=two;  c=x=y ' } };
  assert.ok(holds({ cookie: { b: is('two') } }, cookies));
  assert.ok(holds({ cookie: { c: is('x=y') } }, cookies));
  assert.ok(!holds({ cookie: { a: { kind: 'present' } } }, cookies));
  assert.ok(holds({ cookie: { a: { kind: 'absent' } } }, {}));
  const query = { query: 'a=1&b&c=%C3%BC+x&d=%zz&=e&a=2' };
  assert.ok(holds({ query: { a: is('1'), b: is(''), c: is('ü x'), d: is('%zz') } }, query));
  assert.ok(!holds({ query: { e: { kind: 'present' } } }, query));
  assert.ok(holds({ query: { a: { kind: 'regex', value: '^\\d$' }, x: { kind: 'absent' } } }, query));
  assert.ok(holds({ client: ['192.0.2.0/24', '::/0'] }, {}));
  assert.ok(!holds({ client: ['192.0.3.0/24', '::/0'] }, {}));
  assert.ok(!holds({ header: { 'x-a': { kind: 'regex', value: '.' } } }, {}));
});

/** Ranks all routes and tries one after the other, as the words of the documentation say. */
function naive(routes: readonly RouteConfig[], request: RequestHead): number | undefined {
  const ranked: { rank: number[]; index: number }[] = [];
  for (const [index, config] of routes.entries()) {
    for (const host of config.host.length === 0 ? ['*'] : config.host) {
      const hostRank = host === '*' ? 0 : host.startsWith('*.') ? host.length : 1000;
      const hostFits = host === '*' || (host.startsWith('*') ? below(request.host, host) : request.host === host);
      if (!hostFits || !pathFits(config.path, request.path)) continue;
      if (config.method.length > 0 && !config.method.includes(request.method)) continue;
      if (config.header.h?.kind === 'present' && request.header('h') === undefined) continue;
      const { path } = config;
      const pathRank = path === undefined ? -1 : path.kind === 'exact' ? 1000 : fixed(path);
      const conditions = Number(config.method.length > 0) + Object.keys(config.header).length;
      const isPattern = path?.kind === 'glob' || path?.kind === 'regex' ? 1 : 0;
      ranked.push({ rank: [hostRank, pathRank, isPattern, conditions, -index], index });
    }
  }
  ranked.sort((a, b) => {
    const at = a.rank.findIndex((value, i) => value !== b.rank[i]);
    return at < 0 ? 0 : b.rank[at] - a.rank[at];
  });
  return ranked[0]?.index;
}

const below = (host: string, wildcard: string) => host.endsWith(wildcard.slice(1)) && host.length >= wildcard.length;
const fixed = (path: PathPattern) => (path.kind === 'glob' ? globPrefix(path.value).length : path.value.length);

function pathFits(path: PathPattern | undefined, text: string): boolean {
  if (path === undefined) return true;
  if (path.kind === 'exact') return text === path.value;
  if (path.kind === 'prefix') return text.startsWith(path.value);
  return globExpression(path.value).test(text);
}

function globExpression(value: string): RegExp {
  const body = value
    .replace(/[.]/g, '\\.')
    .replace(/(?<=\/)\*\*+\/|\*+/g, (stars) => (stars.endsWith('/') ? '(.*/)?' : stars.length > 1 ? '.*' : '[^/]*'));
  return new RegExp(`^${body}$`, 's');
}

const pathText = fc
  .array(fc.constantFrom('/', '/', 'a', 'b', 'ab', '.'), { maxLength: 6 })
  .map((parts) => `/${parts.join('')}`);
const globText = fc
  .array(fc.constantFrom('/', '/', 'a', 'b', '*', '**', '/**/'), { maxLength: 8 })
  .map((parts) => `/${parts.join('')}`);
const hosts = fc.constantFrom('a.com', 'b.a.com', 'c.b.a.com', 'com', 'x.org');
const hostPattern = fc.oneof(hosts, fc.constantFrom('*.com', '*.a.com', '*.b.a.com'));
const routeArbitrary = fc
  .record({
    host: fc.uniqueArray(hostPattern, { maxLength: 2 }),
    path: fc.oneof(fc.constant(undefined), pathText.map(exact), pathText.map(prefix), globText.map(glob)),
    method: fc.constantFrom([], [], ['GET'], ['POST', 'PUT']),
    header: fc.constantFrom<Record<string, TextMatch>>({}, {}, { h: { kind: 'present' } }),
  })
  .map(route);

test('agrees with ranking all routes and trying them one by one', () => {
  const heads = fc.record({
    host: hosts,
    path: pathText,
    method: fc.constantFrom('GET', 'POST'),
    headers: fc.constantFrom<Record<string, string>>({}, { h: '1' }),
  });
  fc.assert(
    fc.property(fc.array(routeArbitrary, { maxLength: 30 }), fc.array(heads, { maxLength: 10 }), (routes, requests) => {
      const router = compileRoutes(
        routes.map((config, target) => ({ config, target })),
        facts,
      );
      for (const request of requests.map(head)) assert.equal(router.match(request), naive(routes, request));
    }),
    { numRuns: 2000 },
  );
});

test('globs agree with the regular expression that they stand for', () => {
  const single = fc.array(fc.constantFrom('/', 'a', 'b', 'a/b', '*'), { maxLength: 9 });
  const singles = single.map((parts) => `/${parts.join('').replace(/\*+/g, '*')}`);
  const text = fc.array(fc.constantFrom('/', 'a', 'b', 'ab'), { maxLength: 10 }).map((parts) => `/${parts.join('')}`);
  fc.assert(
    fc.property(fc.oneof(globText, singles), text, (value, path) => {
      assert.equal(compileGlob(value).test(path), globExpression(value).test(path));
    }),
    { numRuns: 20_000 },
  );
});

test('globs longer than a machine word work', () => {
  const long = '/segment-number-one/*/segment-number-two-which-is-long/**/end*';
  const matcher = compileGlob(`/*${long}`);
  assert.ok(matcher.test('/x/segment-number-one/y/segment-number-two-which-is-long/end'));
  assert.ok(matcher.test('/x/segment-number-one/y/segment-number-two-which-is-long/1/2/ending'));
  assert.ok(!matcher.test('/x/segment-number-one/y/z/segment-number-two-which-is-long/end'));
});

test('a glob made to backtrack takes linear time', () => {
  const matcher = compileGlob(`/**${'a*'.repeat(20)}b`);
  const steps = `/${'a'.repeat(100_000)}`;
  assert.ok(!matcher.test(steps));
  assert.ok(!compileGlob(`/${'a*'.repeat(20)}b`).test(steps));
});
