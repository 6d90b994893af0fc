import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { documentTypes } from '../../scripts/generate-types.ts';
import { BALANCERS } from '../balancing/index.ts';
import { configJsonSchema } from './json-schema.ts';

test('the published types are those of the schema (npm run generate)', () => {
  assert.equal(readFileSync(new URL('./document.ts', import.meta.url), 'utf8'), documentTypes());
});

test('the JSON Schema knows every balancing kind, in both forms', () => {
  const text = JSON.stringify(configJsonSchema());
  for (const { name } of BALANCERS) assert.ok(text.includes(`"const":"${name}"`), name);
  assert.ok(text.includes('"additionalProperties":false'), 'unknown keys are errors in editors too');
});
