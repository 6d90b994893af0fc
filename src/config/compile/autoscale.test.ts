import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';
import { formatPath } from '../issues.ts';

const configured = (autoscale: object, pool: object = {}) => ({
  listeners: { web: { bind: '127.0.0.1:1', pool: 'api' } },
  pools: { api: { ...pool, autoscale } },
});
const processes = { command: ['node', 'server.js', '--port', '${port}'] };

test('autoscaling has defaults that do not flap', () => {
  const compiled = compile(configured({ cpu: '60%', from: 'agent:9000', max: 8, processes }));
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const { metric, target, source, min, max, toleranceOut, toleranceIn, stabilisationMs, provider } =
    compiled.value.pools.api.autoscale!;
  assert.deepEqual([metric, target, source], ['cpu', 0.6, { kind: 'agent', port: 9000 }]);
  assert.deepEqual([min, max, toleranceOut, toleranceIn, stabilisationMs], [1, 8, 0.1, 0.2, 300_000]);
  assert.equal(provider.kind, 'processes');
});

test('what is in effect can be written back, for every provider and source, without values of environments', () => {
  const found = { discover: { file: 'endpoints.yaml' } };
  for (const [autoscale, pool] of [
    [{ cpu: 0.5, from: 'json:/health#load.cpu', max: 3, processes: { ...processes, env: { TOKEN: 'secret' } } }, {}],
    [{ inFlight: 20, max: 3, docker: { image: 'shop:1', port: 80, env: { TOKEN: 'secret' } } }, {}],
    [{ requests: 100, max: 3, kubernetes: { resource: 'shop/deployments/web' } }, found],
    [{ queueTime: '20ms', max: 3, exec: { command: ['./scale.sh'] } }, found],
    [{ cpu: 0.5, from: 'prometheus:/metrics', max: 3, processes }, {}],
  ] as const) {
    const first = compile(configured(autoscale, pool));
    assert.ok(first.ok, JSON.stringify(first));
    const document = effective(first.value);
    assert.ok(!JSON.stringify(document).includes('secret'));
    const second = compile(document);
    assert.ok(second.ok, JSON.stringify(second));
    const without = (config: typeof first.value) =>
      JSON.stringify(config.pools.api.autoscale).replace(/"(?:secret|hidden)"/g, '""');
    assert.equal(without(second.value), without(first.value));
  }
});

for (const [what, autoscale, expected] of [
  ['no metric', { max: 2, processes }, 'pools.api.autoscale says by what it is judged nowhere'],
  [
    'two metrics',
    { cpu: 0.5, inFlight: 2, from: 'agent:1', max: 2, processes },
    'pools.api.autoscale names several metrics',
  ],
  ['no provider', { inFlight: 2, max: 2 }, 'pools.api.autoscale names nobody who starts instances'],
  [
    'CPU from nowhere',
    { cpu: 0.5, max: 2, processes },
    'pools.api.autoscale.cpu needs "from": where instances tell it',
  ],
  [
    'a source of what is known here',
    { inFlight: 2, from: 'agent:1', max: 2, processes },
    'pools.api.autoscale.from is for "cpu" only',
  ],
  [
    'bounds the wrong way round',
    { inFlight: 2, min: 3, max: 2, processes },
    'pools.api.autoscale.min is above "max", which is 2',
  ],
  [
    'tolerances that flap',
    { inFlight: 2, max: 2, toleranceIn: 0.1, processes },
    'pools.api.autoscale.toleranceIn must be more than "toleranceOut": otherwise noise would go to and fro',
  ],
  [
    'instances that nobody finds',
    { inFlight: 2, max: 2, exec: { command: ['x'] } },
    'pools.api.autoscale.exec starts instances that nobody finds',
  ],
] as const) {
  test(`refused: ${what}`, () => {
    const compiled = compile(configured(autoscale));
    assert.ok(!compiled.ok);
    assert.deepEqual(
      compiled.error.map(({ path, message }) => `${formatPath(path)} ${message}`),
      [expected],
    );
  });
}
