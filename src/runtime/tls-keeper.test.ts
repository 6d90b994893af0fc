// What becomes of certificate files that change under a configuration that does not: good ones are taken, others change
// nothing but what is told.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { compile } from '../config/compile.ts';
import type { Config } from '../config/types.ts';
import { Authority, CertificateFolder } from '../testing/certificates.ts';
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts';
import { eventually } from '../testing/scenario.ts';
import { TlsKeeper } from './tls-keeper.ts';

const authority = await Authority.make();
const DAY_MS = 86_400_000;

interface World {
  readonly keeper: TlsKeeper;
  readonly clock: FakeClock;
  readonly config: Config;
  readonly problems: string[];
  /** How often it wanted to be prepared again. */
  changes(): number;
  /** Lets it look at its files, and takes what it found into use. */
  look(): Promise<void>;
  /** What the listener `web` would serve now. */
  served(): Promise<string[]>;
}

function configOf(tls: object, more: object = {}): Config {
  const compiled = compile({
    listeners: { web: { bind: '127.0.0.1:0', protocol: 'https', tls, pool: 'b' }, ...more },
    pools: { b: { endpoints: ['127.0.0.1:1'] } },
  });
  if (!compiled.ok) assert.fail(JSON.stringify(compiled.error));
  return compiled.value;
}

/** A clock that shows today, as certificates do. */
function today(): FakeClock {
  const clock = fakeClock();
  const began = Date.now() - clock.epoch();
  return Object.assign(clock, { epoch: () => began + 1_700_000_000_000 + clock.now() });
}

async function start(t: TestContext, tls: object, more: object = {}): Promise<World> {
  const clock = today();
  const config = configOf(tls, more);
  const problems: string[] = [];
  let changes = 0;
  const keeper = new TlsKeeper({
    clock,
    folder: '.',
    onChange: () => changes++,
    onProblem: (reason) => problems.push(reason),
  });
  t.after(() => keeper.close());
  const first = await keeper.prepare(config);
  assert.ok(first.ok, first.ok ? '' : JSON.stringify(first.error));
  keeper.commit();
  return {
    keeper,
    clock,
    config,
    problems,
    changes: () => changes,
    async look() {
      const before = changes;
      clock.advance(5000);
      await eventually(() => clock.pending === 1, 'it looked');
      if (changes === before) return;
      assert.ok((await keeper.prepare(config)).ok);
      keeper.commit();
    },
    async served() {
      const prepared = await keeper.prepare(config);
      keeper.abort();
      if (!prepared.ok) assert.fail(JSON.stringify(prepared.error));
      return prepared.value.materials.web.certificates.map(({ id }) => id);
    },
  };
}

test('a certificate that was replaced is taken into use, once', async (t) => {
  const folder = new CertificateFolder(t);
  const old = await authority.issue({ names: ['a.example'] });
  const world = await start(t, { certificates: folder.put('a', old) });
  await world.look();
  assert.equal(world.changes(), 0);
  const fresh = await authority.issue({ names: ['a.example'] });
  folder.put('a', fresh);
  await world.look();
  assert.equal(world.changes(), 1);
  assert.deepEqual(await world.served(), [fresh.id]);
  await world.look();
  assert.equal(world.changes(), 1);
  assert.deepEqual(world.problems, []);
});

test('a certificate above it that was missing, or is another, is taken into use too', async (t) => {
  const folder = new CertificateFolder(t);
  const one = await authority.issue({ names: ['a.example'] });
  const world = await start(t, { certificates: folder.put('a', one) });
  folder.put('a', { cert: `${one.cert}${authority.pem}`, key: one.key });
  await world.look();
  assert.equal(world.changes(), 1);
});

test('very many pairs are looked at one by one only now and then, but at once when something in their folder moved', async (t) => {
  const folder = new CertificateFolder(t);
  const one = await authority.issue({ names: ['a.example'] });
  for (let i = 0; i < 900; i++) folder.put(`c${i}`, one);
  const world = await start(t, { certificates: folder.path });
  await world.look();
  const fresh = await authority.issue({ names: ['a.example'] });
  writeFileSync(join(folder.path, 'c7.pem'), `${fresh.cert}${' '.repeat(10)}`);
  await world.look();
  assert.deepEqual(world.problems, [], 'written over in its place: not seen yet');
  await world.look();
  assert.match(world.problems[0], /c7\.pem does not belong to the key beside it/);
  folder.put('c7', fresh);
  await world.look();
  assert.equal(world.changes(), 1, 'renamed over: seen at the next look');
});

