import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { launch } from './program.ts';

test('what stands in the way of a program is a sentence, told once', async () => {
  const reasons: string[] = [];
  launch('/nowhere/program', [], (reason) => void reasons.push(reason));
  launch('/bin/true', ['a\0b'], (reason) => void reasons.push(reason));
  assert.equal(reasons.length, 1, 'an argument that cannot be one is known at once');
  await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(reasons.map((reason) => reason.split(':')[0]).sort(), [
    'cannot run /bin/true',
    'cannot run /nowhere/program',
  ]);
});

test('a process without a file left to open cannot start programs, and goes on', () => {
  const code = `
    import { openSync } from 'node:fs';
    const { launch } = await import(${JSON.stringify(new URL('./program.ts', import.meta.url).href)});
    process.stdout.write('begun\\n');
    try { for (;;) openSync('/dev/null'); } catch (error) { process.stdout.write(error.code + '\\n'); }
    const child = launch('/bin/true', [], (reason) => process.stdout.write(reason + '\\n'));
    process.stdout.write(String(child) + '\\n');
    setTimeout(() => process.stdout.write('alive\\n'), 50);
  `;
  const { stdout, stderr } = spawnSync(
    'sh',
    ['-c', 'ulimit -n 100; exec "$0" --input-type=module -e "$1"', process.execPath, code],
    { encoding: 'utf8' },
  );
  assert.equal(stdout, 'begun\nEMFILE\nundefined\ncannot run /bin/true: spawn /bin/true EMFILE\nalive\n', stderr);
});
