import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { normalizePath } from './normalize.ts';

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
    ['/a/%2e%2e%2fb', '/a/..%2Fb'],
    ['/.well-known/x', '/.well-known/x'],
    ['/...', '/...'],
    ['//a///b', '//a///b'],
    ['/a//../b', '/a/b'],
    ['/a\\..\\b', '/a\\..\\b'],
  ]) {
    assert.equal(normalizePath(path), expected, path);
  }
});

test('malformed escapes, NUL and what is no path are refused', () => {
  for (const path of ['/%', '/%4', '/%zz', '/a%00', '/%0', '', 'a', 'http://x/', '**']) {
    assert.equal(normalizePath(path), undefined, path);
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
