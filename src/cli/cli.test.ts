import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cli-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 });

test('init writes a configuration that check accepts, and never overwrites one unasked', () => {
  const first = run('init', '--listen', '127.0.0.1:8088', '--backend', '10.0.0.1:80', '[::1]:81', '--health', '/up');
  assert.equal(first.status, 0, first.stderr);
  const text = readFileSync(join(folder, 'evenkeel.yaml'), 'utf8');
  assert.match(text, /http: "\/up"/);
  const checked = run('check');
  assert.equal(checked.status, 0, checked.stderr);
  assert.match(checked.stdout, /good \(1 listener, 1 pool, 2 endpoints\)/);
  const second = run('init');
  assert.equal(second.status, 1);
  assert.match(second.stderr, /exists already/);
  assert.equal(readFileSync(join(folder, 'evenkeel.yaml'), 'utf8'), text);
});

test('init refuses answers that could not work', () => {
  const wrong = run('init', '-o', 'other.yaml', '--backend', 'nowhere');
  assert.equal(wrong.status, 1);
  assert.match(wrong.stderr, /"nowhere" needs a port/);
  assert.equal(existsSync(join(folder, 'other.yaml')), false);
});

test('check prints issues for people and for machines, exit code 1', () => {
  writeFileSync(join(folder, 'bad.yaml'), 'listeners: { web: { bind: "127.0.0.1:1", pool: a } }\npools: { b: {} }\n');
  const human = run('check', '-c', 'bad.yaml');
  assert.equal(human.status, 1);
  assert.match(human.stderr, /^bad\.yaml:1:\d+: listeners\.web\.pool names the pool "a"/);
  const machine = run('check', '-c', 'bad.yaml', '--json');
  assert.equal(machine.status, 1);
  const { ok, issues } = JSON.parse(machine.stdout);
  assert.equal(ok, false);
  assert.equal(issues[0].path, 'listeners.web.pool');
  assert.equal(issues[0].line, 1);
});

test('the file may be named without -c, but not twice', () => {
  const alone = run('check', 'bad.yaml');
  assert.equal(alone.status, 1);
  assert.match(alone.stderr, /^bad\.yaml:1:/);
  assert.match(
    run('check', 'bad.yaml', '-c', 'evenkeel.yaml').stderr,
    /both "bad\.yaml" and "-c evenkeel\.yaml" are given/,
  );
});

test('a reader that has seen enough is no failure', () => {
  const script = '"$0" "$1" check --schema 2>errors | :; cat errors';
  const cut = spawnSync('sh', ['-c', script, process.execPath, BIN], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(cut.stdout, '');
});

test('check --effective prints every default, --schema the JSON Schema', () => {
  assert.match(run('check', '--effective').stdout, /keepAlive: 75s/);
  assert.equal(JSON.parse(run('check', '--schema').stdout).type, 'object');
});

test('help names every command, and a wrong command exits with 1', () => {
  const help = run('--help');
  assert.equal(help.status, 0);
  for (const command of ['run', 'check', 'nat', 'init', 'demo'])
    assert.match(help.stdout, new RegExp(`^ {2}${command}`, 'm'));
  assert.equal(run('fly').status, 1);
});

test('demo without a terminal kills and revives a server by itself, loses nothing, and ends with exit code 0', () => {
  const demo = run('demo', '--for', '9s');
  assert.equal(demo.status, 0, demo.stdout + demo.stderr);
  assert.match(demo.stdout, /killing server 1/);
  assert.match(demo.stdout, /→ (?:ejected|down)/);
  assert.match(demo.stdout, /reviving server 1/);
  assert.match(demo.stdout, /requests answered, none failed/);
});