const NAMES = ['a.example'];
const BROKEN: Readonly<Record<string, (folder: CertificateFolder) => Promise<RegExp>>> = {
  'half written': async (folder) => {
    const fresh = await authority.issue({ names: NAMES });
    writeFileSync(join(folder.path, 'a.pem'), fresh.cert.slice(0, 300));
    return /a\.pem holds no whole PEM certificate/;
  },
  empty: async (folder) => {
    writeFileSync(join(folder.path, 'a.pem'), '');
    return /a\.pem holds no whole PEM certificate/;
  },
  'no certificate inside': async (folder) => {
    const text = Buffer.from('nonsense').toString('base64');
    folder.text('a.pem', `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`);
    return /a\.pem holds a certificate that cannot be read/;
  },
  'of another key': async (folder) => {
    folder.text('a.pem', (await authority.issue({ names: NAMES })).cert);
    return /a\.pem does not belong to the key beside it/;
  },
  'with a key that is none': async (folder) => {
    folder.text('a.key', 'secret');
    return /a\.pem has no readable key/;
  },
  'with a key behind a password': async (folder) => {
    folder.text('a.key', '-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n');
    return /a\.pem has a key that is encrypted/;
  },
  gone: async (folder) => {
    rmSync(join(folder.path, 'a.key'));
    return /there is no file .*a\.key/;
  },
  'no file': async (folder) => {
    rmSync(join(folder.path, 'a.pem'));
    mkdirSync(join(folder.path, 'a.pem'));
    return /a\.pem is no file/;
  },
  'far too large': async (folder) => {
    folder.text('a.pem', 'x'.repeat(2 * 1024 * 1024));
    return /a\.pem is larger than 1 MiB/;
  },
  expired: async (folder) => {
    folder.put('a', await authority.issue({ names: NAMES, notAfter: new Date(Date.now() - DAY_MS) }));
    return /a\.pem expired on 20\d\d-\d\d-\d\d/;
  },
};

for (const [what, breakIt] of Object.entries(BROKEN)) {
  test(`one that is ${what}: the one before stays, the reason is told once with its path, the others are as they were`, async (t) => {
    const folder = new CertificateFolder(t);
    const [a, b] = await Promise.all([authority.issue({ names: NAMES }), authority.issue({ names: ['b.example'] })]);
    const world = await start(t, { certificates: [folder.put('a', a), folder.put('b', b)] });
    const reason = await breakIt(folder);
    const other = await authority.issue({ names: ['b.example'] });
    folder.put('b', other);
    await world.look();
    assert.deepEqual(await world.served(), [a.id, other.id]);
    assert.equal(world.problems.length, 1);
    assert.match(world.problems[0], reason);
    assert.match(world.problems[0], new RegExp(folder.path));
    assert.equal(world.keeper.problems.length, 1);
    await world.look();
    await world.look();
    assert.equal(world.problems.length, 1, 'not again and again');
    rmSync(join(folder.path, 'a.pem'), { recursive: true, force: true });
    const mended = await authority.issue({ names: NAMES });
    folder.put('a', mended);
    await world.look();
    assert.deepEqual(await world.served(), [mended.id, other.id]);
    assert.equal(world.keeper.problems.length, 0);
  });
}

test('a file that this user may not read is named as such', async (t) => {
  const folder = new CertificateFolder(t);
  const a = await authority.issue({ names: NAMES });
  const world = await start(t, { certificates: folder.put('a', a) });
  folder.put('a', await authority.issue({ names: NAMES }));
  chmodSync(join(folder.path, 'a.key'), 0o000);
  chmodSync(folder.path, 0o755);
  const { geteuid, seteuid } = process;
  const own = geteuid!();
  // Who is root may read everything.
  if (own === 0) seteuid!(65_534);
  try {
    await world.look();
  } finally {
    if (own === 0) seteuid!(own);
  }
  assert.match(world.problems[0], /a\.key may not be read by this user/);
});

