// Where a request in the clear is sent: what a client sent comes back only as what it is.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hstsText } from './hsts.ts';
import { httpsLocation } from './redirect.ts';

test('the same place by HTTPS, with the port where it is not the usual one', () => {
  assert.equal(httpsLocation('a.example', 443, '/x/y', ''), 'https://a.example/x/y');
  assert.equal(httpsLocation('a.example', 8443, '/', 'q=1&r=%20'), 'https://a.example:8443/?q=1&r=%20');
  assert.equal(httpsLocation('[2001:db8::1]', 443, '/', ''), 'https://[2001:db8::1]/');
  assert.equal(httpsLocation('a.example', 443, '*', ''), 'https://a.example/');
  assert.equal(httpsLocation('a.example', 443, '//evil.example/x', ''), 'https://a.example//evil.example/x');
});

test('what is no host is not repeated', () => {
  for (const host of ['', 'a b', 'a\r\nX: y', 'evil.example/', 'a@b', 'a%2f', '.', 'a..b', '<a>', 'a:b', '[::1', 'ä'])
    assert.equal(httpsLocation(host, 443, '/', ''), undefined, JSON.stringify(host));
});

test('nothing of path and query can end the field, or be read as markup', () => {
  const all = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i)).join('');
  const location = httpsLocation('a.example', 443, `/${all}`, all)!;
  assert.match(location, /^https:\/\/a\.example\/[A-Za-z0-9\-._~:/?@!$&'()*+,;=%]+$/);
  assert.doesNotMatch(location, /%(?![0-9A-F]{2})/);
  assert.equal(httpsLocation('a.example', 443, '/é%41%zz%', '"<>'), 'https://a.example/%E9%41%25zz%25?%22%3C%3E');
});

test('the text for browsers, as RFC 6797 writes it', () => {
  assert.equal(hstsText(undefined), '');
  assert.equal(hstsText({ maxAgeSeconds: 60, includeSubDomains: false, preload: false }), 'max-age=60');
  assert.equal(
    hstsText({ maxAgeSeconds: 31_536_000, includeSubDomains: true, preload: true }),
    'max-age=31536000; includeSubDomains; preload',
  );
});
