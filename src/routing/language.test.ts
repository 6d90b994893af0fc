import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Languages } from './language.ts';

test('what the client prefers among what there is', () => {
  const languages = new Languages(['en', 'de', 'pt-br', 'zh-hant']);
  for (const [field, expected] of [
    ['de', 'de'],
    ['DE-ch', 'de'],
    ['fr, de;q=0.8, en;q=0.9', 'en'],
    ['fr;q=1, de;q=0.8', 'de'],
    ['de;q=0, en;q=0.1', 'en'],
    ['pt', ''],
    ['pt-BR', 'pt-br'],
    ['zh-Hant-TW', 'zh-hant'],
    ['zh-hant-x-private', 'zh-hant'],
    ['*', ''],
    ['fr', ''],
    ['', ''],
    ['de; q = 0.5, en ;q=0.7', 'en'],
    ['de;q=2', ''],
    ['!!, en', 'en'],
    [`${'fr,'.repeat(40)}en`, ''],
    [`en,${'x'.repeat(600)}`, ''],
  ]) {
    assert.equal(languages.preferred(field), expected, field);
  }
  assert.equal(languages.preferred(undefined), '');
});
