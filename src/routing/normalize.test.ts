import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { looseReading, normalizePath } from './normalize.ts';

test('unreserved characters are decoded, other escapes stay in upper case, dot segments go', () => {
  for (const [path, expected] of [
    ['/', '/'],
    ['*', '*'],
    ['/a/b', '/a/b'],
    ['/%61%2Db%7e%5F', '/a-b~_'],
    ['/a%2fb%c3%bc', '/a%2Fb%C3%BC'],
    ['/%2561', '/%2561'],
    ['/a/./b/../c', '/a/c'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/..', '/'],
    ['/../../etc/passwd', '/etc/passwd'],
    ['/a/%2e%2E/b', '/b'],
    ['/a..%2fb', '/a..%2Fb'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['//a///b', '//a///b'],
    ['/a//../b', '/a/b'],
    ['/a\\b', '/a\\b'],
    ['/%C3%A9%E9', '/%C3%A9%E9'],
    ['/%C0-la', '/%C0-la'],
  ]) {
    assert.equal(normalizePath(path), expected, path);
  }
});

test('malformed escapes, NUL and what is no path are refused', () => {
  for (const path of ['/%', '/%4', '/%zz', '/a%00', '/%0', '', 'a', 'http://x/', '**']) {
    assert.equal(normalizePath(path), undefined, path);
  }
});

test('what climbs only for some servers is refused: a dot segment beside an encoded slash, a backslash or a parameter', () => {
  for (const path of [
    '/a/%2e%2e%2fb',
    '/a%2F..',
    '/a%2f..%2Fb',
    '/a\\..\\b',
    '/a/..%5Cb',
    '/a/..;/b',
    '/a/..;x=1/b',
    '/a/..%3B/b',
  ]) {
    assert.equal(normalizePath(path), undefined, path);
  }
});

test('overlong forms of UTF-8 are refused, whatever they stand for', () => {
  // "/" in two, three and four bytes; "." in two; NUL in two (Java's own); the greatest of each length.
  const overlong = ['%C0%AF', '%E0%80%AF', '%F0%80%80%AF', '%c0%ae', '%C0%80', '%C1%BF', '%E0%9F%BF', '%F0%8F%BF%BF'];
  for (const bytes of overlong) assert.equal(normalizePath(`/a${bytes}b`), undefined, bytes);
  for (const bytes of ['%C2%80', '%E0%A0%80', '%F0%90%80%80', '%C0', '%E0%41'])
    assert.notEqual(normalizePath(`/a${bytes}`), undefined, bytes);
});

test('the loose reading is what the most lenient server would see, and most paths have no other', () => {
  for (const [path, expected] of [
    ['/a/b.c/%C3%A9', '/a/b.c/%C3%A9'],
    ['/admin%2Fx', '/admin/x'],
    ['//admin///x', '/admin/x'],
    ['/admin;v=1/x;y', '/admin/x'],
    ['/admin\\x', '/admin/x'],
    ['/%2Fadmin', '/admin'],
    ['/a%5C.%5Cb', '/a/b'],
  ]) {
    assert.equal(looseReading(path), expected, path);
  }
});

test('normalizing twice changes nothing, and no dot segment is left', () => {
  const parts = fc.array(fc.constantFrom('/', '.', '..', '%2e', '%2E', '%2f', '%25', '61', 'a', '%41', '%7f'));
  fc.assert(
    fc.property(parts, (list) => {
      const once = normalizePath(`/${list.join('')}`);
      if (once === undefined) return;
      assert.equal(normalizePath(once), once);
      assert.ok(!once.split('/').some((segment) => segment === '.' || segment === '..'), once);
    }),
    { numRuns: 5000 },
  );
});

/** What servers do to paths, each some of it, in some order. */
const HABITS: readonly ((path: string) => string)[] = [
  (path) => path.replace(/%2F/gi, '/'),
  (path) => path.replace(/%5C/gi, '\\'),
  (path) => path.replace(/\\/g, '/'),
  (path) => path.replace(/;[^/]*/g, ''),
  (path) => path.replace(/\/{2,}/g, '/'),
  withoutDots,
];

function withoutDots(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split('/').slice(1)) {
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}`;
}

/** Everything that some server may see. */
function readings(path: string): Set<string> {
  const seen = new Set([path]);
  for (const one of seen) for (const habit of HABITS) seen.add(habit(one));
  return seen;
}

/** Which of three routes a path takes: one for some, within it one for all, and one for everything else. */
function routeOf(path: string): string {
  if (/^\/admin\/x(?:\/|$)/.test(path)) return 'help';
  return /^\/admin(?:\/|$)/.test(path) ? 'guarded' : 'public';
}

test('whatever habits a server has, it sees a path on the route that both of our readings take', () => {
  const parts = [
    'admin/x',
    '/admin/x',
    '/',
    '/',
    '/',
    'admin',
    'admin/',
    'x',
    '.',
    '..',
    '%2e',
    '%2F',
    '%2f',
    '%5c',
    '\\',
    ';',
    ';a=b',
    '//',
    '%3B',
  ];
  const taken = { public: 0, guarded: 0, help: 0, refused: 0 } as Record<string, number>;
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...parts), { minLength: 1, maxLength: 10 }), (list) => {
      const normal = normalizePath(`/${list.join('')}`);
      const route =
        normal !== undefined && routeOf(normal) === routeOf(looseReading(normal)) ? routeOf(normal) : 'refused';
      taken[route]++;
      if (normal === undefined || route === 'refused') return;
      for (const reading of readings(normal)) assert.equal(routeOf(reading), route, `${normal} is ${reading} for some`);
    }),
    { numRuns: 20_000 },
  );
  assert.ok(
    Object.values(taken).every((count) => count > 100),
    JSON.stringify(taken),
  );
});
