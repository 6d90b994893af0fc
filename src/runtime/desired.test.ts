import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../config/compile.ts';
import { formatAddress } from '../core/address.ts';
import { endpointConfig } from '../testing/pool-config.ts';
import { Desired, MAX_EDITS } from './desired.ts';

function config(...endpoints: readonly string[]) {
  const compiled = compile({
    listeners: { web: { bind: '127.0.0.1:1', pool: 'api' } },
    pools: { api: { endpoints }, other: { endpoints: ['10.9.9.9:1'] } },
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
}

const edit = (address: string, over: object) => ({
  id: `api/${address}`,
  pool: 'api',
  removed: false,
  at: 0,
  note: '',
  ...over,
});
const shown = (desired: Desired, from = config('10.0.0.1:1')) =>
  desired.merge(from).pools.api.endpoints.map(({ address, weight }) => `${formatAddress(address)} ${weight}`);

test('without a word of anybody the configuration is taken as it is', () => {
  const written = config('10.0.0.1:1');
  assert.equal(new Desired().merge(written), written);
});

test('what was written, found and started is joined; what was written is known best', () => {
  const desired = new Desired();
  desired.setEndpoints('discovery', 'api', [endpointConfig(1, { weight: 9 }), endpointConfig(2, { weight: 2 })]);
  desired.setEndpoints('autoscale', 'api', [endpointConfig(2, { weight: 7 }), endpointConfig(3)]);
  assert.deepEqual(shown(desired), ['10.0.0.1:1 1', '10.0.0.1:2 2', '10.0.0.1:3 1']);
  desired.setEndpoints('discovery', 'api', []);
  assert.deepEqual(shown(desired), ['10.0.0.1:1 1', '10.0.0.1:2 7', '10.0.0.1:3 1'], 'a whole set each time');
  const written = config('10.0.0.1:1');
  assert.deepEqual(
    ['10.0.0.1:1', '10.0.0.1:3', '10.0.0.1:4'].map((address) => desired.originsOf(written, 'api').get(address)),
    ['config', 'autoscale', undefined],
  );
});

test('operators have the last word, and can take it back', () => {
  const desired = new Desired();
  desired.setEndpoints('discovery', 'api', [endpointConfig(2)]);
  desired.edit(edit('10.0.0.1:1', { weight: 0 }));
  desired.edit(edit('10.0.0.1:2', { removed: true }));
  desired.edit(edit('10.0.0.1:3', { added: endpointConfig(3), weight: 4 }));
  desired.edit(edit('10.0.0.1:4', { weight: 4 }));
  assert.deepEqual(shown(desired), ['10.0.0.1:1 0', '10.0.0.1:3 4'], 'a word about who is not there waits');
  assert.deepEqual(shown(desired, config('10.0.0.1:4')), ['10.0.0.1:4 4', '10.0.0.1:3 4']);
  for (const { id } of desired.edits()) assert.ok(desired.takeBack(id));
  assert.deepEqual(shown(desired), ['10.0.0.1:1 1', '10.0.0.1:2 1']);
  assert.equal(desired.takeBack('api/10.0.0.1:1'), false);
});

test('pools that nobody changed stay the same objects', () => {
  const desired = new Desired();
  desired.setEndpoints('discovery', 'api', [endpointConfig(2)]);
  const written = config('10.0.0.1:1');
  assert.equal(desired.merge(written).pools.other, written.pools.other);
});

test('words are bounded', () => {
  const desired = new Desired();
  for (let i = 0; i < MAX_EDITS; i++) assert.ok(desired.edit(edit(`h${i}:1`, { weight: 1 })).ok);
  assert.ok(!desired.edit(edit('more:1', { weight: 1 })).ok);
  assert.ok(desired.edit(edit('h0:1', { weight: 2 })).ok, 'one that is there already may change');
});
