// Runs the tests. `npm test` is `--setup --check`: as root it first installs the Debian packages whose programs the tests
// talk to (otherwise it names them, and the tests that need them are skipped and counted), then checks format, lint and
// types, then runs every test. Under CI=true a skipped test is a failure.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { DEBIAN_PACKAGES, missingPrograms } from '../src/testing/programs.ts';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));
const flags = new Set(process.argv.slice(2).filter((argument) => argument.startsWith('--')));
const files = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const say = (text: string): void => void process.stdout.write(`${text}\n`);

if (flags.has('--setup')) setup();
if (flags.has('--check')) {
  step('format', ['biome', 'check', '.']);
  step('lint', ['oxlint', '--type-aware', '--deny-warnings']);
  step('types', ['tsc', '--noEmit']);
  step('types of the dashboard', ['tsc', '--noEmit', '-p', 'dashboard']);
}
const globs = files.length > 0 ? files : ['src/**/*.test.ts', 'test/**/*.test.ts'];
const tests = spawnSync(process.execPath, ['--test', '--test-concurrency=2', '--test-timeout=120000', ...globs], {
  stdio: 'inherit',
});
process.exit(tests.status ?? 1);

function step(name: string, [command, ...args]: string[]): void {
  const began = performance.now();
  const result = spawnSync(command, args, { encoding: 'utf8' });
  say(`${result.status === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
  if (result.status === 0) return;
  say(`${result.stdout}${result.stderr}${result.error?.message ?? ''}`);
  process.exit(1);
}

function setup(): void {
  const missing = missingPrograms();
  if (missing.length === 0) return;
  const packages = [...new Set(missing.map((program) => DEBIAN_PACKAGES[program]))];
  const root = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  if (!root) {
    say(
      `not installed, so the tests that need them are skipped: ${packages.join(' ')} (apt-get install ${packages.join(' ')})`,
    );
    return;
  }
  say(`installing ${packages.join(' ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const quiet = { stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'], env };
  // Services must not start on a developer's machine just because their programs are needed.
  const install = ['install', '-y', '--no-install-recommends', '-o', 'Dpkg::Options::=--force-confold', ...packages];
  spawnSync('apt-get', ['update'], quiet);
  const installed = spawnSync('apt-get', install, { ...quiet, env: { ...env, RUNLEVEL: '1' } });
  if (installed.status !== 0)
    say('apt-get could not install everything; the tests that need what is missing are skipped');
}
