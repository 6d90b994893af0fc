import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TableConfig } from '../config/types.ts';
import { requestHead, routingFacts } from '../testing/request-head.ts';
import { Tables, valuesOf } from './tables.ts';

const table = (part: Partial<TableConfig>): TableConfig => ({
  name: 't',
  of: { from: 'header', name: 'x' },
  values: [],
  networks: [],
  default: undefined,
  ...part,
});
const facts = routingFacts();

test('an exact value comes before the longest prefix, that before the first expression, and those before the default', () => {
  const tables = new Tables(
    [
      table({
        values: [
          { match: { kind: 'regex', value: 'b' }, value: 'first expression' },
          { match: { kind: 'regex', value: 'bc' }, value: 'second expression' },
          { match: { kind: 'prefix', value: 'a' }, value: 'short' },
          { match: { kind: 'prefix', value: 'ab' }, value: 'long' },
          { match: { kind: 'exact', value: 'abc' }, value: 'exact' },
        ],
        default: 'default',
      }),
    ],
    facts,
  );
  const value = (x: string) => tables.value('t', requestHead({ headers: { x } }));
  assert.equal(value('abc'), 'exact');
  assert.equal(value('abcd'), 'long');
  assert.equal(value('axb'), 'short');
  assert.equal(value('xbc'), 'first expression');
  assert.equal(value('none'), 'default');
  assert.equal(tables.value('t', requestHead()), 'default');
  assert.equal(tables.value('other', requestHead()), undefined);
});

test('networks of clients, thousands of them, in less than a microsecond each', () => {
  const networks = Array.from({ length: 10_000 }, (_, i): [string, string] => [
    `${10 + (i >> 14)}.${(i >> 6) & 255}.${(i & 63) << 2}.0/24`,
    `n${i}`,
  ]);
  const tables = new Tables([table({ of: { from: 'client' }, networks, default: 'else' })], facts);
  const heads = [0, 77, 9999].map((i) => requestHead({ client: networks[i][0].replace('0/24', '9') }));
  assert.deepEqual(
    heads.map((head) => tables.value('t', head)),
    ['n0', 'n77', 'n9999'],
  );
  assert.equal(tables.value('t', requestHead({ client: '192.0.2.1' })), 'else');
  const started = performance.now();
  for (let i = 0; i < 300_000; i++) tables.value('t', heads[i % 3]);
  assert.ok((performance.now() - started) / 300 < 5, 'generous for a busy machine');
});

test('everything of a request can be looked up', () => {
  const head = requestHead({
    method: 'POST',
    host: 'a.com',
    path: '/p',
    query: 'q=1',
    client: '192.0.2.7',
    identity: 'anna',
    tls: { serverName: 's.com', alpn: 'h2', version: 'TLSv1.3' },
    headers: { x: 'h', cookie: 'c=v', 'user-agent': 'curl/8' },
  });
  const places = { ...facts, place: () => ({ country: 'DE', continent: 'EU' }) };
  const sources: readonly [TableConfig['of'], string][] = [
    [{ from: 'header', name: 'X' }, 'h'],
    [{ from: 'cookie', name: 'c' }, 'v'],
    [{ from: 'query', name: 'q' }, '1'],
    [{ from: 'method' }, 'POST'],
    [{ from: 'host' }, 'a.com'],
    [{ from: 'path' }, '/p'],
    [{ from: 'client' }, '192.0.2.7'],
    [{ from: 'country' }, 'DE'],
    [{ from: 'continent' }, 'EU'],
    [{ from: 'userAgent' }, 'bot'],
    [{ from: 'sni' }, 's.com'],
    [{ from: 'tlsVersion' }, '1.3'],
    [{ from: 'alpn' }, 'h2'],
    [{ from: 'identity' }, 'anna'],
  ];
  for (const [of, text] of sources) {
    const one = table({ of, values: [{ match: { kind: 'exact', value: text }, value: 'found' }], default: 'none' });
    const tables = new Tables([one], places);
    assert.equal(tables.value('t', head), 'found', of.from);
    const nothing = new Tables([one], { ...facts, place: () => ({ country: '', continent: '' }) });
    const other = requestHead({ headers: { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0' } });
    assert.equal(nothing.value('t', other), 'none', of.from);
  }
});

test('all that a table can say is known beforehand', () => {
  const values = [{ match: { kind: 'exact', value: 'x' } as const, value: 'a' }];
  assert.deepEqual(valuesOf(table({ values, default: 'b' })), ['a', 'b']);
  assert.deepEqual(valuesOf(table({ networks: [['10.0.0.0/8', 'a']] })), ['a']);
});
