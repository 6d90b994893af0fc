import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Authority } from '../testing/certificates.ts';
import { FolderStorage } from './storage.ts';
import { answersFor, filesOf, readStored, storedText } from './stored.ts';
import { temporaryCertificate } from './temporary.ts';

function folderOf(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-acme-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('files are whole and for this user only; what a crash left is cleared away', async (t) => {
  const folder = join(folderOf(t), 'deep', 'acme');
  const storage = await FolderStorage.open(folder);
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  assert.equal(await storage.read('a.pem'), undefined);
  // Readers at any time see one of the texts, whole.
  const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(200_000));
  await storage.write('a.pem', texts[0]);
  const writes = texts.map((text) => storage.write('a.pem', text));
  for (let i = 0; i < 20; i++) assert.ok(texts.includes((await storage.read('a.pem'))!));
  await Promise.all(writes);
  assert.equal(statSync(join(folder, 'a.pem')).mode & 0o777, 0o600);
  writeFileSync(join(folder, 'a.pem.012345.unfinished'), 'half');
  await FolderStorage.open(folder);
  assert.deepEqual(readdirSync(folder), ['a.pem']);
});

test('a stored certificate says what it is for, who issued it and for how long', async () => {
  const authority = await Authority.make();
  const notAfter = new Date(1_900_000_000_000);
  const { cert, key } = await authority.issue({ names: ['example.com', 'www.example.com'], notAfter });
  const text = storedText('https://ca.example/dir', key, cert);
  const stored = readStored(text);
  assert.ok(stored.ok, JSON.stringify(stored));
  assert.deepEqual(
    [stored.value.issuer, stored.value.names, stored.value.notAfter],
    ['https://ca.example/dir', ['example.com', 'www.example.com'], 1_900_000_000_000],
  );
  const wanted = { acme: ['www.example.com', 'example.com'], keyType: 'ec' } as const;
  assert.ok(answersFor(stored.value, wanted, 'https://ca.example/dir'));
  assert.ok(!answersFor(stored.value, wanted, 'https://other.example/dir'));
  assert.ok(!answersFor(stored.value, { ...wanted, acme: ['example.com'] }, 'https://ca.example/dir'));
  for (let length = 0; length < text.length - 2; length += 7) assert.equal(readStored(text.slice(0, length)).ok, false);
  const other = await authority.issue({ names: ['example.com'] });
  assert.deepEqual(readStored(storedText('x', other.key, cert)), {
    ok: false,
    error: 'does not belong to the key beside it',
  });
});

test('a temporary certificate answers for its names and is from nobody', async () => {
  const now = 1_800_000_000_000;
  const { key, chain } = await temporaryCertificate(['example.com', 'www.example.com'], now);
  const stored = readStored(storedText('', key, chain));
  assert.ok(stored.ok, JSON.stringify(stored));
  assert.deepEqual([stored.value.issuer, stored.value.names], ['', ['example.com', 'www.example.com']]);
  assert.ok(stored.value.notBefore < now && stored.value.notAfter > now);
});

test('key and certificate are read from the one file', () => {
  const acme = {
    directory: '',
    email: '',
    storage: '/var/acme',
    challenge: 'auto',
    ca: '',
    externalAccount: undefined,
  } as const;
  const path = '/var/acme/example.com.rsa.pem';
  assert.deepEqual(filesOf({ acme: ['example.com', 'b.example.com'], keyType: 'rsa' }, acme), {
    cert: path,
    key: path,
  });
  assert.deepEqual(filesOf({ directory: 'certs' }, acme), { directory: 'certs' });
});
