import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/types.ts';
import { MAX_VARIANTS } from './shared-memory.ts';
import { VariantSlots } from './variant-slots.ts';

function configured(...names: readonly string[]): Config {
  const routes = names.map((name) => ({
    name,
    path: `/${name}`,
    split: { variants: { a: { pool: 'web' }, b: { pool: 'web' } } },
  }));
  const pools = { web: { endpoints: ['127.0.0.1:1'] } };
  const compiled = compile({ listeners: { web: { bind: '127.0.0.1:1', pool: 'web', routes } }, pools });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
}

function assigned(slots: VariantSlots, config: Config): Readonly<Record<string, number>> {
  const result = slots.assign(config);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

test('a variant keeps its row over reloads, and who comes new begins with an empty one', () => {
  const cleared: number[] = [];
  const slots = new VariantSlots((slot) => cleared.push(slot));
  const first = assigned(slots, configured('one'));
  slots.retain(configured('one'));
  const both = assigned(slots, configured('two', 'one'));
  assert.deepEqual([both['web/one/a'], both['web/one/b']], [first['web/one/a'], first['web/one/b']]);
  assert.equal(new Set(Object.values(both)).size, Object.keys(both).length, 'variants and routes, each its own');
  assert.deepEqual(new Set(cleared), new Set(Object.values(both)));
});

test('a configuration that did not come into effect leaves nothing taken', () => {
  const slots = new VariantSlots(() => undefined);
  const current = configured('one');
  const first = assigned(slots, current);
  for (let i = 0; i < MAX_VARIANTS; i++) {
    assigned(slots, configured('one', `try${i}`));
    slots.retain(current);
  }
  assert.deepEqual(assigned(slots, current), first);
});

test('more variants than there are rows are refused with a reason', () => {
  const slots = new VariantSlots(() => undefined);
  const result = slots.assign(configured(...Array.from({ length: MAX_VARIANTS / 2 + 1 }, (_, i) => `r${i}`)));
  assert.deepEqual(result, { ok: false, error: 'the variant "web/r4096/a" does not fit: 8192 are the limit' });
});
