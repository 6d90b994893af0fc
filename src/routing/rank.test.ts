import assert from 'node:assert/strict';
import { test } from 'node:test';
import { regexPrefix } from './rank.ts';

test('the literal prefix of a regular expression is never longer than what every match begins with', () => {
  for (const [pattern, prefix] of [
    ['^/api/v\\d+', '/api/v'],
    ['^/api\\.json$', '/api.json'],
    ['^\\/a\\/b', '/a/b'],
    ['^/ab*', '/a'],
    ['^/ab?c', '/a'],
    ['^/ab{0,2}', '/a'],
    ['^/ab+c', '/a'],
    ['^/a(b)', '/a'],
    ['^/a[bc]', '/a'],
    ['^/a|/b', ''],
    ['/a', ''],
    ['(?i)^/a', ''],
    ['^\\x2fa', ''],
    ['^/a\\', '/a'],
    ['^', ''],
  ]) {
    assert.equal(regexPrefix(pattern), prefix, pattern);
  }
});
