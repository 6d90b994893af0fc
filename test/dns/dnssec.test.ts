// Owns DNSSEC as a validator sees it: BIND's delv, with the zone's key as its trust anchor, believes every answer and every denial.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { promisify } from 'node:util';
import { dsRecord, readSigner } from '../../src/dns/signer.ts';
import { parseName } from '../../src/dns/wire/name.ts';
import { answererOf, type DnsOptions, decode, question, startDns } from '../../src/testing/dns-scenario.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';

const run = promisify(execFile);

const ZONE = `$TTL 300
@ SOA ns1 Admin 1 3600 600 86400 60
@ NS ns1
@ NS NS2.Elsewhere.Net.
@ MX 10 Mail
@ CAA 0 issue "ca.example.net"
ns1 A 192.0.2.53
Mail A 192.0.2.25
www A 192.0.2.1
www A 192.0.2.9
www A 192.0.2.3
www AAAA 2001:db8::1
www HTTPS 1 . alpn=h2
txt TXT "one" "two"
srv SRV 1 2 3 WWW
cname CNAME www
naptr NAPTR 100 10 "u" "E2U+sip" "!^.*$!sip:x@example.com!" WWW
*.wild A 192.0.2.100
a.deep.ent TXT "x"
d DNAME target
x.target A 192.0.2.77
unsigned NS ns.unsigned
ns.unsigned A 192.0.2.66
secure NS ns.secure
secure DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure A 192.0.2.67
${Array.from({ length: 40 }, (_, n) => `big TXT "${'y'.repeat(60)} ${n}"`).join('\n')}
`;

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const SIGNER = (() => {
  const signer = readSigner(privateKey.export({ type: 'pkcs8', format: 'pem' }) as string);
  assert.ok(signer.ok);
  return signer.value;
})();

const EU = {
  name: 'eu',
  resolve: ({ family }: { family: number }) => ({
    addresses: family === 4 ? ['192.0.2.200', '192.0.2.201', '192.0.2.202'] : [],
    ttlSeconds: 20,
    scope: 0,
  }),
};

function options(): DnsOptions {
  const records = { app: { steer: 'eu', answers: 2 }, alias: { ALIAS: 'www' } };
  return {
    dns: { rateLimit: 'off', zones: { 'example.com': { file: 'zone', records } } },
    files: { zone: ZONE },
    members: { eu: EU as never },
    keys: { 'example.com': SIGNER },
    epochSeconds: Math.floor(Date.now() / 1000),
  };
}

const QUESTIONS: readonly [name: string, type: string, expected: RegExp][] = [
  ['example.com', 'SOA', /fully validated[\s\S]*SOA/],
  ['example.com', 'NS', /fully validated[\s\S]*NS/],
  ['example.com', 'MX', /fully validated[\s\S]*MX/],
  ['example.com', 'DNSKEY', /fully validated[\s\S]*DNSKEY/],
  ['example.com', 'CAA', /fully validated[\s\S]*CAA/],
  ['WWW.example.com', 'A', /fully validated[\s\S]*192\.0\.2\.9/],
  ['www.example.com', 'HTTPS', /fully validated[\s\S]*HTTPS/],
  ['www.example.com', 'MX', /negative response, fully validated/],
  ['txt.example.com', 'TXT', /fully validated[\s\S]*"one" "two"/],
  ['srv.example.com', 'SRV', /fully validated[\s\S]*SRV/],
  ['naptr.example.com', 'NAPTR', /fully validated[\s\S]*NAPTR/],
  ['cname.example.com', 'A', /fully validated[\s\S]*CNAME[\s\S]*192\.0\.2\.3/],
  ['cname.example.com', 'TXT', /fully validated[\s\S]*NXRRSET/],
  ['nope.example.com', 'A', /negative response, fully validated/],
  ['very.deep.nope.example.com', 'AAAA', /negative response, fully validated/],
  ['deep.ent.example.com', 'A', /negative response, fully validated/],
  ['anything.wild.example.com', 'A', /fully validated[\s\S]*192\.0\.2\.100/],
  ['anything.wild.example.com', 'MX', /negative response, fully validated/],
  ['x.d.example.com', 'A', /fully validated[\s\S]*192\.0\.2\.77/],
  ['unsigned.example.com', 'DS', /negative response, fully validated/],
  ['secure.example.com', 'DS', /fully validated[\s\S]*12345/],
  ['app.example.com', 'A', /fully validated[\s\S]*192\.0\.2\.20/],
  ['app.example.com', 'AAAA', /negative response, fully validated/],
  ['alias.example.com', 'AAAA', /fully validated[\s\S]*2001:db8::1/],
  ['alias.example.com', 'TXT', /negative response, fully validated/],
  ['big.example.com', 'TXT', /fully validated[\s\S]*TXT/],
];

