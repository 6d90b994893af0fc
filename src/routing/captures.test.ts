import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_ROUTE } from '../config/compile/route.ts';
import type { PathPattern, RouteConfig } from '../config/types.ts';
import { requestHead, routingFacts } from '../testing/request-head.ts';
import { captureNames, capturesOf, hostTable, namesCaptured, templateExpression } from './captures.ts';
import { compileRoutes } from './compile.ts';

const template = (value: string): PathPattern => ({ kind: 'template', value });
const facts = routingFacts();
const captured = (part: Partial<RouteConfig>, request: { host?: string; path?: string }): Record<string, string> => ({
  ...capturesOf({ ...ANY_ROUTE, ...part }, facts.regex)(request.host ?? '', request.path ?? ''),
});
function taken(routes: Record<string, Partial<RouteConfig>>, request: { host?: string; path?: string }) {
  const list = Object.entries(routes).map(([name, part]) => ({ config: { ...ANY_ROUTE, ...part }, target: name }));
  return compileRoutes(list, facts).match(requestHead(request));
}

test('a capture is at least one character of one segment; the rest reads as in a glob', () => {
  for (const [pattern, path, matches] of [
    ['/users/{id}', '/users/7', true],
    ['/users/{id}', '/users/', false],
    ['/users/{id}', '/users/7/x', false],
    ['/users/{id}/*', '/users/7/', true],
    ['/users/{id}/*', '/users/7/a/b', true],
    ['/users/{id}/*', '/users//a', false],
    ['/{a}/*/{b}', '/1/x/2', true],
    ['/{a}/*/{b}', '/1/x/y/2', false],
    ['/{a}/**/{b}', '/1/2', true],
    ['/{a}/**/{b}', '/1/x/y/2', true],
    ['/v{n}.json', '/v2.json', true],
    ['/v{n}.json', '/v2xjson', false],
    ['/files/{rest**}', '/files/a/b', true],
    ['/a+b/{x}', '/a+b/1', true],
  ] as const) {
    assert.equal(new RegExp(templateExpression(pattern)).test(path), matches, `${pattern} ${path}`);
  }
});

test('what the names stand for, in path, host and regular expression', () => {
  assert.deepEqual(captured({ path: template('/users/{id}/{rest**}') }, { path: '/users/7/a/b%20c' }), {
    id: '7',
    rest: 'a/b%20c',
  });
  const host = ['{tenant}.example.com', 'www.{tenant}.example.org'];
  assert.deepEqual(captured({ host }, { host: 'acme.example.com' }), { tenant: 'acme' });
  assert.deepEqual(captured({ host }, { host: 'www.acme.example.org' }), { tenant: 'acme' });
  const path: PathPattern = { kind: 'regex', value: '^/v(?<version>\\d+)/(?:(?<kind>a)|b)' };
  assert.deepEqual(captured({ path, host }, { path: '/v2/b', host: 'x.example.com' }), {
    version: '2',
    kind: '',
    tenant: 'x',
  });
  assert.deepEqual([...namesCaptured({ host, path })], ['tenant', 'tenant', 'version', 'kind'].slice(1));
  assert.deepEqual(captured({ host: ['*.example.com'] }, { host: 'a.example.com' }), {});
});

test('names that objects have themselves are names like others', () => {
  const found = capturesOf({ host: [], path: template('/{__proto__}') }, facts.regex)('', '/x');
  assert.deepEqual(Object.entries(found), [['__proto__', 'x']]);
});

test('a host with a capture takes exactly one label for it, before the wildcard that it is below', () => {
  const routes = {
    wild: { host: ['*.example.com'] },
    tenant: { host: ['{tenant}.example.com'] },
    inner: { host: ['{app}.{tenant}.example.com'] },
    api: { host: ['api.example.com'] },
  };
  assert.equal(taken(routes, { host: 'acme.example.com' }), 'tenant');
  assert.equal(taken(routes, { host: 'a.acme.example.com' }), 'inner');
  assert.equal(taken(routes, { host: 'x.y.z.example.com' }), 'wild');
  assert.equal(taken(routes, { host: 'api.example.com' }), 'api');
  assert.equal(taken(routes, { host: 'example.com' }), undefined);
  assert.equal(hostTable('{a}.eu.example.com'), '*.eu.example.com');
  assert.equal(hostTable('api.{t}.com'), '*.com');
  assert.equal(hostTable('{any}'), '*');
});

test('a template is as specific as the text that it begins with', () => {
  const routes = {
    users: { path: template('/users/{id}') },
    prefix: { path: { kind: 'prefix', value: '/users/' } as PathPattern },
    me: { path: { kind: 'exact', value: '/users/me' } as PathPattern },
    deep: { path: template('/users/{id}/orders/*') },
  };
  assert.equal(taken(routes, { path: '/users/me' }), 'me');
  assert.equal(taken(routes, { path: '/users/7' }), 'users');
  assert.equal(taken(routes, { path: '/users/7/orders/1' }), 'deep');
  assert.equal(taken(routes, { path: '/users/7/x' }), 'prefix');
});

test('braces that are no capture are noticed', () => {
  assert.deepEqual(captureNames('/{a}/{b_2}/{c**}'), ['a', 'b_2', 'c']);
  for (const broken of ['/{', '/{}', '/{1a}', '/{a*}', '/}a{', '/{a-b}']) assert.equal(captureNames(broken), undefined);
});
