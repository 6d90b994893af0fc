// The house rules as a test: who may import whom, and what pure slices must not touch. Parses every import of src/.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SRC = fileURLToPath(new URL('../src', import.meta.url));
const FIRST_LINES = 1;

/** Pure slices, each after those it may import. Paths below src/; a file may be a slice of its own. */
const PURE = [
  'core',
  'config/types',
  'limits',
  'balancing',
  'health',
  'pool',
  'affinity',
  'routing',
  'steering',
  'dns/wire',
  'dns/zone',
  'dns/engine',
  'config/compile',
  'config/import',
  'udp/flow-lists',
  'udp/flow-map',
  'udp/flows',
  'cluster/vantage',
  'autoscale/target-tracking',
  'autoscale/metrics',
  'autoscale/prometheus-text',
];
/** What `config/compile` is made of beside itself: pure as well. */
const COMPILE_PARTS = [
  'config/schema',
  'config/fields',
  'config/units',
  'config/issues',
  'config/zod-issues',
  'config/regex',
  'config/access-log-fields',
  'config/json-schema',
  'config/plan',
  'config/effective',
  'config/written-discovery',
  'config/written-autoscale',
  'config/written-resilience',
  'config/written-route',
  'config/written-text',
];
const COMPILE_FOLDERS = ['config/compile/', 'config/schema/', 'config/filters/'];

const IO: Record<string, readonly string[]> = {
  net: ['core'],
  observe: ['core'],
  tls: ['PURE', 'net'],
  probes: ['PURE', 'net'],
  platforms: ['core', 'net'],
  discovery: ['PURE', 'net', 'platforms', 'store'],
  geo: ['PURE', 'net'],
  store: ['PURE', 'net'],
  acme: ['PURE', 'net', 'tls'],
  http: ['PURE', 'net', 'tls'],
  tcp: ['PURE', 'net', 'tls'],
  udp: ['PURE', 'net', 'tls'],
  nat: ['PURE', 'net', 'tls'],
  dns: ['PURE', 'net', 'tls'],
  config: ['PURE'],
  // The backend's side: used without a balancer.
  'health-endpoint': [],
  runtime: [
    'PURE',
    'config',
    'net',
    'tls',
    'probes',
    'platforms',
    'discovery',
    'geo',
    'store',
    'acme',
    'http',
    'tcp',
    'udp',
    'nat',
    'dns',
    'observe',
  ],
  admin: ['core', 'runtime/facade'],
  cluster: ['PURE', 'runtime/facade', 'store'],
  autoscale: [
    'core',
    'platforms',
    'runtime/facade',
    // Its own decisions, which are pure.
    'autoscale/metrics',
    'autoscale/prometheus-text',
    'autoscale/target-tracking',
  ],
};

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

const all = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const files = all.filter((file) => !file.endsWith('.test.ts') && !file.startsWith('testing/'));

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const pattern = /^(?:import|export)\s+(type\s+)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gm;
  return [...text.matchAll(pattern)].map((match) => {
    const target = match[2] ?? match[3];
    const to = target.startsWith('.') ? relative(SRC, resolve(dirname(join(SRC, file)), target)) : target;
    return { from: file, to, typeOnly: match[1] !== undefined };
  });
}

/** The slice a file belongs to: the longest known prefix, or its folder. */
function sliceOf(file: string): string {
  const path = file.replace(/\.ts$/, '');
  const within = PURE.find((slice) => slice.includes('/') && path.startsWith(`${slice}/`));
  if (within !== undefined) return within;
  if (PURE.includes(path)) return path;
  if (path.startsWith('config/types/')) return 'config/types';
  if (path.startsWith('config/import/')) return 'config/import';
  if (COMPILE_PARTS.includes(path) || COMPILE_FOLDERS.some((folder) => path.startsWith(folder)))
    return 'config/compile';
  return path.split('/')[0];
}

const show = ({ from, to }: Import): string => `${from} → ${to}`;
const isInside = (to: string): boolean => to.endsWith('.ts');

test('core imports nothing but core', () => {
  const wrong = files
    .filter((file) => sliceOf(file) === 'core')
    .flatMap(importsOf)
    .filter(({ to }) => sliceOf(to) !== 'core');
  assert.deepEqual(wrong.map(show), []);
});

test('pure slices import only core and the pure slices before them', () => {
  const wrong = files.flatMap(importsOf).filter(({ from, to }) => {
    const slice = PURE.indexOf(sliceOf(from));
    if (slice < 0 || !isInside(to)) return false;
    const target = PURE.indexOf(sliceOf(to));
    return target < 0 || target > slice;
  });
  assert.deepEqual(wrong.map(show), []);
});

test('pure slices touch neither Node nor time, chance, the process or promises', () => {
  const wrong: string[] = [];
  for (const file of files) {
    if (!PURE.includes(sliceOf(file))) continue;
    for (const { to } of importsOf(file)) if (to.startsWith('node:')) wrong.push(`${file} → ${to}`);
    const code = readFileSync(join(SRC, file), 'utf8')
      .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
    const touched =
      /\b(?:Date\.now|new Date|Math\.random|setTimeout|setInterval|setImmediate|performance\.|process\.|Promise\b|async )/.exec(
        code,
      );
    if (touched !== null) wrong.push(`${file} uses ${touched[0]}`);
  }
  assert.deepEqual(wrong, []);
});

test('I/O slices import only what the design allows them', () => {
  const wrong = files.flatMap(importsOf).filter(({ from, to }) => {
    const slice = sliceOf(from);
    const allowed = IO[slice];
    if (allowed === undefined || !isInside(to)) return false;
    const target = sliceOf(to);
    if (target === slice || allowed.includes(target)) return false;
    if (allowed.includes('PURE') && PURE.includes(target)) return false;
    return !allowed.includes(to.replace(/\.ts$/, ''));
  });
  assert.deepEqual(wrong.map(show), []);
});

test('only the composition root and worker threads build a real Env', () => {
  const users = files.filter((file) => importsOf(file).some(({ to }) => to === 'runtime/real-env.ts'));
  assert.deepEqual(users.sort(), ['main.ts', 'runtime/worker.ts']);
});

test('every folder of src is a known slice', () => {
  const known = new Set([
    ...Object.keys(IO),
    ...PURE.map((slice) => slice.split('/')[0]),
    'cli',
    'main',
    'index',
    'testing',
  ]);
  assert.deepEqual(
    [...new Set(all.map((file) => file.replace(/\.ts$/, '').split('/')[0]))].filter((slice) => !known.has(slice)),
    [],
  );
});

test('every file opens by saying what it owns', () => {
  const silent = files.filter(
    (file) => !readFileSync(join(SRC, file), 'utf8').split('\n', FIRST_LINES)[0].startsWith('//'),
  );
  assert.deepEqual(silent, []);
});

test('production code does not import test helpers', () => {
  const wrong = files
    .flatMap(importsOf)
    .filter(({ from, to }) => to.startsWith('testing/') && sliceOf(from) !== 'balancing');
  assert.deepEqual(wrong.map(show), []);
});
