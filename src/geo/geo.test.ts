import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { countries } from 'countries-list';
import { centroidsSource } from '../../scripts/generate-centroids.ts';
import { type MmdbOptions, mmdb } from '../testing/mmdb.ts';
import { COUNTRIES } from './centroids.ts';
import { GeoDatabase } from './database.ts';
import { readGeoFiles } from './files.ts';
import { placeOf } from './record.ts';
import { GeoSource } from './source.ts';

const CITIES = [
  [
    '192.0.2.0/24',
    {
      continent: { code: 'NA' },
      country: { iso_code: 'US', names: { en: 'United States' } },
      subdivisions: [{ iso_code: 'CA' }],
      location: { latitude: 37.77, longitude: -122.42 },
    },
  ],
  ['192.0.2.128/26', { country: { iso_code: 'CA' }, location: { latitude: 0, longitude: -1.5 } }],
  ['198.51.100.0/24', { registered_country: { iso_code: 'FR' } }],
  ['2001:db8::/32', { country: { iso_code: 'DE' }, continent: { code: 'EU' } }],
] as const;
const NETWORKS = [
  ['192.0.2.0/25', { autonomous_system_number: 64500, autonomous_system_organization: 'Test' }],
  ['203.0.113.0/24', { autonomous_system_number: 64501 }],
] as const;

function shared(buffer: Buffer): SharedArrayBuffer {
  const bytes = new SharedArrayBuffer(buffer.length);
  Buffer.from(bytes).set(buffer);
  return bytes;
}

function opened(...buffers: Buffer[]): GeoDatabase {
  const database = GeoDatabase.open(buffers.map((buffer, i) => ({ path: `${i}.mmdb`, bytes: shared(buffer) })));
  if (!database.ok) assert.fail(database.error);
  return database.value;
}

for (const recordSize of [24, 28, 32] as const) {
  test(`places and networks of two databases are one answer, ${recordSize} bits a record`, () => {
    const database = opened(mmdb(CITIES, { recordSize }), mmdb(NETWORKS, { recordSize, type: 'Test-ASN' }));
    const california = { continent: 'NA', country: 'US', subdivision: 'CA', latitude: 37.77, longitude: -122.42 };
    assert.deepEqual(database.find('192.0.2.1'), { ...california, asn: 64500, prefix: 25 });
    assert.deepEqual(database.find('::ffff:192.0.2.1'), { ...california, asn: 64500, prefix: 25 });
    const canada = { continent: 'NA', country: 'CA', subdivision: '', latitude: 0, longitude: -1.5 };
    assert.deepEqual(database.find('192.0.2.129'), { ...canada, asn: 0, prefix: 26 });
    assert.equal(database.find('192.0.2.200').prefix, 26, 'the other side of what splits the network');
    const { country, continent, latitude, asn } = database.find('198.51.100.7');
    assert.deepEqual([country, continent, latitude, asn], ['FR', 'EU', 46.6, 0], 'its middle stands for a country');
    assert.equal(database.find('2001:db8::1').country, 'DE');
    assert.equal(database.find('2001:db8::1').prefix, 32);
    assert.equal(database.find('203.0.113.1').asn, 64501);
    assert.equal(database.find('203.0.113.1').country, '');
    assert.deepEqual(
      database.about.map(({ path, type }) => [path, type]),
      [
        ['0.mmdb', 'Test-City'],
        ['1.mmdb', 'Test-ASN'],
      ],
    );
  });
}

test('of what is no address, and of what is not in the database, nothing is known', () => {
  const database = opened(mmdb(CITIES, { ipVersion: 6 }));
  for (const text of ['', 'x', '1.2.3', '192.0.2.1.', '192.0.2.1%eth0', '::ffff:1.2.3.4.5', '[::1]'])
    assert.deepEqual({ ...database.find(text) }, { ...database.find('nonsense') }, text);
  assert.equal(database.find('nonsense').prefix, 0);
  const none = database.find('10.0.0.1');
  assert.deepEqual([none.country, none.continent, none.latitude], ['', '', Number.NaN]);
  assert.ok(none.prefix > 0 && none.prefix < 9, 'that there is nothing is known of a network as well');
});

test('an IPv6 address is not looked up in a tree of IPv4', () => {
  const four = CITIES.filter(([network]) => !network.includes(':'));
  const database = opened(mmdb(four, { ipVersion: 4 }));
  assert.equal(database.find('192.0.2.1').country, 'US');
  // Its first bits are those of 192.0.2.1.
  assert.deepEqual([database.find('c000:0201::').country, database.find('c000:0201::').prefix], ['', 0]);
});

test('entries are read in the forms that databases have', () => {
  const told = (record: unknown) => {
    const { continent, country, subdivision, asn } = placeOf(record);
    return [continent, country, subdivision, asn];
  };
  assert.deepEqual(told({ country_code: 'jp' }), ['AS', 'JP', '', 0]);
  assert.deepEqual(told({ country: 'BR', continent: 'SA', asn: 'AS64500' }), ['SA', 'BR', '', 64500]);
  assert.deepEqual(told({ country_code: 'US', region_code: 'US-NY' }), ['NA', 'US', 'NY', 0]);
  assert.deepEqual(told({ country: { iso_code: 'GB' }, subdivisions: [{ iso_code: 'ENG' }, { iso_code: 'LND' }] }), [
    'EU',
    'GB',
    'ENG',
    0,
  ]);
  assert.deepEqual(told({ continent: { code: 'AN' } }), ['AN', '', '', 0]);
  for (const odd of [
    null,
    7,
    'x',
    [],
    { country: 5 },
    { country_code: 'DEU' },
    { asn: -1 },
    { location: { latitude: 91 } },
  ])
    assert.deepEqual(told(odd), ['', '', '', 0], JSON.stringify(odd));
  assert.deepEqual([placeOf({ lat: '1.5', lng: '2' }).latitude], [1.5]);
});

