import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram, needs } from '../testing/programs.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cli-nat-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, 'nat', ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 });

const CONFIG = `listeners:
  db: { bind: 0.0.0.0:5432, protocol: tcp, mode: nat, pool: db }
  cache: { bind: 0.0.0.0:6379, protocol: tcp, mode: auto, pool: cache }
  plain: { bind: 0.0.0.0:81, protocol: tcp, pool: db }
pools:
  db: { endpoints: ["10.0.1.1:5432", "10.0.1.2:5432"] }
  cache: { balance: least-connections, endpoints: ["10.0.2.1:6379"] }
`;
writeFileSync(join(folder, 'evenkeel.yaml'), CONFIG);

test('nat --print shows the table of what the kernel would do, and says what it would not', () => {
  const { status, stdout, stderr } = run('--print');
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^table inet evenkeel \{\n/);
  assert.match(stdout, /tcp dport 5432 .* goto on\/db/);
  assert.match(stdout, /elements = \{ 0 : goto to\/db\/db\/10\.0\.1\.1\/5432, 1 : goto/);
  assert.doesNotMatch(stdout, /dport (81|6379)/);
  assert.match(stderr, /^cache would be served by the proxy: pools\.cache\.balance is least-connections/);
});

test('nft takes what is printed', { skip: needs('nft') || (process.getuid?.() !== 0 && 'needs root') }, () => {
  for (const args of [['--print'], ['--commands']]) {
    const checked = spawnSync(findProgram('nft')!, ['-c', '-f', '-'], { input: run(...args).stdout, encoding: 'utf8' });
    assert.equal(checked.status, 0, checked.stderr);
  }
});

test('nothing for the kernel, or a bad configuration: exit code 1 with the reason', () => {
  writeFileSync(join(folder, 'proxy.yaml'), CONFIG.replace(/mode: \w+, /g, ''));
  const nothing = run('-c', 'proxy.yaml');
  assert.equal(nothing.status, 1);
  assert.match(nothing.stderr, /no listener is for the kernel; write "mode: nat"/);
  writeFileSync(join(folder, 'bad.yaml'), CONFIG.replace('mode: auto', 'mode: nat'));
  const bad = run('-c', 'bad.yaml');
  assert.equal(bad.status, 1);
  assert.match(bad.stderr, /bad\.yaml:7:\d+: pools\.cache\.balance is least-connections, which needs to know/);
});

test('the example is for the kernel as a whole', () => {
  const example = fileURLToPath(new URL('../../examples/kernel-nat.yaml', import.meta.url));
  const { status, stdout, stderr } = run('--print', '-c', example);
  assert.equal(status, 0, stderr);
  assert.equal(stderr, '');
  assert.match(stdout, /numgen inc mod 2520 vmap @pick\/db\/db\/4/);
});
