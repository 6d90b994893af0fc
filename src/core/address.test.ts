import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatAddress, isIPv4, parseAddress, unmapIPv4 } from './address.ts';

test('addresses are read and written the same way', () => {
  for (const text of ['10.0.0.1:8080', 'localhost:1', '[::1]:65535', '[fe80::1%eth0]:80', 'a-b.example.com:0']) {
    const result = parseAddress(text);
    assert.ok(result.ok, text);
    assert.equal(formatAddress(result.value), text);
  }
});

test('what is wrong with an address is said', () => {
  for (const [text, problem] of [
    ['10.0.0.1', /needs a port/],
    ['::1:80', /without brackets/],
    ['[::1]', /needs a port/],
    ['[::1:80', /without "\]"/],
    ['[10.0.0.1]:80', /no IPv6 address/],
    ['10.0.0.256:80', /no IPv4 address/],
    ['10.0.0.1:http', /where a port number belongs/],
    ['10.0.0.1:65536', /largest is 65535/],
    ['-x:80', /no valid host/],
  ] as const) {
    const result = parseAddress(text);
    assert.ok(!result.ok && problem.test(result.error), `${text}: ${JSON.stringify(result)}`);
  }
});

test('IPv4 is told from other text, and mapped IPv4 is unmapped', () => {
  assert.ok(isIPv4('0.0.0.0') && isIPv4('255.255.255.255'));
  for (const text of ['1.2.3', '1.2.3.4.5', '1.2.3.256', '1.2.3.x', '']) assert.ok(!isIPv4(text), text);
  assert.equal(unmapIPv4('::ffff:10.0.0.1'), '10.0.0.1');
  assert.equal(unmapIPv4('::1'), '::1');
});
