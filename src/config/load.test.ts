import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { stringify } from 'yaml';
import { balancerByName } from '../balancing/index.ts';
import { effective } from './effective.ts';
import { type ConfigIssue, formatIssue, suggest } from './issues.ts';
import { loadConfig } from './load.ts';
import { formatPlan, plan } from './plan.ts';
import type { Config } from './types.ts';

const folder = mkdtempSync(join(tmpdir(), 'evenkeel-config-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function good(name: string, text: string): Promise<Config> {
  const loaded = await loadConfig(file(name, text));
  assert.ok(loaded.ok, loaded.ok ? '' : JSON.stringify(loaded.error));
  return loaded.value.config;
}

async function bad(name: string, text: string): Promise<ConfigIssue[]> {
  const loaded = await loadConfig(file(name, text));
  assert.ok(!loaded.ok, 'was accepted');
  return loaded.error;
}

const YAML = `listeners:
  web: { bind: "127.0.0.1:8080", pool: web }
pools:
  web: { endpoints: ["10.0.0.1:80"] }
`;
const DOCUMENT = {
  listeners: { web: { bind: '127.0.0.1:8080', pool: 'web' } },
  pools: { web: { endpoints: ['10.0.0.1:80'] } },
};

test('YAML, JSON and TypeScript say the same', async () => {
  const yaml = await good('a.yaml', YAML);
  assert.deepEqual(await good('a.json', JSON.stringify(DOCUMENT)), yaml);
  const index = JSON.stringify(new URL('../index.ts', import.meta.url).href);
  assert.deepEqual(
    await good(
      'a.ts',
      `import { defineConfig } from ${index};\nconst port: number = 80;\nexport default defineConfig({ listeners: { web: { bind: '127.0.0.1:8080', pool: 'web' } }, pools: { web: { endpoints: [\`10.0.0.1:\${port}\`] } } });`,
    ),
    yaml,
  );
});

test('a TypeScript configuration is read anew each time', async () => {
  const program = (port: number) =>
    `export default { listeners: { web: { bind: '127.0.0.1:${port}', pool: 'web' } }, pools: { web: {} } };`;
  assert.equal((await good('b.ts', program(1))).listeners.web.bind.port, 1);
  assert.equal((await good('b.ts', program(2))).listeners.web.bind.port, 2);
});

test('an issue has file, line, column, the offending line and a hint', async () => {
  const [issue] = await bad('c.yaml', YAML.replace('web: { bind', 'web: { bnd: 1, bind'));
  assert.deepEqual({ line: issue.line, column: issue.column }, { line: 2, column: 10 });
  assert.equal(
    formatIssue('c.yaml', issue),
    [
      'c.yaml:2:10: listeners.web.bnd is not known here',
      '  2 |   web: { bnd: 1, bind: "127.0.0.1:8080", pool: web }',
      '    |          ^',
      '  hint: did you mean "bind"?',
    ].join('\n'),
  );
});

test('issues come in the order of the file', async () => {
  const found = await bad('d.yaml', `${YAML}zzz: 1\nworkers: 0\n`.replace('10.0.0.1:80', '10.0.0.1'));
  assert.deepEqual(
    found.map((issue) => issue.line),
    [4, 5, 6],
  );
});

test('in a TypeScript configuration the place is found as well', async () => {
  const [issue] = await bad(
    'e.ts',
    "export default {\n  listeners: { web: { bind: '127.0.0.1:1', pool: 'web' } },\n  pools: { web: { balance: 'nope' } },\n};\n",
  );
  assert.equal(issue.line, 3);
});

test('what cannot be read says why', async () => {
  assert.match((await bad('f.yaml', 'a: [1'))[0].message, /cannot be read/);
  assert.match((await bad('g.yaml', 'a: 1\na: 2\n'))[0].message, /Map keys must be unique/);
  assert.match((await bad('h.ts', 'export const x = 1;'))[0].message, /must export its configuration as default/);
  assert.match((await bad('i.ts', 'throw new Error("no luck");'))[0].message, /cannot be loaded: no luck/);
  const missing = await loadConfig(join(folder, 'missing.yaml'));
  assert.ok(!missing.ok);
  assert.match(missing.error[0].message, /there is no file/);
  const alias = `a: &a [x, x]\n${Array.from({ length: 12 }, (_, i) => `b${i}: &b${i} [${Array.from({ length: 9 }, () => (i === 0 ? '*a' : `*b${i - 1}`)).join(',')}]`).join('\n')}`;
  assert.match((await bad('j.yaml', alias))[0].message, /aliases/);
});

test('the effective configuration is a valid configuration that means the same', async () => {
  const full = await good(
    'k.yaml',
    `zone: a
workers: 2
trustedProxies: 10.0.0.0/8
accessLog: { to: stdout, sample: 10%, fields: [time, status] }
admin: { bind: "127.0.0.1:9900" }
listeners:
  web:
    bind: "[::1]:8080"
    routes:
      - { host: ["*.example.com", a.example], path: "~^/v[0-9]+/", method: get, header: { X-A: "~b" , x-b: "c*", x-c: true, x-d: false }, cookie: { v: "2" }, query: { q: x }, client: 10.0.0.0/8, pool: web, timeouts: { attempt: 2s, total: 10s }, retries: { attempts: 3, on: [reset, 502, 504-505, retriable-4xx], methods: [get, post], idempotencyKey: true }, hedge: p95 }
      - { path: /a/*/b, pool: web }
      - { path: /exact, pool: web, hedge: { after: 200ms, atLeast: 5ms }, filters: [ { mirror: { pool: web, percent: 5% } }, { fault: { delay: 2s, abort: 503, percent: 1%, header: X-Fault, from: 10.0.0.0/8 } }, { fault: { delay: { max: 1s } } } ] }
    limits: { body: 10m, connections: 10 }
pools:
  web:
    balance: { kind: ring-hash, key: cookie:user, bound: 1.25 }
    endpoints: [ { address: "10.0.0.1:80", weight: 2.5, backup: true, zone: b, maxInFlight: 9 }, "[::1]:81" ]
    health: { http: { path: /h, status: [200, 300-302], body: "ok*", headers: { A: b } }, interval: 3s, port: 81 }
    slowStart: { window: 30s, aggression: 2 }
    panic: 50%
    passive: { status: 500-599 }
    retries: 1
    breaker: { scope: pool, errors: 30%, status: [500, 502-504], latency: { above: 1s, share: 40% } }
    adaptive: { max: 500, tolerance: 2 }
`,
  );
  const again = await good('l.yaml', stringify(effective(full, (kind) => balancerByName(kind)?.needs === 'key')));
  assert.deepEqual(again, full);
});

test('a plan says what a reload would do, and nothing when it would do nothing', async () => {
  const before = await good('m.yaml', YAML);
  assert.equal(formatPlan(plan(before, before)), 'nothing to change');
  const after = await good(
    'n.yaml',
    YAML.replace('10.0.0.1:80"', '10.0.0.2:80", "10.0.0.1:80"')
      .replace('pool: web }', 'pool: web, limits: { fields: 5 } }')
      .replace('pools:', '  more: { bind: "127.0.0.1:8081", pool: web }\npools:'),
  );
  const { bind, unbind } = plan(before, after);
  assert.deepEqual([bind, unbind], [['more'], []]);
  assert.equal(
    formatPlan(plan(before, after)),
    ['~ listener web: limits', '+ listener more: binds 127.0.0.1:8081', '+ endpoint web/10.0.0.2:80: weight 1'].join(
      '\n',
    ),
  );
});

test('suggestions are near, or the list of what is known', () => {
  assert.equal(suggest('lisetners', ['listeners', 'pools']), 'did you mean "listeners"?');
  assert.equal(suggest('x', ['listeners', 'pools']), 'known here: listeners, pools');
});
