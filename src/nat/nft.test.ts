import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { mayChangeFilters } from './capability.ts';
import { findNft, nftError, runNft } from './nft.ts';

test('an error of nft becomes one sentence with the line it is about', () => {
  const stderr =
    'In file included from <cli>:1:1-30:\n/tmp/x.nft:3:1-20: Error: Could not process rule: Operation not permitted\nadd table inet evenkeel\n^^^^^^^^^^^^^^^^^^^^\n';
  assert.equal(nftError(stderr), 'Could not process rule: Operation not permitted (add table inet evenkeel)');
  assert.equal(nftError(`Error: too long\n${'x'.repeat(500)}\n^^^\n`), `too long (${'x'.repeat(160)} …)`);
  assert.equal(nftError('\n   ^^^\n'), '');
});

test('nft is found along PATH first, then where systems install it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-test-'));
  try {
    const file = join(folder, 'nft');
    writeFileSync(file, '#!/bin/sh\necho "Error: syntax error" >&2\necho "$1" >&2\nexit 1\n');
    assert.notEqual(findNft(`/nowhere:${folder}`), file, 'it is not executable');
    chmodSync(file, 0o755);
    assert.equal(findNft(`/nowhere:${folder}`), file);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a program that fails, or is not there, is a value with a reason', async () => {
  assert.deepEqual(await runNft('/nowhere/nft', []), {
    ok: false,
    error: 'cannot run /nowhere/nft: spawn /nowhere/nft ENOENT',
  });
  assert.deepEqual(await runNft('/bin/sh', ['-c', 'echo "x: Error: bad thing" >&2; exit 1']), {
    ok: false,
    error: 'bad thing',
  });
  assert.deepEqual(await runNft('/bin/sh', ['-c', 'exit 3']), { ok: false, error: 'nft ended with exit code 3' });
  assert.deepEqual(await runNft('/bin/cat', [], 'as it came'), { ok: true, value: 'as it came' });
});

test('the right to change packet filters is one bit of the effective capabilities', () => {
  assert.ok(mayChangeFilters('Name:\tnode\nCapEff:\t0000000000001000\n'));
  assert.ok(mayChangeFilters('CapEff:\t000001ffffffffff\n'));
  assert.ok(!mayChangeFilters('CapEff:\t0000000000000000\n'));
  assert.ok(!mayChangeFilters('CapEff:\t000001ffffffefff\n'));
  assert.ok(!mayChangeFilters('CapPrm:\t000001ffffffffff\n'), 'permitted is not effective');
});
