// Which certificate answers for a name, and which contexts outlive a change of the others.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TlsConfig } from '../config/types.ts';
import { Authority, type IssueOptions } from '../testing/certificates.ts';
import { readCertificate } from './certificate.ts';
import { ServerContexts } from './contexts.ts';
import type { CertificateMaterial, TlsMaterial } from './material.ts';

const authority = await Authority.make();
const KEY = new Uint8Array(48).fill(7);
const CONFIG: TlsConfig = {
  certificates: [],
  minVersion: 'TLSv1.2',
  maxVersion: 'TLSv1.3',
  ciphers: 'TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-GCM-SHA256',
  curves: 'X25519:prime256v1',
  unknownNames: 'default',
  handshakeMs: 1000,
  handshakeRate: 0,
  sessionMs: 60_000,
  ocsp: true,
  clients: undefined,
};

async function certificate(options: IssueOptions): Promise<CertificateMaterial> {
  const { cert, key } = await authority.issue(options);
  const read = readCertificate(cert, key, 'test');
  if (!read.ok) assert.fail(read.error);
  return read.value;
}

const material = (...certificates: CertificateMaterial[]): TlsMaterial => ({
  certificates,
  clientCa: '',
  clientCrl: '',
});

test('an exact name before a wildcard, a wildcard for one label, the first for everybody else', async () => {
  const [first, exact, wild] = await Promise.all([
    certificate({ names: ['first.example'] }),
    certificate({ names: ['www.example.com'] }),
    certificate({ names: ['*.example.com', 'example.com'] }),
  ]);
  const contexts = new ServerContexts(CONFIG, material(first, wild, exact), KEY);
  const of = (name: string) => contexts.find(name)?.certificate;
  assert.equal(of('www.example.com'), exact.id);
  assert.equal(of('api.example.com'), wild.id);
  assert.equal(of('example.com'), wild.id);
  assert.equal(of('a.b.example.com'), first.id);
  assert.equal(of('com'), first.id);
  assert.equal(of('*.example.com'), wild.id, 'nobody asks so; no harm is done');
  assert.equal(contexts.fallback.certificate, first.id);
  assert.equal(contexts.find('first.example'), contexts.fallback, 'one context, however it is found');
  const strict = new ServerContexts({ ...CONFIG, unknownNames: 'refuse' }, material(first), KEY);
  assert.equal(strict.find('other.example'), undefined);
});

test("two kinds of keys make one context, which is nobody's to staple; of one kind the first stands", async () => {
  const names = ['a.example'];
  const [ec, rsa, later] = await Promise.all([
    certificate({ names }),
    certificate({ names, keyType: 'rsa' }),
    certificate({ names }),
  ]);
  const both = new ServerContexts(CONFIG, material(ec, rsa, later), KEY);
  assert.equal(both.find('a.example')?.certificate, '');
  assert.equal(both.find('a.example'), both.fallback);
  const one = new ServerContexts(CONFIG, material(ec, later), KEY);
  assert.equal(one.find('a.example')?.certificate, ec.id);
});

test('contexts outlive a change of other certificates, and no change of what they are made of', async () => {
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => certificate({ names: [`${name}.example`] })));
  const before = new ServerContexts(CONFIG, material(a, b), KEY);
  const kept = before.find('a.example');
  before.find('b.example');
  const after = new ServerContexts(CONFIG, material(a, c), KEY, before);
  assert.equal(after.find('a.example'), kept);
  assert.equal(after.find('b.example'), after.fallback, 'gone');
  const others: ServerContexts[] = [
    new ServerContexts(
      CONFIG,
      material(a),
      KEY.map((byte) => byte + 1),
      before,
    ),
    new ServerContexts({ ...CONFIG, minVersion: 'TLSv1.3' }, material(a), KEY, before),
    new ServerContexts(CONFIG, { ...material(a), clientCa: authority.pem }, KEY, before),
    new ServerContexts({ ...CONFIG, clients: { verify: 'optional', ca: '', crl: '' } }, material(a), KEY, before),
  ];
  for (const other of others) assert.notEqual(other.find('a.example'), kept);
});