test('a folder: pairs that come are added, pairs that go are gone, what has no partner is left out', async (t) => {
  const folder = new CertificateFolder(t);
  const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((name) => authority.issue({ names: [`${name}.example`] })));
  folder.put('a', a);
  folder.put('b', b);
  folder.text('lonely.pem', c.cert);
  const world = await start(t, { certificates: folder.path });
  assert.deepEqual(await world.served(), [a.id, b.id]);
  folder.put('c', c);
  rmSync(join(folder.path, 'a.pem'));
  await world.look();
  assert.deepEqual(await world.served(), [b.id, c.id]);
  assert.deepEqual(world.problems, []);
  rmSync(join(folder.path, 'b.pem'));
  rmSync(join(folder.path, 'c.pem'));
  await world.look();
  assert.deepEqual(await world.served(), [b.id, c.id], 'an empty folder is a mistake');
  assert.match(world.problems[0], /holds no pair of NAME\.pem/);
});

test('authorities and lists of clients are looked at again as well', async (t) => {
  const folder = new CertificateFolder(t);
  const clients = await Authority.make('CN=Clients');
  const client = await clients.issue({ subject: 'CN=client' });
  const tls = {
    certificates: folder.put('a', await authority.issue({ names: NAMES })),
    clients: { ca: folder.text('ca.pem', clients.pem), crl: folder.text('list.crl', await clients.revocations()) },
  };
  const world = await start(t, tls);
  const list = await clients.revocations(client);
  folder.text('list.crl', list);
  await world.look();
  assert.equal(world.changes(), 1);
  folder.text('ca.pem', 'no authority');
  await world.look();
  assert.match(world.problems[0], /ca\.pem holds no PEM certificate/);
  const prepared = await world.keeper.prepare(world.config);
  assert.ok(prepared.ok);
  assert.equal(prepared.value.materials.web.clientCrl, list);
  assert.equal(prepared.value.materials.web.clientCa, clients.pem);
});

test('at the start, and when settings change, nothing is kept in its stead: the configuration is refused with the path', async (t) => {
  const folder = new CertificateFolder(t);
  const paths = folder.put('a', await authority.issue({ names: NAMES }));
  folder.text('broken.pem', 'nothing');
  const broken = { cert: join(folder.path, 'broken.pem'), key: paths.key };
  const keeper = new TlsKeeper({ clock: today(), folder: '.', onChange() {}, onProblem() {} });
  const refused = await keeper.prepare(configOf({ certificates: [paths, broken] }));
  assert.ok(!refused.ok);
  assert.deepEqual(refused.error[0].path, ['listeners', 'web', 'tls', 'certificates', 1]);
  assert.match(refused.error[0].message, /broken\.pem holds no whole PEM certificate/);
  const world = await start(t, { certificates: paths });
  const changed = await world.keeper.prepare(configOf({ certificates: [paths, broken] }));
  assert.ok(!changed.ok);
  assert.deepEqual((await world.served()).length, 1);
});

test('a new listener with broken files is refused, while an old one keeps its own', async (t) => {
  const folder = new CertificateFolder(t);
  const paths = folder.put('a', await authority.issue({ names: NAMES }));
  const world = await start(t, { certificates: paths });
  folder.text('a.pem', 'broken now');
  const bind = '127.0.0.1:0';
  const broken = { certificates: { cert: join(folder.path, 'none.pem'), key: paths.key } };
  const next = await world.keeper.prepare(
    configOf({ certificates: paths }, { other: { bind, protocol: 'https', tls: broken, pool: 'b' } }),
  );
  assert.ok(!next.ok);
  assert.deepEqual(
    next.error.map(({ path }) => path[1]),
    ['other'],
  );
});

test('the first certificate to expire is known for each listener', async (t) => {
  const folder = new CertificateFolder(t);
  const soon = new Date(Math.floor(Date.now() / 1000) * 1000 + 2 * DAY_MS);
  const tls = {
    certificates: [
      folder.put('a', await authority.issue({ names: NAMES })),
      folder.put('b', await authority.issue({ names: ['b.example'], notAfter: soon })),
    ],
  };
  const world = await start(t, tls);
  assert.deepEqual([...world.keeper.expiries], [['web', soon.getTime()]]);
});

test('names in a certificate that are no names are left out, and an old one without any is known by its common name', async (t) => {
  const folder = new CertificateFolder(t);
  const tls = {
    certificates: [
      folder.put('a', await authority.issue({ names: ['A.Example', '*.Wild.Example'] })),
      folder.put('b', await authority.issue({ subject: 'CN=old.example,O=Somebody' })),
    ],
  };
  const world = await start(t, tls);
  const prepared = await world.keeper.prepare(world.config);
  assert.ok(prepared.ok);
  assert.deepEqual(
    prepared.value.materials.web.certificates.map(({ names }) => names),
    [['a.example', '*.wild.example'], ['old.example']],
  );
});
