import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TcpRouteConfig } from '../config/types.ts';
import { compileTcpRoutes } from './tcp.ts';

type Written = Partial<Pick<TcpRouteConfig, 'sni' | 'alpn' | 'client'>>;

function router(routes: Readonly<Record<string, Written>>) {
  return compileTcpRoutes(
    Object.entries(routes).map(([name, written]) => ({
      config: { name, sni: [], alpn: [], client: [], pool: name, ...written },
      target: name,
    })),
  );
}
const facts = (sni: string, alpn: readonly string[] = [], client = '192.0.2.1') => ({ sni, alpn, client });

test('an exact name comes before the longest wildcard, and that before any', () => {
  const { match } = router({
    any: {},
    wide: { sni: ['*.example.com'] },
    narrow: { sni: ['*.eu.example.com'] },
    exact: { sni: ['a.eu.example.com'] },
  });
  assert.equal(match(facts('a.eu.example.com')), 'exact');
  assert.equal(match(facts('b.eu.example.com')), 'narrow');
  assert.equal(match(facts('x.y.eu.example.com')), 'narrow');
  assert.equal(match(facts('www.example.com')), 'wide');
  assert.equal(match(facts('example.com')), 'any', 'the star stands for at least one label');
  assert.equal(match(facts('')), 'any');
});

test('protocol and client narrow a name down; when they do not fit, the next less specific route is asked', () => {
  const { match } = router({
    plain: { sni: ['a.b'] },
    h2: { sni: ['a.b'], alpn: ['h2'] },
    office: { sni: ['a.b'], alpn: ['h2'], client: ['10.0.0.0/8'] },
    only: { sni: ['c.d'], client: ['10.0.0.0/8'] },
  });
  assert.equal(match(facts('a.b', ['h2', 'http/1.1'], '10.1.2.3')), 'office');
  assert.equal(match(facts('a.b', ['h2'])), 'h2');
  assert.equal(match(facts('a.b', ['http/1.1'])), 'plain');
  assert.equal(match(facts('c.d')), undefined);
});

test('of two alike the first wins', () => {
  assert.equal(router({ one: { sni: ['a.b'] }, two: { sni: ['a.b'] } }).match(facts('a.b')), 'one');
});

test('a ClientHello is needed only where a route asks what it tells', () => {
  assert.equal(router({ a: {}, b: { client: ['10.0.0.0/8'] } }).needsHello, false);
  assert.equal(router({ a: { sni: ['x'] } }).needsHello, true);
  assert.equal(router({ a: { alpn: ['h2'] } }).needsHello, true);
});
