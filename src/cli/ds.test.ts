import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findProgram, needs } from '../testing/programs.ts';

const BIN = fileURLToPath(new URL('../../bin/evenkeel.js', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'evenkeel-cli-ds-'));
after(() => rmSync(folder, { recursive: true }));

const run = (...args: string[]) =>
  spawnSync(process.execPath, [BIN, 'dns', 'ds', ...args], { cwd: folder, encoding: 'utf8', timeout: 60_000 });

for (const zone of ['Example.COM', 'example.net']) {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  writeFileSync(join(folder, `${zone}.key.pem`), privateKey.export({ type: 'sec1', format: 'pem' }));
}
writeFileSync(
  join(folder, 'evenkeel.yaml'),
  `dns:
  bind: 127.0.0.1:5397
  zones:
    Example.COM: { dnssec: true, records: { www: { A: 192.0.2.1 } } }
    example.net: { dnssec: true, records: { www: { A: 192.0.2.1 } } }
    plain.example: { records: { www: { A: 192.0.2.1 } } }
`,
);

interface Printed {
  readonly zone: string;
  readonly keyTag: number;
  readonly record: string;
  readonly dnskey: { flags: number; protocol: number; algorithm: number; publicKey: string };
}

test("the DS record is the one that BIND's dnssec-dsfromkey makes of the same key", {
  skip: needs('dnssec-dsfromkey'),
}, () => {
  const [printed] = JSON.parse(run('example.com', '--json').stdout) as Printed[];
  const { flags, protocol, algorithm, publicKey } = printed.dnskey;
  const key = join(folder, 'key');
  writeFileSync(key, `Example.COM. 60 IN DNSKEY ${flags} ${protocol} ${algorithm} ${publicKey}\n`);
  const theirs = spawnSync(findProgram('dnssec-dsfromkey')!, ['-2', '-f', key, 'example.com'], { encoding: 'utf8' });
  assert.equal(theirs.status, 0, theirs.stderr);
  const { status, stdout, stderr } = run('example.com');
  assert.equal(status, 0, stderr);
  assert.equal(stdout, theirs.stdout);
  assert.equal(stdout, `${printed.record}\n`);
});

test('without a zone every signed one is printed, and zones without a key are not', () => {
  const { status, stdout, stderr } = run();
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^example\.com\. IN DS \d+ 13 2 [0-9A-F]{64}\nexample\.net\. IN DS \d+ 13 2 [0-9A-F]{64}\n$/);
});

test('a zone that is not signed, not there, or without its key: exit code 1 with the reason', () => {
  for (const [zone, pattern] of [
    ['plain.example', /zone "plain\.example" is not signed; write "dnssec: true"/],
    ['example.org', /there is no zone "example\.org"/],
    ['a..b', /"a\.\.b" has an empty label/],
  ] as const) {
    const { status, stdout, stderr } = run(zone);
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(stderr, pattern);
  }
  writeFileSync(
    join(folder, 'nokey.yaml'),
    'dns: { bind: 127.0.0.1:5397, zones: { a.test: { dnssec: true, records: { www: { A: 192.0.2.1 } } } } }\n',
  );
  const { status, stderr } = run('a.test', '-c', 'nokey.yaml');
  assert.equal(status, 1);
  assert.match(stderr, /there is no file .*a\.test\.key\.pem/);
});

test('help tells what it is for', () => {
  assert.match(run('--help').stdout, /DS record that the parent of a signed zone needs/);
});
