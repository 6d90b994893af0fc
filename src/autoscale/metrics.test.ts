import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type AgentReport, averageOf, jsonField, parseAgentLine } from './metrics.ts';
import { cpuBetween, cpuReading, gauge, samplesOf } from './prometheus-text.ts';

const NOTHING = { state: undefined, weight: undefined, maxConnections: undefined, values: {}, description: '' };

function agent(text: string): Omit<AgentReport, 'values'> & { values: Record<string, number> } {
  const report = parseAgentLine(text);
  assert.ok(report !== undefined, text);
  return { ...report, values: Object.fromEntries(report.values) };
}

test('an agent says its state, its weight and its limit, in any order, between spaces, tabs and commas', () => {
  assert.deepEqual(agent('75%\n'), { ...NOTHING, weight: 0.75 });
  assert.deepEqual(agent('75% up'), { ...NOTHING, weight: 0.75, state: 'up' });
  assert.deepEqual(agent('UP,\t50%, maxconn:30\r\n'), { ...NOTHING, state: 'up', weight: 0.5, maxConnections: 30 });
  assert.equal(agent('ready').state, 'ready');
  assert.equal(agent('drain 0%').state, 'drain');
  assert.equal(agent('maint').state, 'maint');
  assert.deepEqual(agent('up 256%').weight, 2.56);
});

test('failed, fail, stopped and down are down, with a description behind #', () => {
  for (const word of ['down', 'fail', 'failed', 'stopped']) assert.equal(agent(word).state, 'down');
  assert.deepEqual(agent('down #disk is full, 99%\u001b[2J'), {
    ...NOTHING,
    state: 'down',
    description: 'disk is full, 99%?[2J',
  });
});

test('the graver of several words holds', () => {
  assert.equal(agent('up maint').state, 'maint');
  assert.equal(agent('drain ready').state, 'drain');
  assert.equal(agent('down up').state, 'down');
});

test('words of ours tell how busy it is', () => {
  assert.deepEqual(agent('up 75% cpu=63%').values, { cpu: 0.63 });
  assert.deepEqual(agent('cpu=0.5 queue=12 requests=99.5').values, { cpu: 0.5, queue: 12, requests: 99.5 });
});

test('only the first line counts, and what nobody knows is looked over', () => {
  assert.deepEqual(agent('up future-word\ndown'), { ...NOTHING, state: 'up' });
  for (const text of [
    '',
    '\n',
    'hello',
    '75',
    '-5%',
    'cpu=',
    'cpu=-1',
    'cpu=1e9',
    'constructor',
    '# up',
    'x'.repeat(9000),
  ])
    assert.equal(parseAgentLine(text), undefined, text);
});

test('whatever an agent says, numbers are numbers', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      const report = parseAgentLine(text);
      for (const value of report?.values.values() ?? []) assert.ok(Number.isFinite(value) && value >= 0);
      assert.ok(report?.weight === undefined || report.weight >= 0);
    }),
  );
});

test('a field of a document by its path', () => {
  const document = { load: { cpu: 0.63, text: '63%', bad: 'much', list: [1, { x: 2 }] }, no: Number.NaN };
  assert.equal(jsonField(document, 'load.cpu'), 0.63);
  assert.equal(jsonField(document, 'load.text'), 0.63);
  assert.equal(jsonField(document, 'load.list.1.x'), 2);
  for (const path of ['', 'load', 'load.bad', 'load.cpu.x', 'no', 'load.missing', '__proto__.x', 'constructor.length'])
    assert.equal(jsonField(document, path), undefined, path);
  assert.equal(jsonField(null, 'a'), undefined);
});

test('instances that say nothing stand in the way of a step, and never turn it round', () => {
  assert.equal(averageOf([0.9, 0.7], 0.6), 0.8);
  assert.equal(averageOf([undefined], 0.6), undefined);
  assert.equal(averageOf([], 0.6), undefined);
  assert.equal(averageOf([0.9, 0.9, undefined], 0.5)?.toFixed(2), '0.60', 'taken to be idle');
  assert.equal(averageOf([0.9, undefined, undefined], 0.5), 0.5, 'nobody is sure');
  assert.equal(averageOf([0.2, undefined], 0.6), 0.4, 'taken to be at the target');
});

const TEXT = `# HELP up Nothing.
# TYPE up gauge
load{pool="a\\"b",zone="x"} 2.5
load{pool="a"} 1e1 1700000000000
load_more 7
load{broken} 5
load NaN
load{pool="c"} +Inf\r
`;

test('samples of Prometheus text by name and labels', () => {
  const samples = samplesOf(TEXT, 'load').map(({ labels, value }) => [Object.fromEntries(labels), value]);
  assert.deepEqual(samples, [
    [{ pool: 'a"b', zone: 'x' }, 2.5],
    [{ pool: 'a' }, 10],
    [{}, Number.NaN],
    [{ pool: 'c' }, Number.POSITIVE_INFINITY],
  ]);
  assert.equal(gauge(TEXT, 'load', { pool: 'a' }), 10);
  assert.equal(gauge(TEXT, 'load', { pool: 'c' }), undefined);
  assert.equal(gauge(TEXT, 'load'), undefined);
  assert.equal(gauge(TEXT, 'nothing'), undefined);
  assert.equal(gauge(TEXT, 'load_more'), 7);
});

const node = (idle: readonly number[]): string =>
  idle
    .map(
      (seconds, cpu) =>
        `node_cpu_seconds_total{cpu="${cpu}",mode="idle"} ${seconds}\nnode_cpu_seconds_total{cpu="${cpu}",mode="user"} 9`,
    )
    .join('\n');

test('a machine is as busy as its CPUs were not idle', () => {
  const before = cpuReading(node([100, 200]), 0);
  assert.equal(cpuBetween(before, cpuReading(node([105, 210]), 10_000)!), 0.25);
  assert.equal(cpuBetween(before, cpuReading(node([110.2, 210]), 10_000)!), 0, 'clocks differ a little');
  assert.equal(cpuBetween(before, cpuReading(node([100, 200]), 10_000)!), 1);
});

test('a process is as busy as the CPU time it has used', () => {
  const before = cpuReading('process_cpu_seconds_total 5\n', 0);
  assert.equal(cpuBetween(before, cpuReading('process_cpu_seconds_total 20\n', 10_000)!), 1.5);
});

test('what cannot be compared is not known', () => {
  const at = (text: string, ms: number) => cpuReading(text, ms)!;
  const used = (seconds: number): string => `process_cpu_seconds_total ${seconds}`;
  assert.equal(cpuBetween(undefined, at(used(5), 0)), undefined);
  assert.equal(cpuBetween(at(used(5), 0), at(used(4), 10)), undefined, 'it was started anew');
  assert.equal(cpuBetween(at(used(5), 10), at(used(6), 10)), undefined);
  assert.equal(cpuBetween(at(node([1, 2]), 0), at(node([1]), 10)), undefined, 'a CPU is gone');
  assert.equal(cpuBetween(at(node([1]), 0), at(used(6), 10)), undefined);
  assert.equal(cpuReading('nothing 1', 0), undefined);
});

/** Whatever labels hold comes back. */
test('labels are read as they were written', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 50 }), (value) => {
      const escaped = value.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n');
      const [sample] = samplesOf(`m{a="1",x="${escaped}"} 3`, 'm');
      if (/[\r\u2028\u2029]/.test(value)) return;
      assert.equal(sample.labels.get('x'), value);
    }),
  );
});
