import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BalancerKind } from '../../balancing/balancer.ts';
import { BALANCERS } from '../../balancing/index.ts';
import { compile } from '../compile.ts';
import { formatPath } from '../issues.ts';
import { KERNEL_KINDS, natObstacles } from './nat.ts';

type Mode = 'nat' | 'auto';

const document = (mode: Mode, listener: object = {}, pool: object = {}) => ({
  listeners: { web: { bind: '10.0.0.1:80', protocol: 'tcp', mode, pool: 'web', ...listener } },
  pools: { web: { endpoints: ['10.0.1.1:80'], ...pool } },
});

/** Each issue as `path message`. */
function issues(listener: object = {}, pool: object = {}): string[] {
  const compiled = compile(document('nat', listener, pool));
  if (compiled.ok) return [];
  return compiled.error.map(({ path, message }) => `${formatPath(path)} ${message}`);
}

const udp = (flow: object) => ({ protocol: 'udp', flow });

describe('mode: nat', () => {
  test('takes what is written plainly, with every default', () => {
    assert.deepEqual(issues(), []);
    assert.deepEqual(issues({ snat: 'off' }), []);
    assert.deepEqual(issues(udp({})), []);
    assert.deepEqual(issues({ bind: '[::]:80' }, { endpoints: ['10.0.1.1:80', '[fd00::1]:80'] }), []);
    assert.deepEqual(
      issues({ pool: undefined, routes: [{ client: ['10.0.0.0/8'], pool: 'web' }, { pool: 'web' }] }),
      [],
    );
  });

  test('knows every kind there is, and says of the others that the kernel does not tell what they need', () => {
    for (const { name } of BALANCERS) {
      const found = issues({}, { balance: name });
      if ((KERNEL_KINDS as readonly string[]).includes(name)) assert.deepEqual(found, [], name);
      else {
        assert.equal(found.length, 1, name);
        assert.match(found[0], new RegExp(`^pools\\.web\\.balance is ${name}, which needs to know what the kernel`));
      }
    }
  });

  test("does not mistake a configuration's own kind for the built-in one of that name", () => {
    const own: BalancerKind = {
      name: 'random',
      needs: 'nothing',
      schema: {} as never,
      build: () => ({ pick: () => undefined }),
    };
    const compiled = compile(document('nat', {}, { balance: 'random' }));
    assert.ok(compiled.ok);
    const { listeners, pools } = compiled.value;
    assert.match(natObstacles(listeners.web, pools, [own])[0].message, /^is random, which runs code of its own/);
  });

  const refused: [string, object, object, RegExp][] = [
    [
      'SNI',
      { pool: undefined, routes: [{ sni: 'a.example', pool: 'web' }] },
      {},
      /^listeners\.web\.routes\[0\]\.sni cannot be known in time/,
    ],
    [
      'ALPN',
      { pool: undefined, routes: [{ alpn: 'h2', pool: 'web' }] },
      {},
      /^listeners\.web\.routes\[0\]\.alpn cannot be known in time/,
    ],
    [
      'PROXY protocol from clients',
      { proxyProtocol: '10.0.0.0/8' },
      {},
      /^listeners\.web\.proxyProtocol is read by a proxy/,
    ],
    [
      'PROXY protocol to backends',
      {},
      { proxyProtocol: 'v2' },
      /^pools\.web\.proxyProtocol cannot be sent .* adds no bytes/,
    ],
    ['affinity', {}, { affinity: 'source' }, /^pools\.web\.affinity cannot be kept/],
    [
      'a limit of connections',
      { limits: { connections: 5 } },
      {},
      /^listeners\.web\.limits\.connections cannot be kept/,
    ],
    [
      'a limit by client',
      { limits: { connectionsPerClient: 5 } },
      {},
      /^listeners\.web\.limits\.connectionsPerClient cannot/,
    ],
    ['a rate', { limits: { connectionRate: 5 } }, {}, /^listeners\.web\.limits\.connectionRate cannot be kept/],
    [
      'a rate by client',
      { limits: { connectionRatePerClient: 5 } },
      {},
      /^listeners\.web\.limits\.connectionRatePerClient/,
    ],
    [
      'a lifetime',
      { timeouts: { lifetime: '1h' } },
      {},
      /^listeners\.web\.timeouts\.lifetime cannot be kept: conntrack/,
    ],
    ['an idle timeout', { timeouts: { idle: '5s' } }, {}, /^listeners\.web\.timeouts\.idle cannot be kept: conntrack/],
    ['flows by address', udp({ key: 'address' }), {}, /^listeners\.web\.flow\.key cannot be kept: conntrack/],
    ['flows that end by responses', udp({ responses: 1 }), {}, /^listeners\.web\.flow\.responses cannot be kept/],
    ['a limit in flight', {}, { maxInFlight: 3 }, /^pools\.web\.endpoints\[0\] has maxInFlight, which cannot be kept/],
    ['a rate of an endpoint', {}, { maxRate: 3 }, /^pools\.web\.endpoints\[0\] has maxRate, which cannot be kept/],
    [
      'a host name',
      {},
      { endpoints: ['db.example:80'] },
      /^pools\.web\.endpoints\[0\] is "db\.example:80", but .* needs IP addresses/,
    ],
    ['a name to bind', { bind: 'web.example:80' }, {}, /^listeners\.web\.bind is "web\.example".*not names/],
    [
      'an endpoint of the other family',
      {},
      { endpoints: ['[fd00::1]:80'] },
      /^pools\.web\.endpoints\[0\] is \[fd00::1\]:80, but .* takes IPv4/,
    ],
    [
      'an IPv4 endpoint behind IPv6',
      { bind: '[fd00::9]:80' },
      {},
      /^pools\.web\.endpoints\[0\] is 10\.0\.1\.1:80, but .* takes IPv6/,
    ],
    [
      'a loopback endpoint',
      {},
      { endpoints: ['127.0.0.1:80'] },
      /^pools\.web\.endpoints\[0\] is 127\.0\.0\.1:80, a loopback address/,
    ],
    ['a loopback bind', { bind: '127.0.0.1:80' }, {}, /^listeners\.web\.bind is a loopback address/],
    ['any free port', { bind: '10.0.0.1:0' }, {}, /^listeners\.web\.bind has port 0/],
  ];
  for (const [what, listener, pool, expected] of refused) {
    test(`refuses ${what}, with the reason`, () => {
      const found = issues(listener, pool);
      assert.equal(found.length, 1, found.join('\n'));
      assert.match(found[0], expected);
    });

    test(`auto takes ${what} and knows why it is a proxy then`, () => {
      const compiled = compile(document('auto', listener, pool));
      assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
      const found = natObstacles(compiled.value.listeners.web, compiled.value.pools);
      assert.deepEqual(
        found.map(({ path, message }) => expected.test(`${formatPath(path)} ${message}`)),
        [true],
      );
    });
  }
});
