// Answers of a real responder (OpenSSL's), judged: only what is about this certificate, signed by who may, current and good
// is worth stapling.

import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { Authority, CertificateFolder, type Issued } from '../../testing/certificates.ts';
import { answerOf, type Signer, type Standing } from '../../testing/ocsp-responder.ts';
import { needs } from '../../testing/programs.ts';
import { seededRandom } from '../../testing/seeded-random.ts';
import { nameOf, requestFor, responderOf } from './certificate-id.ts';
import { judge } from './response.ts';

const skip = needs('openssl');
const authority = await Authority.make();
const issuer = new X509Certificate(authority.pem);
const own: Signer = { cert: authority.pem, key: authority.keyPem };
const leaf = await authority.issue({ names: ['a.example'], ocsp: 'http://127.0.0.1:8888/x' });
const other = await authority.issue({ names: ['b.example'], ocsp: 'http://127.0.0.1:8888/x' });
const named = (one: Issued) => nameOf(new X509Certificate(one.cert), issuer);

function answer(t: TestContext, standing: Standing, signer = own, minutes = 60, about = leaf): Buffer {
  return answerOf(new CertificateFolder(t), authority, signer, [[about, standing]], requestFor(named(about)), minutes);
}

const verdict = (bytes: Buffer, now = Date.now(), one = leaf): string => {
  const judged = judge(bytes, named(one), issuer, now);
  return judged.ok ? 'good' : judged.error;
};

test('good is good, with the times between which it holds', { skip }, (t) => {
  const judged = judge(answer(t, 'good'), named(leaf), issuer, Date.now());
  assert.ok(judged.ok);
  assert.equal(judged.value.until - judged.value.from, 3_600_000);
  assert.ok(Math.abs(judged.value.from - Date.now()) < 60_000);
});

test('revoked and unknown are told apart, and neither is good', { skip }, (t) => {
  assert.equal(verdict(answer(t, 'revoked')), 'the certificate is REVOKED');
  assert.equal(verdict(answer(t, 'unknown')), 'the responder does not know the certificate');
});

test('an answer about another certificate is none', { skip }, (t) => {
  const bytes = answer(t, 'good', own, 60, other);
  assert.equal(verdict(bytes), 'the answer is about another certificate');
  assert.equal(verdict(bytes, Date.now(), other), 'good');
});

test('an answer holds between its times only, and must name the second', { skip }, (t) => {
  const bytes = answer(t, 'good');
  assert.equal(verdict(bytes, Date.now() + 3_700_000), 'the answer is out of date');
  assert.equal(verdict(bytes, Date.now() - 3_600_000), 'the answer is from the future');
  assert.equal(verdict(bytes, Date.now() - 60_000), 'good', 'clocks differ');
  assert.equal(verdict(answer(t, 'good', own, 0)), 'the answer does not say how long it holds');
});

test('a delegate of the authority may sign; who is not one, or is no more, may not', { skip }, async (t) => {
  const subject = 'CN=Responder';
  const may = await authority.issue({ subject, signsOcsp: true });
  assert.equal(verdict(answer(t, 'good', may)), 'good');
  const rsa = await authority.issue({ subject, signsOcsp: true, keyType: 'rsa' });
  assert.equal(verdict(answer(t, 'good', rsa)), 'good');
  const refused = 'the answer is not signed by who may';
  assert.equal(
    verdict(answer(t, 'good', await authority.issue({ subject }))),
    refused,
    'a certificate for something else',
  );
  const late = await authority.issue({ subject, signsOcsp: true, notAfter: new Date(Date.now() - 1000) });
  assert.equal(verdict(answer(t, 'good', late)), refused, 'expired');
  const stranger = await (await Authority.make('CN=Stranger')).issue({ subject, signsOcsp: true });
  assert.equal(verdict(answer(t, 'good', stranger)), refused, 'of another authority');
  const namesake = await Authority.make();
  assert.equal(
    verdict(answer(t, 'good', { cert: namesake.pem, key: namesake.keyPem })),
    refused,
    'only called the same',
  );
});

test('cut anywhere it is no answer, and changed anywhere it is not a good one', { skip }, (t) => {
  const bytes = answer(t, 'good');
  for (let length = 0; length < bytes.length; length++) assert.notEqual(verdict(bytes.subarray(0, length)), 'good');
  const random = seededRandom(7);
  // What comes behind the signature is only looked at when it is needed.
  const data = bytes.length - 16 - new X509Certificate(authority.pem).raw.length;
  let good = 0;
  for (let i = 0; i < 3000; i++) {
    const changed = Buffer.from(bytes);
    changed[random.u32() % data] ^= 1 + (random.u32() % 255);
    if (verdict(changed) === 'good') good++;
  }
  // Algorithm parameters and unused bits are not signed.
  assert.ok(good < 60, `${good}`);
});

test('what a responder refuses is named', () => {
  assert.equal(verdict(Buffer.from('30030a0106', 'hex')), 'the responder refused: unauthorized');
  assert.equal(verdict(Buffer.from('30030a0103', 'hex')), 'the responder refused: tryLater');
  assert.match(verdict(Buffer.alloc(0)), /cannot be read/);
  assert.match(verdict(Buffer.from('<html>')), /cannot be read/);
});

test('the responder is the one that the certificate names, by HTTP', async () => {
  const of = ({ cert }: Issued) => responderOf(new X509Certificate(cert));
  assert.equal(of(leaf), 'http://127.0.0.1:8888/x');
  assert.equal(of(await authority.issue({ names: ['a.example'] })), undefined);
  assert.equal(of(await authority.issue({ names: ['a.example'], ocsp: 'file:///etc/passwd' })), undefined);
});
