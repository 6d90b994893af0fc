import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../compile.ts';
import { effective } from '../effective.ts';

const ACME = { storage: './acme', agreeTerms: true };

function document(certificates: unknown, acme: object | undefined = ACME, listeners: object = {}): object {
  return {
    ...(acme === undefined ? {} : { acme }),
    listeners: {
      web: { bind: '127.0.0.1:443', protocol: 'https', tls: { certificates }, pool: 'p' },
      ...listeners,
    },
    pools: { p: { endpoints: ['127.0.0.1:1'] } },
  };
}

function issuesOf(...args: Parameters<typeof document>): string[] {
  const compiled = compile(document(...args));
  return compiled.ok ? [] : compiled.error.map(({ path, message }) => `${path.join('.')} ${message}`);
}

test('names become a certificate with a kind of key; the authority is that of Let’s Encrypt unless it is another', () => {
  const compiled = compile(
    document([{ acme: 'Example.com' }, { acme: ['a.example.com', 'A.example.com'], keyType: 'rsa' }]),
  );
  assert.ok(compiled.ok, JSON.stringify(compiled));
  const { acme, listeners } = compiled.value;
  assert.deepEqual(acme, {
    directory: 'https://acme-v02.api.letsencrypt.org/directory',
    email: '',
    storage: './acme',
    challenge: 'auto',
    ca: '',
    externalAccount: undefined,
  });
  const { web } = listeners;
  assert.ok(web.protocol === 'http');
  assert.deepEqual(web.tls?.certificates, [
    { acme: ['example.com'], keyType: 'ec' },
    { acme: ['a.example.com'], keyType: 'rsa' },
  ]);
});

test('what cannot be obtained is told with its place', () => {
  const good = [{ acme: 'example.com' }];
  assert.deepEqual(issuesOf(good), []);
  assert.deepEqual(issuesOf(good, { storage: 'x' }), [
    "acme.agreeTerms must be true: without agreeing to the authority's terms there is no certificate",
  ]);
  assert.match(issuesOf(good, { agreeTerms: true })[0], /^acme/);
  const without = compile({ ...document(good), acme: undefined });
  assert.ok(!without.ok && without.error[0].message === 'needs the part "acme"');
  assert.deepEqual(issuesOf(good, { ...ACME, challenge: 'http-01' }), [
    'acme.challenge is http-01, and no listener speaks HTTP in the clear',
  ]);
  assert.deepEqual(
    issuesOf(good, { ...ACME, challenge: 'http-01' }, { plain: { bind: '127.0.0.1:80', redirectToHttps: true } }),
    [],
  );
  for (const [name, why] of [
    ['*.example.com', 'a wildcard'],
    ['192.0.2.1', 'an address'],
    ['2001:db8::1', 'an address'],
    ['localhost', 'no name'],
    ['a_b.example.com', 'no name'],
    [`${'a'.repeat(64)}.example.com`, 'no name'],
    ['a..example.com', 'no name'],
  ])
    assert.ok(issuesOf([{ acme: name }])[0]?.includes(why), name);
  assert.match(issuesOf([{ acme: [] }])[0], /acme needs 1 to 100 names/);
  assert.match(issuesOf([{ acme: 'example.com', cert: 'a.pem', key: 'a.key' }])[0], /^\S+ has "acme" and files/);
  assert.match(issuesOf([{ directory: 'certs', keyType: 'rsa' }])[0], /keyType has a meaning beside "acme" only/);
  assert.deepEqual(issuesOf([{ acme: ['a.example.com', 'b.example.com'] }, { acme: ['a.example.com'] }]), [
    'listeners.web.tls.certificates.1.acme begins with a.example.com like another one with other names: a.example.com, b.example.com',
  ]);
  assert.deepEqual(issuesOf([{ acme: 'a.example.com' }, { acme: 'a.example.com', keyType: 'rsa' }]), []);
  assert.match(
    issuesOf(good, { ...ACME, directory: 'http://insecure.example/dir' })[0],
    /^acme\.directory is no address/,
  );
  assert.match(issuesOf(good, { ...ACME, email: 'nobody' })[0], /^acme\.email is no e-mail address/);
  assert.match(
    issuesOf(good, { ...ACME, externalAccount: { kid: 'k', hmac: 'a b' } })[0],
    /^acme\.externalAccount\.hmac/,
  );
});

test('the secret of an external account is not printed; all else can be read in again', () => {
  const hmac = 'c2VjcmV0LXNlY3JldA';
  const acme = { ...ACME, email: 'ops@example.com', externalAccount: { kid: 'kid-1', hmac } };
  const first = compile(document([{ acme: ['example.com'], keyType: 'rsa' }], acme));
  assert.ok(first.ok, JSON.stringify(first));
  const printed = effective(first.value);
  assert.ok(!JSON.stringify(printed).includes(hmac));
  const again = compile(printed);
  assert.ok(again.ok, JSON.stringify(again));
  assert.deepEqual(again.value.acme, { ...first.value.acme, externalAccount: { kid: 'kid-1', hmac: 'hidden' } });
  assert.deepEqual(again.value.listeners, first.value.listeners);
});

test('an error in the secret does not print it', () => {
  const compiled = compile(
    document([{ acme: 'example.com' }], { ...ACME, externalAccount: { kid: 'k', hmac: 'se cret' } }),
  );
  assert.ok(!compiled.ok && !JSON.stringify(compiled.error).includes('se cret'));
});
