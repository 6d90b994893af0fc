import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BalancerKind } from '../balancing/balancer.ts';
import { BALANCERS, balancerByName } from '../balancing/index.ts';
import { compile } from './compile.ts';
import { formatPath } from './issues.ts';
import type { Config, HttpListenerConfig, TcpListenerConfig } from './types.ts';

const base = {
  listeners: { web: { bind: '127.0.0.1:8080', pool: 'web' } },
  pools: { web: { endpoints: ['10.0.0.1:80'] } },
};

function good(document: unknown): Config {
  const compiled = compile(document);
  assert.ok(compiled.ok, compiled.ok ? '' : JSON.stringify(compiled.error));
  return compiled.value;
}

/** Each issue as `path message | hint`. */
function issues(document: unknown): string[] {
  const compiled = compile(document);
  assert.ok(!compiled.ok, 'was accepted');
  return compiled.error.map(
    ({ path, message, hint }) => `${formatPath(path)} ${message}${hint === undefined ? '' : ` | ${hint}`}`,
  );
}

const pool = (extra: object) => ({ ...base, pools: { web: { ...base.pools.web, ...extra } } });
const route = (extra: object) => ({
  ...base,
  listeners: { web: { bind: '127.0.0.1:8080', routes: [{ pool: 'web', ...extra }] } },
});

test('the shortest configuration gets every default', () => {
  const config = good(base);
  const { timeouts, limits } = config.listeners.web as HttpListenerConfig;
  assert.deepEqual(timeouts, {
    headMs: 10_000,
    bodyIdleMs: 60_000,
    keepAliveMs: 75_000,
    sendIdleMs: 60_000,
    tunnelIdleMs: 600_000,
    tunnelLifetimeMs: 0,
  });
  assert.equal(limits.headBytes, 16_384);
  assert.equal(limits.fields, 100);
  const { web } = config.pools;
  assert.equal(web.balance.kind, 'round-robin');
  assert.equal(web.health, undefined, 'nothing is probed unasked');
  assert.deepEqual(web.passive, {
    failures: 3,
    windowMs: 30_000,
    ejectMs: 30_000,
    maxEjectMs: 300_000,
    maxEjected: 0.5,
    status: [],
  });
  const { attempts, backoffMs, budget, budgetMin } = web.retries;
  assert.deepEqual(
    { attempts, backoffMs, budget, budgetMin },
    { attempts: 2, backoffMs: 25, budget: 0.2, budgetMin: 3 },
  );
  assert.equal(web.connection.connectTimeoutMs, 3000);
  assert.equal(web.connection.idleMs, 55_000);
  assert.equal(web.connection.pipelining, 1, 'pipelining is opt-in');
  assert.deepEqual(web.allDown, { status: 503, retryAfterSeconds: 5 });
});

test('health has the defaults and presets of the reference, and a short form', () => {
  const health = (value: unknown) => good(pool({ health: value })).pools.web.health!;
  assert.deepEqual(health('/health').probe, {
    kind: 'http',
    path: '/health',
    method: 'GET',
    host: '',
    headers: {},
    status: [[200, 399]],
    transport: { tls: undefined, h2: false },
  });
  const { intervalMs, timeoutMs, rise, fall, jitter, pendingIntervalMs } = health('/health');
  assert.deepEqual(
    { intervalMs, timeoutMs, rise, fall, jitter, pendingIntervalMs },
    { intervalMs: 5000, timeoutMs: 2000, rise: 2, fall: 3, jitter: 0.1, pendingIntervalMs: 1000 },
  );
  assert.equal(health({ http: '/', preset: 'critical' }).intervalMs, 2000);
  assert.equal(health({ http: '/', preset: 'standard' }).intervalMs, 10_000);
  assert.equal(health({ http: '/', preset: 'background' }).intervalMs, 60_000);
  assert.equal(health({ http: '/', preset: 'background', interval: '7s' }).intervalMs, 7000, 'said outright wins');
  assert.deepEqual(health({ tcp: true }).probe, { kind: 'tcp', send: undefined, expect: undefined });
  assert.equal(good(pool({ health: false })).pools.web.health, undefined);
});