function delv(t: TestContext, port: number, anchor: string): (name: string, type: string) => Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-delv-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const anchors = join(folder, 'anchors');
  writeFileSync(anchors, `trust-anchors { example.com. ${anchor}; };\n`);
  return async (name, type) => {
    const args = ['@127.0.0.1', '-p', `${port}`, '-a', anchors, '+root=example.com', name, type];
    const said = await run(findProgram('delv')!, args).catch((error: { stdout: string; stderr: string }) => error);
    return said.stdout + said.stderr;
  };
}

test('delv validates answers, denials, wildcards, steered names and those that need TCP', {
  skip: needs('delv'),
}, async (t) => {
  const server = await startDns(t, options());
  const key = Buffer.from(SIGNER.dnskey.subarray(4)).toString('base64');
  const ask = delv(t, server.port, `static-key 257 3 13 "${key}"`);
  for (const [name, type, expected] of QUESTIONS) assert.match(await ask(name, type), expected, `${name} ${type}`);
});

test('a signature that does not fit is not left out: the answer is truncated', () => {
  const answerer = answererOf(options());
  const packet = answerer.respond(question('big.example.com', 'TXT', { edns: 1232, dnssec: true }), {
    address: '127.0.0.1',
    transport: 'udp',
  })!;
  assert.equal(decode(packet).flag_tc, true);
});

test('who does not ask for signatures gets none, and plain NXDOMAIN', () => {
  const answerer = answererOf(options());
  const client = { address: '127.0.0.1', transport: 'udp' as const };
  const types = (packet: Uint8Array): string[] =>
    [...decode(packet).answers!, ...decode(packet).authorities!].map(({ type }) => type);
  const plain = answerer.respond(question('nope.example.com', 'A', { edns: 1232 }), client)!;
  assert.deepEqual([plain[3] & 15, types(plain)], [3, ['SOA']]);
  const signed = answerer.respond(question('nope.example.com', 'A', { edns: 1232, dnssec: true }), client)!;
  assert.deepEqual([signed[3] & 15, types(signed)], [0, ['SOA', 'RRSIG', 'NSEC', 'RRSIG']]);
});

test('a referral proves that the zone below is unsigned, or brings its DS', () => {
  const answerer = answererOf(options());
  const client = { address: '127.0.0.1', transport: 'udp' as const };
  const types = (name: string): string[] =>
    decode(answerer.respond(question(name, 'A', { edns: 1232, dnssec: true }), client)!).authorities!.map(
      ({ type }) => type,
    );
  assert.deepEqual(types('x.unsigned.example.com'), ['NS', 'NSEC', 'RRSIG']);
  assert.deepEqual(types('x.secure.example.com'), ['NS', 'DS', 'RRSIG']);
});

test('equal sets are signed once a day, whatever their order', () => {
  let signatures = 0;
  const sign = (data: Uint8Array): Uint8Array => {
    signatures++;
    return SIGNER.sign(data);
  };
  const counting = { ...SIGNER, sign };
  const answerer = answererOf({ ...options(), keys: { 'example.com': counting } });
  for (let i = 0; i < 30; i++)
    answerer.respond(question('www.example.com', 'A', { edns: 1232, dnssec: true }), {
      address: '127.0.0.1',
      transport: 'udp',
    });
  assert.equal(signatures, 1);
});

test('delv believes the zone by its DS record alone', { skip: needs('delv') }, async (t) => {
  const server = await startDns(t, options());
  const ds = dsRecord(parseName('example.com.') as Uint8Array, SIGNER);
  const [, tag, digest] = /^example\.com\. IN DS (\d+) 13 2 ([0-9A-F]{64})$/.exec(ds)!;
  const ask = delv(t, server.port, `static-ds ${tag} 13 2 "${digest}"`);
  assert.match(await ask('www.example.com', 'A'), /fully validated[\s\S]*192\.0\.2\.9/);
  const wrong = delv(
    t,
    server.port,
    `static-ds ${tag} 13 2 "${digest.replace(/^../, digest.startsWith('00') ? '11' : '00')}"`,
  );
  assert.doesNotMatch(await wrong('www.example.com', 'A'), /fully validated/);
});

test('keys that are none are refused with a reason', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey.export({ type: 'pkcs8', format: 'pem' });
  for (const pem of ['nonsense', other as string]) {
    const signer = readSigner(pem);
    assert.equal(signer.ok, false);
  }
});
