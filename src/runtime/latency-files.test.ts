import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Result } from '../core/result.ts';
import type { LatencyEntry } from '../steering/latency-map.ts';
import { LatencyFiles, readLatencyFile } from './latency-files.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-latency-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

const ENTRY = { network: '192.0.2.0/24', site: 'eu', ms: 12.5 };

test('measurements are as old as their file, and by their own age older', async (t) => {
  const file = join(folderOf(t), 'm.json');
  writeFileSync(
    file,
    JSON.stringify({ site: 'eu', entries: [ENTRY, { ...ENTRY, network: '2001:db8::/32', weight: 4, ageMs: 1000 }] }),
  );
  utimesSync(file, 1000, 1000);
  const read = await readLatencyFile(file, 1_005_000);
  assert.deepEqual(read, {
    ok: true,
    value: [
      { network: '4/24/c00002', site: 'eu', ms: 12.5, weight: 1, ageMs: 5000 },
      { network: '16/32/20010db8', site: 'eu', ms: 12.5, weight: 4, ageMs: 6000 },
    ],
  });
  const early = await readLatencyFile(file, 0);
  assert.deepEqual(early.ok && early.value[0].ageMs, 0, 'a file from the future is new');
});

test('what is wrong with a file is said, with its place', async (t) => {
  const file = join(folderOf(t), 'm.json');
  const problem = async (text: string): Promise<string> => {
    writeFileSync(file, text);
    const read = await readLatencyFile(file, Date.now());
    return read.ok ? 'none' : read.error.replace(file, 'FILE');
  };
  const bad = (part: object): Promise<string> => problem(JSON.stringify({ entries: [ENTRY, { ...ENTRY, ...part }] }));
  assert.equal(await problem('{'), 'FILE is no JSON');
  for (const text of ['null', '[]', '{"entries":{}}']) assert.equal(await problem(text), 'FILE has no list "entries"');
  assert.equal(await problem('{"entries":[7]}'), 'FILE: entries[0] is no group');
  for (const network of ['192.0.2.0/25', '192.0.2.1', 7])
    assert.match(await bad({ network }), /^FILE: entries\[1\] needs a "network" of \/24 or \/16/);
  assert.match(await bad({ site: '' }), /needs a "site"/);
  for (const ms of [-1, 60_001, '5', null]) assert.match(await bad({ ms }), /needs "ms" from 0 to 60000/);
  assert.match(await bad({ weight: 0 }), /"weight"/);
  assert.match(await bad({ ageMs: -1 }), /"ageMs"/);
  assert.equal(await problem(JSON.stringify({ entries: [ENTRY] })), 'none');
  const missing = await readLatencyFile('/nowhere/m.json', 0);
  assert.deepEqual(missing, { ok: false, error: 'there is no file /nowhere/m.json' });
});

test('a file is read when it comes, and when another takes its place', async (t) => {
  const folder = folderOf(t);
  const file = join(folder, 'm.json');
  const reads: Result<readonly LatencyEntry[], string>[] = [];
  const next = async (): Promise<Result<readonly LatencyEntry[], string>> => {
    const until = performance.now() + 10_000;
    while (reads.length === 0) {
      assert.ok(performance.now() < until, 'nothing was read');
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return reads.shift()!;
  };
  const files = new LatencyFiles({
    paths: [file],
    epoch: () => Date.now(),
    onRead: (_, read) => void reads.push(read),
    pollMs: 20,
  });
  t.after(() => files.close());
  assert.equal((await next()).ok, false, 'it is not there yet');
  const put = (ms: number): void => {
    writeFileSync(join(folder, 'new'), JSON.stringify({ entries: [{ ...ENTRY, ms }] }));
    renameSync(join(folder, 'new'), file);
  };
  for (const ms of [1, 2]) {
    put(ms);
    const read = await next();
    assert.deepEqual(read.ok && read.value.map((one) => one.ms), [ms]);
  }
});
