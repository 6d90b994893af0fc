import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fakeClock } from '../testing/fake-clock.ts';
import { natPool, natService } from '../testing/nat-service.ts';
import { mayChangeFilters } from './capability.ts';
import { KernelPath } from './kernel-path.ts';

const skip =
  process.platform !== 'linux' || !mayChangeFilters(readFileSync('/proc/self/status', 'utf8'))
    ? 'needs CAP_NET_ADMIN, although it changes nothing'
    : false;

/** An nft that takes everything and lists what it is told to. */
const NFT = `#!/bin/sh
case "$*" in
  -c*) cat >/dev/null ;;
  -i*) while read -r line; do echo "$line" >&2; done ;;
  *) cat "$(dirname "$0")/listing" ;;
esac
`;

function machine(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-test-'));
  const { PATH, TMPDIR } = process.env;
  const bin = join(folder, 'bin');
  const temporary = join(folder, 'tmp');
  for (const one of [bin, temporary]) mkdirSync(one);
  writeFileSync(join(bin, 'nft'), NFT);
  chmodSync(join(bin, 'nft'), 0o755);
  const list = (text: string) => writeFileSync(join(bin, 'listing'), text);
  list('{"nftables":[]}');
  process.env.PATH = `${bin}:${PATH}`;
  process.env.TMPDIR = temporary;
  const clock = fakeClock();
  const problems: string[] = [];
  const path = new KernelPath({
    clock,
    pickable: () => [],
    onCounts: () => undefined,
    onProblem: (what, reason) => problems.push(`${what}: ${reason}`),
  });
  t.after(async () => {
    await path.close();
    process.env.PATH = PATH;
    if (TMPDIR === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = TMPDIR;
    rmSync(folder, { recursive: true });
  });
  return { clock, path, problems, list, temporary };
}

const SERVICES = [natService(natPool('round-robin', []))];

test('counters that cannot be read are a problem that is told, and are read again', { skip }, async (t) => {
  const { clock, path, problems, list } = machine(t);
  assert.deepEqual(await path.prepare(SERVICES), { ok: true, value: undefined });
  await path.commit();
  assert.deepEqual(problems, []);
  for (const [i, text] of ['no JSON', '{}', '[', 'null'].entries()) {
    list(text);
    while (problems.length <= i) {
      clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.match(problems[i], /^the counters could not be read: ./);
  }
});

test('without a place for its files the kernel path is refused with the reason, and leaves nothing behind', {
  skip,
}, async (t) => {
  const { path, temporary } = machine(t);
  rmSync(temporary, { recursive: true });
  const refused = await path.prepare(SERVICES);
  assert.match(refused.ok ? '' : refused.error, /ENOENT.*mkdtemp/);
  mkdirSync(temporary);
  assert.ok((await path.prepare(SERVICES)).ok);
  await path.abort();
  assert.deepEqual(readdirSync(temporary), []);
});