test('the example of the design works as written', () => {
  const { pools, listeners } = good({
    listeners: {
      web: {
        bind: '0.0.0.0:8080',
        protocol: 'http',
        routes: [{ path: '/api/*', pool: 'api' }, { path: '/images/*', pool: 'static' }, { pool: 'web' }],
      },
    },
    pools: {
      api: {
        balance: { kind: 'ring-hash', key: 'header:x-user', replicas: 150 },
        endpoints: ['10.0.1.1:8080', { address: '10.0.1.2:8080', weight: 3 }],
        health: { http: '/health', interval: '5s', timeout: '2s', rise: 2, fall: 3 },
        passive: { failures: 3, window: '30s', eject: '30s' },
      },
      static: { balance: 'least-connections' },
      web: {},
    },
    admin: { bind: '127.0.0.1:9900' },
  });
  const { routes } = listeners.web as HttpListenerConfig;
  assert.deepEqual(routes[0].path, { kind: 'prefix', value: '/api/' });
  assert.equal(routes[2].path, undefined);
  assert.deepEqual(pools.api.balance.key, { from: 'header', name: 'x-user' });
  assert.deepEqual(
    pools.api.endpoints.map((endpoint) => endpoint.weight),
    [1, 3],
  );
  assert.equal(pools.static.balance.kind, 'least-connections');
});

test('every balancing kind can be named short and long, and rejects options that are not its own', () => {
  for (const { name } of BALANCERS) {
    assert.equal(good(pool({ balance: name })).pools.web.balance.kind, name);
    assert.equal(good(pool({ balance: { kind: name } })).pools.web.balance.kind, name);
    assert.match(
      issues(pool({ balance: { kind: name, bogus: 1 } }))[0],
      /^pools\.web\.balance\.bogus is not known here/,
    );
  }
});

test("a user's own kind replaces a built-in one of its name; two of one name are refused", () => {
  const own: BalancerKind<{ depth: number }> = {
    ...(BALANCERS.find(({ name }) => name === 'random') as BalancerKind<{ depth: number }>),
    schema: { depth: { type: 'number', integer: true, min: 1, default: 4, doc: '' } },
  };
  const compiled = compile(pool({ balance: 'random' }), [own]);
  assert.ok(compiled.ok);
  assert.deepEqual(compiled.value.pools.web.balance.options, { depth: 4 });
  assert.equal(balancerByName('random', [own]), own);
  const twice = compile(base, [own, own]);
  assert.match(twice.ok ? '' : twice.error[0].message, /is named "random" like another one/);
});

test("a user's own kind is accepted with its options", () => {
  const own: BalancerKind<{ depth: number }> = {
    name: 'mine',
    needs: 'nothing',
    schema: { depth: { type: 'number', integer: true, min: 1, default: 4, doc: '' } },
    build: () => ({ pick: () => undefined }),
  };
  const compiled = compile(pool({ balance: { kind: 'mine', depth: 7 } }), [own]);
  assert.ok(compiled.ok);
  assert.deepEqual(compiled.value.pools.web.balance.options, { depth: 7 });
  assert.ok(!compile(pool({ balance: { kind: 'mine', depth: 0 } }), [own]).ok);
});

test('text matches have short forms', () => {
  const { routes } = good(
    route({ header: { 'X-A': true, 'x-b': false, 'x-c': 'v1*', 'x-d': '~^v\\d$', 'x-e': 3 }, cookie: { V: 'two' } }),
  ).listeners.web as HttpListenerConfig;
  const { header, cookie } = routes[0];
  assert.deepEqual(header, {
    'x-a': { kind: 'present' },
    'x-b': { kind: 'absent' },
    'x-c': { kind: 'prefix', value: 'v1' },
    'x-d': { kind: 'regex', value: '^v\\d$' },
    'x-e': { kind: 'exact', value: '3' },
  });
  assert.deepEqual(cookie, { V: { kind: 'exact', value: 'two' } });
});

const routed = (route: object) => ({
  listeners: { web: { bind: '127.0.0.1:80', protocol: 'http', routes: [{ pool: 'web', ...route }] } },
  pools: { web: { endpoints: ['10.0.0.1:80'] } },
});
const tcp = (listener: object, pool: object = {}) => ({
  listeners: { db: { bind: '127.0.0.1:5432', protocol: 'tcp', ...listener } },
  pools: { db: { endpoints: ['10.0.0.1:5432'], ...pool } },
});

