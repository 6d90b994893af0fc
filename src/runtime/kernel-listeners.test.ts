import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LoadTable, STATE } from '../core/load-table.ts';
import { endpointConfig, poolConfig } from '../testing/pool-config.ts';
import { kernelPickable } from './kernel-listeners.ts';

test('an endpoint whose ejection is over is the kernel’s again, also beside others', () => {
  const load = LoadTable.local(8);
  const config = poolConfig({ endpoints: [endpointConfig(1), endpointConfig(2)] });
  const endpoints = config.endpoints.map((one, slot) => ({ ...one, id: `p/${slot}`, slot }));
  const pickable = () => kernelPickable(endpoints, load, config, '', 0).map(({ id }) => id);
  load.state.set([STATE.used | STATE.up, STATE.used | STATE.up]);
  assert.deepEqual(pickable(), ['p/0', 'p/1']);
  load.state[1] = STATE.used;
  assert.deepEqual(pickable(), ['p/0'], 'ejected');
  load.state[1] = STATE.used | STATE.up | STATE.trial;
  assert.deepEqual(pickable(), ['p/0', 'p/1'], 'on trial: nobody would end it by a success');
});
