// Every condition of a route, each with a request that it takes and one that it does not.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ANY_ROUTE } from '../config/compile/route.ts';
import type { RouteConfig } from '../config/types.ts';
import { type HeadParts, requestHead, routingFacts } from '../testing/request-head.ts';
import { compileRoutes } from './compile.ts';
import type { Predicate, RoutingFacts } from './route.ts';

const PHONE = 'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Version/17.4 Mobile/15E148';
const LAPTOP = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/124.0.0.0 Safari/537.36';
const thrown: unknown[] = [];
const predicates = new Map<string, Predicate>([
  ['fine', (request) => request.cookie('tier') === 'gold' && request.header('X-Trace') !== undefined],
  [
    'broken',
    () => {
      throw new Error('oh');
    },
  ],
  ['late', (() => Promise.resolve(true)) as unknown as Predicate],
  [
    'everything',
    (request) =>
      [
        request.method,
        request.host,
        request.path,
        request.query,
        request.client,
        request.tls?.version,
        request.certificate?.subject,
        request.identity,
        request.userAgent,
        request.country,
        request.continent,
        request.parameter('q'),
      ].join() === 'PUT,h,/p,q=1,192.0.2.9,TLSv1.3,CN=a,anna,mobile,DE,EU,1',
  ],
]);
const facts: RoutingFacts = routingFacts({
  place: (client) => (client === '192.0.2.9' ? { country: 'DE', continent: 'EU' } : { country: '', continent: '' }),
  table: (name, { host }) => (name === 'tier' && host === 'gold.com' ? 'gold' : undefined),
  predicates,
  onThrow: (name, error) => thrown.push([name, (error as Error).message]),
});
const tls = { serverName: 'a.example.com', alpn: 'h2', version: 'TLSv1.3' };
const certificate = { subject: 'CN=alice,O=x', fingerprint: 'ab'.repeat(32) };

type Case = readonly [Partial<RouteConfig>, takes: HeadParts, refuses: HeadParts];
const exact = (value: string) => ({ kind: 'exact', value }) as const;

const CASES: Readonly<Record<string, readonly Case[]>> = {
  host: [[{ host: ['a.com'] }, { host: 'a.com' }, { host: 'b.com' }]],
  path: [[{ path: exact('/x') }, { path: '/x' }, { path: '/y' }]],
  method: [[{ method: ['PUT'] }, { method: 'PUT' }, {}]],
  header: [[{ header: { 'X-A': exact('1') } }, { headers: { 'x-a': '1' } }, { headers: { 'x-a': '2' } }]],
  cookie: [[{ cookie: { a: exact('1') } }, { headers: { cookie: 'b=2; a=1' } }, { headers: { cookie: 'ba=1' } }]],
  query: [[{ query: { a: exact('ü') } }, { query: 'a=%C3%BC' }, { query: 'b=1' }]],
  client: [[{ client: ['10.0.0.0/8'] }, { client: '10.1.1.1' }, { client: '11.1.1.1' }]],
  country: [[{ country: ['FR', 'DE'] }, { client: '192.0.2.9' }, { client: '192.0.2.8' }]],
  continent: [[{ continent: ['EU'] }, { client: '192.0.2.9' }, { client: '192.0.2.8' }]],
  userAgent: [
    [{ userAgent: ['mobile'] }, { headers: { 'user-agent': PHONE } }, { headers: { 'user-agent': LAPTOP } }],
    [{ userAgent: ['desktop', 'bot'] }, { headers: { 'user-agent': 'curl/8' } }, { headers: { 'user-agent': PHONE } }],
  ],
  language: [
    [
      { language: ['de'] },
      { headers: { 'accept-language': 'fr, de-AT;q=0.5' } },
      { headers: { 'accept-language': 'fr' } },
    ],
  ],
  tls: [
    [
      { tls: { sni: ['*.example.com'], version: [], alpn: [] } },
      { tls },
      { tls: { ...tls, serverName: 'example.com' } },
    ],
    [{ tls: { sni: ['a.example.com'], version: [], alpn: [] } }, { tls }, {}],
    [{ tls: { sni: [], version: ['1.3'], alpn: [] } }, { tls }, { tls: { ...tls, version: 'TLSv1.2' } }],
    [{ tls: { sni: [], version: [], alpn: ['h2'] } }, { tls }, { tls: { ...tls, alpn: '' } }],
  ],
  clientCertificate: [
    [{ clientCertificate: { subject: exact('CN=alice,O=x'), fingerprint: [] } }, { certificate }, {}],
    [{ clientCertificate: { subject: undefined, fingerprint: ['ab'.repeat(32)] } }, { certificate }, {}],
    [{ clientCertificate: { subject: { kind: 'absent' }, fingerprint: [] } }, {}, { certificate }],
  ],
  identity: [
    [{ identity: { kind: 'present' } }, { identity: 'anna' }, {}],
    [{ identity: exact('anna') }, { identity: 'anna' }, { identity: 'bea' }],
  ],
  map: [[{ map: { tier: exact('gold') } }, { host: 'gold.com' }, { host: 'other.com' }]],
  when: [
    [{ when: 'fine' }, { headers: { cookie: 'tier=gold', 'x-trace': '' } }, { headers: { cookie: 'tier=gold' } }],
    [
      { when: 'everything' },
      {
        method: 'PUT',
        host: 'h',
        path: '/p',
        query: 'q=1',
        client: '192.0.2.9',
        tls,
        certificate: { ...certificate, subject: 'CN=a' },
        identity: 'anna',
        headers: { 'user-agent': PHONE },
      },
      {},
    ],
  ],
};

const TARGETS = ['name', 'filters', 'pool', 'poolMap', 'split', 'timeouts', 'retries', 'hedge'];

for (const condition of Object.keys(ANY_ROUTE).filter((key) => !TARGETS.includes(key))) {
  test(`the condition ${condition} takes what it says and nothing else`, () => {
    assert.ok(CASES[condition]?.length > 0, 'every condition needs its case here');
    for (const [part, takes, refuses] of CASES[condition]) {
      const router = compileRoutes([{ config: { ...ANY_ROUTE, ...part }, target: true }], facts);
      assert.equal(router.match(requestHead(takes)), true);
      assert.equal(router.match(requestHead(refuses)), undefined);
    }
  });
}

test('a predicate that throws or promises does not match, and the first is told', () => {
  for (const when of ['broken', 'late']) {
    const router = compileRoutes(
      [
        { config: { ...ANY_ROUTE, when }, target: 'own' },
        { config: ANY_ROUTE, target: 'else' },
      ],
      facts,
    );
    assert.equal(router.match(requestHead()), 'else', when);
  }
  assert.deepEqual(thrown, [['broken', 'oh']]);
});

test('a language is chosen among those of all routes, so that what another one prefers is not taken', () => {
  const router = compileRoutes(
    ['de', 'en', 'fr'].map((language) => ({ config: { ...ANY_ROUTE, language: [language] }, target: language })),
    facts,
  );
  const asks = (field: string) => router.match(requestHead({ headers: { 'accept-language': field } }));
  assert.equal(asks('en-GB, de;q=0.9'), 'en');
  assert.equal(asks('it, fr;q=0.2, de;q=0.1'), 'fr');
  assert.equal(asks('it'), undefined);
});