test('the shortest TCP listener gets every default', () => {
  const config = good(tcp({ pool: 'db' }));
  const { bind: _bind, ...listener } = config.listeners.db;
  assert.deepEqual(listener, {
    name: 'db',
    protocol: 'tcp',
    tls: undefined,
    mode: 'proxy',
    snat: 'auto',
    proxyProtocol: undefined,
    routes: [{ name: 'db[default]', sni: [], alpn: [], client: [], pool: 'db' }],
    limits: { connections: 100_000, connectionsPerClient: 0, connectionRate: 0, connectionRatePerClient: 0 },
    timeouts: { idleMs: 600_000, lifetimeMs: 0, helloMs: 5000 },
  });
});

test('TCP routes, PROXY headers and pins have short forms', () => {
  const document = {
    trustedProxies: ['10.0.0.0/8'],
    ...tcp({ proxyProtocol: true, routes: [{ sni: 'A.example', alpn: 'h2', pool: 'db' }] }),
  };
  const config = good(document);
  const listener = config.listeners.db as TcpListenerConfig;
  assert.deepEqual(listener.proxyProtocol, { from: ['10.0.0.0/8'], timeoutMs: 3000 });
  assert.deepEqual(listener.routes, [{ name: 'db[0]', sni: ['a.example'], alpn: ['h2'], client: [], pool: 'db' }]);
  const { proxyProtocol, affinity } = good(tcp({ pool: 'db' }, { proxyProtocol: 'v2', affinity: 'source' })).pools.db;
  assert.deepEqual(
    [proxyProtocol, affinity],
    [
      { version: 2, tlvs: true },
      {
        by: 'source',
        name: '',
        ttlMs: 3_600_000,
        maxAgeMs: 0,
        onDown: 'repick',
        cookie: undefined,
        secrets: undefined,
        store: undefined,
      },
    ],
  );
  const from = good(tcp({ pool: 'db', proxyProtocol: ['192.0.2.1', '2001:db8::/32'] })).listeners.db;
  assert.deepEqual(from.proxyProtocol?.from, ['192.0.2.1', '2001:db8::/32']);
});

test('TCP and UDP listeners may have the same port', () => {
  const { listeners, pools } = tcp({ pool: 'db' });
  good({ listeners: { ...listeners, dns: { bind: '127.0.0.1:5432', protocol: 'udp', pool: 'db' } }, pools });
});

const udp = (listener: object) => ({
  listeners: { d: { bind: '127.0.0.1:53', protocol: 'udp', pool: 'db', ...listener } },
  pools: { db: { endpoints: ['10.0.0.1:53'] } },
});

test('TCP routes of one name are no rivals when their other conditions differ', () => {
  const routes = [
    { sni: 'a', alpn: 'h2', pool: 'db' },
    { sni: 'a', pool: 'db' },
    { sni: ['a', 'b'], pool: 'db' },
  ];
  good(tcp({ routes, pool: 'db' }));
});