test('the countries are those of the generator, each with a place and a continent of Route 53', () => {
  assert.equal(readFileSync(new URL('./centroids.ts', import.meta.url), 'utf8'), centroidsSource(), 'npm run generate');
  for (const [code, { continent }] of Object.entries(countries)) {
    const [known, latitude, longitude] = COUNTRIES.get(code)!;
    assert.equal(known, continent);
    assert.ok(Math.abs(latitude) <= 90 && Math.abs(longitude) <= 180);
  }
});

function folderOf(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-geo-'));
  t.after(() => rmSync(folder, { recursive: true }));
  return (name: string) => join(folder, name);
}

test('files that are missing, cut off or something else are refused with the reason', async (t) => {
  const at = folderOf(t);
  const good = mmdb(CITIES);
  const start = async (database: string, asn = '') => {
    const source = await GeoSource.start({
      config: { database, asn },
      onChange: () => undefined,
      onProblem: () => undefined,
    });
    if (source.ok) source.value.close();
    return source.ok ? 'good' : source.error;
  };
  writeFileSync(at('good'), good);
  writeFileSync(at('empty'), '');
  writeFileSync(at('text'), 'not a database at all');
  writeFileSync(at('half'), good.subarray(0, good.length / 2));
  writeFileSync(at('headless'), good.subarray(good.indexOf('\xab\xcd\xefMaxMind', 0, 'latin1')));
  assert.equal(await start(at('good')), 'good');
  assert.match(await start(at('nothing')), /^geo: there is no file .*nothing$/);
  assert.match(await start(at('good'), at('nothing')), /^geo: there is no file/);
  for (const name of ['empty', 'text', 'half', 'headless'])
    assert.match(await start(at(name)), new RegExp(`^geo: .*${name} (is no database in MaxMind's format|is cut off)`));
});

test('a file that changes is read again; one that became useless is told, and the last good data stay', async (t) => {
  const at = folderOf(t);
  const write = (entries: Parameters<typeof mmdb>[0] | string, options?: MmdbOptions) => {
    writeFileSync(at('new'), typeof entries === 'string' ? entries : mmdb(entries, options));
    renameSync(at('new'), at('db'));
  };
  write(CITIES);
  const problems: string[] = [];
  let changes = 0;
  const started = await GeoSource.start({
    config: { database: at('db'), asn: '' },
    onChange: () => changes++,
    onProblem: (reason) => problems.push(reason),
    pollMs: 20,
  });
  assert.ok(started.ok);
  const source = started.value;
  t.after(() => source.close());
  const reached = async (condition: () => boolean, what: string) => {
    for (let i = 0; i < 300 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(condition(), what);
  };
  assert.equal(source.database.find('192.0.2.1').country, 'US');
  write([['192.0.2.0/24', { country: { iso_code: 'MX' } }]]);
  await reached(() => changes === 1, 'the new file is in use');
  assert.equal(source.database.find('192.0.2.1').country, 'MX');
  write('half a download');
  await reached(() => problems.length === 1, 'the damage is told');
  assert.match(problems[0], /is no database in MaxMind's format.*; the last good data stay in use$/);
  assert.equal(source.database.find('192.0.2.1').country, 'MX');
  rmSync(at('db'));
  await reached(() => problems.length === 2, 'its absence is told');
  write(CITIES);
  await reached(() => changes === 2, 'good again');
});

test('a file that is replaced while it is read for the first time is read again', async (t) => {
  const at = folderOf(t);
  writeFileSync(at('db'), mmdb(CITIES));
  writeFileSync(at('new'), mmdb([['192.0.2.0/24', { country: { iso_code: 'MX' } }]]));
  let changed!: () => void;
  const change = new Promise<void>((resolve) => {
    changed = resolve;
  });
  const starting = GeoSource.start({
    config: { database: at('db'), asn: '' },
    onChange: () => changed(),
    onProblem: () => undefined,
    pollMs: 20,
  });
  // As soon as the first one is in hand, before anything else can run.
  const started = await starting.then((result) => {
    renameSync(at('new'), at('db'));
    return result;
  });
  assert.ok(started.ok);
  t.after(() => started.value.close());
  assert.equal(started.value.database.find('192.0.2.1').country, 'US');
  const alive = setTimeout(() => assert.fail('the new file was never read'), 10_000);
  await change;
  clearTimeout(alive);
  assert.equal(started.value.database.find('192.0.2.1').country, 'MX');
});

test('the embedded database knows countries everywhere', async () => {
  const files = await readGeoFiles({ database: 'embedded', asn: '' });
  if (!files.ok) assert.fail(files.error);
  const database = GeoDatabase.open(files.value);
  assert.ok(database.ok);
  const { country, continent, prefix } = database.value.find('193.0.6.139');
  assert.deepEqual([country, continent], ['NL', 'EU']);
  assert.ok(prefix >= 8 && prefix <= 32);
  assert.ok(database.value.find('2001:67c:2e8::1').prefix >= 16);
});