const BAD: readonly (readonly [string, unknown, RegExp])[] = [
  ['nothing at all', undefined, /listeners must name at least one listener/],
  ['a list', [], /must be a group of settings, not a list/],
  ['no listener', { listeners: {}, pools: {} }, /listeners must name at least one listener/],
  ['a name that every object has', { ...base, pools: { constructor: {} } }, /pools\.constructor is a word/],
  ['a timeout longer than timers can be', route({ timeouts: { total: '30d' } }), /is too long/],
  ['a misspelt key', { ...base, wokers: 2 }, /^wokers is not known here \| did you mean "workers"\?/],
  [
    'an unknown pool',
    route({ pool: 'wep' }),
    /routes\[0\]\.pool names the pool "wep", which does not exist \| did you mean "web"\?/,
  ],
  [
    'a misspelt kind',
    pool({ balance: 'rond-robin' }),
    /balance has no kind "rond-robin" \| did you mean "round-robin"\?/,
  ],
  ['an address without port', pool({ endpoints: ['10.0.0.1'] }), /endpoints\[0\] needs a port/],
  ['an IPv6 address without brackets', pool({ endpoints: ['::1:80'] }), /without brackets/],
  ['a port out of range', pool({ endpoints: ['10.0.0.1:70000'] }), /has port 70000/],
  ['an impossible IPv4 address', pool({ endpoints: ['10.0.0.300:80'] }), /which is no IPv4 address/],
  ['port 0 of an endpoint', pool({ endpoints: ['10.0.0.1:0'] }), /needs a port from 1 to 65535/],
  [
    'an endpoint twice',
    pool({ endpoints: ['10.0.0.1:80', '10.0.0.1:80'] }),
    /endpoints\[1\] is 10\.0\.0\.1:80, which the pool has already/,
  ],
  ['a duration without unit', pool({ health: { http: '/', interval: 5 } }), /health\.interval is no duration/],
  ['a duration of nothing', pool({ connection: { connectTimeout: '0' } }), /must be longer than 0/],
  ['a share above one', pool({ panic: '150%' }), /is no share/],
  ['a negative weight', pool({ endpoints: [{ address: '10.0.0.1:80', weight: -1 }] }), /weight must be at least 0/],
  [
    'backup and tier',
    pool({ endpoints: [{ address: '10.0.0.1:80', backup: true, tier: 2 }] }),
    /has both "backup" and "tier"/,
  ],
  ['two kinds of probe', pool({ health: { http: '/', tcp: true } }), /has both "http" and "tcp"/],
  ['a status that is none', pool({ health: { http: { status: '200-700' } } }), /is no status/],
  ['a health path without slash', pool({ health: 'health' }), /health must begin with "\/"/],
  [
    'a header that smuggles',
    pool({ health: { http: { headers: { 'x-a': 'b\r\nx: y' } } } }),
    /is no valid header field/,
  ],
  ['a path without slash', route({ path: 'api' }), /path must begin with "\/"/],
  ['a pattern with a backreference', route({ path: '~^/(a)\\1$' }), /is no usable pattern/],
  ['a pattern with lookahead', route({ header: { x: '~a(?=b)' } }), /is no usable pattern/],
  ['a host with a port', route({ host: 'a.example:80' }), /which is no host name/],
  ['a network that is none', route({ client: '10.0.0.0/33' }), /client\[0\] has "10\.0\.0\.0\/33"/],
  ['a trusted proxy that is none', { ...base, trustedProxies: 'all' }, /trustedProxies\[0\] has "all"/],
  [
    'an admin server for everyone',
    { ...base, admin: { bind: '0.0.0.0:9900' } },
    /admin\.bind must be a loopback address/,
  ],
  [
    'an unknown log field',
    { ...base, accessLog: { fields: ['statsu'] } },
    /has no field "statsu" \| did you mean "status"\?/,
  ],
  [
    'two listeners on one address',
    { ...base, listeners: { a: { bind: '127.0.0.1:80', pool: 'web' }, b: { bind: '127.0.0.1:80', pool: 'web' } } },
    /which listener "a" binds already/,
  ],
  [
    'a listener that leads nowhere',
    { ...base, listeners: { a: { bind: '127.0.0.1:80' } } },
    /needs "routes" or a "pool"/,
  ],
  ...(['path', 'header:x', 'cookie:c', 'query:q'] as const).map((key): [string, unknown, RegExp] => [
    `a hash of the ${key} where only bytes are seen`,
    tcp({ pool: 'db' }, { balance: { kind: 'ring-hash', key } }),
    /balance\.key hashes the \w+, but the TCP listener "db" sees only addresses and bytes \| use source or sni/,
  ]),
  [
    'a hash of the SNI without a handshake',
    pool({ balance: { kind: 'maglev', key: 'sni' } }),
    /hashes the SNI, but the HTTP listener "web" sees no TLS handshake/,
  ],
  [
    'a PROXY header for requests of many',
    pool({ proxyProtocol: 'v1' }),
    /proxyProtocol cannot be sent for the HTTP listener/,
  ],
  [
    'version 1 of the PROXY protocol for datagrams',
    {
      listeners: { d: { bind: '127.0.0.1:53', protocol: 'udp', pool: 'web' } },
      pools: pool({ proxyProtocol: 'v1' }).pools,
    },
    /proxyProtocol must be v2 for the UDP listener "d"/,
  ],
  [
    'a reason to retry that nobody knows',
    pool({ retries: { on: ['5xx', 'sometimes'] } }),
    /retries\.on knows connect-failure/,
  ],
  ['a status below 400 to retry on', pool({ retries: { on: 302 } }), /statuses from 400 to 599/],
  ['hedging at no time', routed({ hedge: 'soon' }), /hedge must be a duration or a percentile/],
  [
    'a shadow that is not there',
    routed({ filters: [{ mirror: 'wep' }] }),
    /names the pool "wep", which does not exist/,
  ],
  ['a fault that does nothing', routed({ filters: [{ fault: {} }] }), /fault does nothing/],
  [
    'faults for everybody who asks',
    routed({ filters: [{ fault: { header: 'x-fault' } }] }),
    /fault\.header could be sent by anybody/,
  ],
  ['a delay that no filter may take', routed({ filters: [{ fault: { delay: '1m' } }] }), /is too long/],
  ['an adaptive limit upside down', pool({ adaptive: { min: 9, max: 5 } }), /adaptive\.min is above "max", which is 5/],
  [
    'an adaptive limit that is off',
    pool({ maxInFlight: 'auto', adaptive: false }),
    /adaptive is off, but "maxInFlight" is auto/,
  ],
  ['PROXY headers from nobody', tcp({ pool: 'db', proxyProtocol: true }), /proxyProtocol believes nobody/],
  [
    'PROXY headers from no network',
    tcp({ pool: 'db', proxyProtocol: 'anyone' }),
    /proxyProtocol\.from\[0\] has "anyone"/,
  ],
  [
    'a server name that is none',
    tcp({ routes: [{ sni: 'a b', pool: 'db' }] }),
    /sni\[0\] has "a b", which is no host name/,
  ],
  [
    'an HTTP condition on a TCP route',
    tcp({ routes: [{ path: '/x', pool: 'db' }] }),
    /routes\[0\]\.path is not known here/,
  ],
  ['a TCP listener that leads nowhere', tcp({}), /listeners\.db needs "routes" or a "pool"/],
  [
    'a protocol that is not there',
    { ...base, listeners: { a: { bind: '127.0.0.1:80', protocol: 'gopher', pool: 'web' } } },
    /protocol has no kind "gopher" \| known here: http, https, tcp, udp/,
  ],
  [
    'a setting of another protocol',
    udp({ limits: { connections: 5 } }),
    /listeners\.d\.limits is not known here \| "limits" is for protocol http, https and tcp$/,
  ],
  [
    'a setting of one other protocol',
    udp({ forwarded: {} }),
    /forwarded is not known here \| "forwarded" is for protocol http and https$/,
  ],
  [
    'a setting of UDP on a listener whose protocol is the default',
    { ...base, listeners: { web: { bind: '127.0.0.1:80', pool: 'web', flow: {} } } },
    /web\.flow is not known here \| "flow" is for protocol udp$/,
  ],
  ['a misspelt setting of UDP', udp({ flow: { idel: '5s' } }), /flow\.idel is not known here \| did you mean "idle"\?/],
  [
    'an option of another algorithm',
    pool({ balance: { kind: 'round-robin', key: 'source' } }),
    /balance\.key is not known here \| "key" is for kind source-hash, /,
  ],
  [
    'a time for headers of datagrams',
    udp({ proxyProtocol: { from: '10.0.0.0/8', timeout: '9s' } }),
    /proxyProtocol\.timeout has no meaning for UDP: each datagram brings its header along/,
  ],
  [
    'an address as server name',
    tcp({ routes: [{ sni: '10.0.0.1', pool: 'db' }] }),
    /sni\[0\] has "10\.0\.0\.1", which is an address/,
  ],
  [
    'an IPv6 address as server name',
    tcp({ routes: [{ sni: ['a', '[::1]'], pool: 'db' }] }),
    /sni\[1\] has "\[::1\]", which is an address/,
  ],
  ['every server name', tcp({ routes: [{ sni: '*', pool: 'db' }] }), /sni\[0\] is every name \| leave "sni" out/],
  [
    'a TCP route that never matches',
    tcp({
      routes: [
        { name: 'one', sni: ['a', 'b'], client: ['10.0.0.0/8', '::1'], pool: 'db' },
        { sni: 'B', client: ['::1', '10.0.0.0/8'], pool: 'db' },
      ],
    }),
    /routes\[1\] never matches: "one" comes first and has the same conditions/,
  ],
  [
    'a pool behind a route that takes everything',
    tcp({ routes: [{ pool: 'db' }], pool: 'db' }),
    /listeners\.db\.pool never matches: "db\[0\]" comes first/,
  ],
  ['affinity that is not there', pool({ affinity: 'cookies' }), /affinity must be one of .*source.*cookie/],
];

for (const [what, document, pattern] of BAD) {
  test(`refused with a reason: ${what}`, () => {
    const found = issues(document);
    assert.ok(
      found.some((text) => pattern.test(text)),
      found.join('\n'),
    );
  });
}

test('every problem is listed, not just the first', () => {
  const found = issues({
    listeners: { web: { bind: 'x', pool: 'nope' } },
    pools: { web: { endpoints: ['a', 'b'] } },
    zzz: 1,
  });
  assert.equal(found.length, 5, found.join('\n'));
});
