// Session persistence over real sockets: what clients and endpoints see of each kind, and what becomes of a session whose
// endpoint drains, dies or leaves.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { countPins } from '../../src/affinity/pin-table.ts';
import { P } from '../../src/core/counters.ts';
import { STATE } from '../../src/core/load-table.ts';
import { answering, FakeUpstream, reply } from '../../src/testing/fake-upstream.ts';
import { type Message, statusOf, valuesOf } from '../../src/testing/http-message.ts';
import { type RawClient, request } from '../../src/testing/raw-client.ts';
import { startProxy, type Proxy as TestProxy } from '../../src/testing/scenario.ts';

const KEYS = ['a key for tests, long enough'];

/** Each says its number, and sets its session's cookie when it sees none. */
async function threeEndpoints(t: TestContext): Promise<FakeUpstream[]> {
  const start = (n: number): Promise<FakeUpstream> =>
    FakeUpstream.start(
      t,
      answering((message) => {
        const cookie = valuesOf(message, 'cookie').join('; ');
        const fields = cookie.includes('sid=')
          ? ''
          : `Set-Cookie: theme=dark\r\nset-cookie: sid=s${n}-${counter++}; Path=/\r\n`;
        return reply(String(n), fields);
      }),
    );
  return Promise.all([start(0), start(1), start(2)]);
}
let counter = 0;

/** A browser: keeps cookies, sends them. */
class Browser {
  readonly jar = new Map<string, string>();
  /** Set-Cookie of the last answer. */
  set: readonly string[] = [];
  readonly #client: RawClient;
  readonly #fields: Readonly<Record<string, string>>;

  constructor(client: RawClient, fields: Readonly<Record<string, string>> = {}) {
    this.#client = client;
    this.#fields = fields;
  }

  async visit(path = '/'): Promise<Message> {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    this.#client.write(request(`GET ${path}`, { ...this.#fields, ...(cookie === '' ? {} : { Cookie: cookie }) }));
    const response = await this.#client.response();
    this.set = valuesOf(response, 'set-cookie');
    for (const one of this.set) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(one)!;
      this.jar.set(name, value);
    }
    return response;
  }

  /** The number of the endpoint that answered. */
  async where(path = '/'): Promise<number> {
    return Number((await this.visit(path)).body.toString());
  }
}

const picks = ({ counters }: TestProxy) => ({
  begun: counters.readPool(0, P.begun),
  pinned: counters.readPool(0, P.pinned),
  moved: counters.readPool(0, P.moved),
});

test('an inserted cookie keeps a browser at its endpoint; it is opaque, safe by default, and written once', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, { endpoints, pool: { affinity: { cookie: 'SERVER', ttl: '1h', keys: KEYS } } });
  const browsers = await Promise.all(Array.from({ length: 6 }, async () => new Browser(await proxy.connect())));
  const first: number[] = [];
  for (const browser of browsers) first.push(await browser.where());
  assert.deepEqual(
    first.toSorted((a, b) => a - b),
    [0, 0, 1, 1, 2, 2],
  );
  const [cookie] = browsers[0].set.filter((one) => one.startsWith('SERVER='));
  assert.match(
    cookie,
    /^SERVER=[A-Za-z0-9_-]{48}; Max-Age=3600; Expires=\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT; Path=\/; HttpOnly; SameSite=Lax$/,
  );
  for (let round = 0; round < 5; round++) {
    for (const [i, browser] of browsers.entries()) {
      assert.equal(await browser.where(), first[i]);
      assert.deepEqual(browser.set, [], 'nothing is written again');
    }
  }
  assert.deepEqual(picks(proxy), { begun: 6, pinned: 30, moved: 0 });
  const table = proxy.pins;
  const slots = [0, 1, 2].map((slot) => ({ id: `b/${slot}`, slot }));
  const counts = countPins(table, [{ slot: 0, ttlMs: 3_600_000, endpoints: slots }], performance.now());
  assert.deepEqual(
    [...counts].toSorted(([a], [b]) => a - b),
    [
      [0, 2],
      [1, 2],
      [2, 2],
    ],
  );
});

test('the attributes of the cookie are those of the configuration; Secure where the client’s proxy spoke TLS', async (t) => {
  const endpoints = await threeEndpoints(t);
  const affinity = {
    cookie: 'srv_id',
    domain: '.example.com',
    path: '/app',
    httpOnly: false,
    sameSite: 'strict',
    keys: KEYS,
    persistent: false,
  };
  const proxy = await startProxy(t, { endpoints, pool: { affinity }, config: { trustedProxies: ['127.0.0.1'] } });
  const plain = new Browser(await proxy.connect());
  await plain.visit();
  assert.match(plain.set.at(-1)!, /^srv_id=[\w-]{48}; Path=\/app; Domain=\.example\.com; SameSite=Strict$/);
  const behind = new Browser(await proxy.connect(), { 'X-Forwarded-Proto': 'https' });
  await behind.visit();
  assert.match(behind.set.at(-1)!, /SameSite=Strict; Secure$/);
});

test('forged, foreign, oversized and repeated cookies: ignored, counted, and a good one among them counts', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, { endpoints, pool: { affinity: { cookie: 'S', keys: KEYS } } });
  const client = await proxy.connect();
  const browser = new Browser(client);
  const home = await browser.where();
  const good = browser.jar.get('S')!;
  const forged = `${good[0] === 'A' ? 'B' : 'A'}${good.slice(1)}`;
  const ask = async (cookie: string): Promise<Message> => {
    client.write(request('GET /', { Cookie: cookie }));
    return client.response();
  };
  for (const cookie of [`S=${forged}`, 'S=', `S=${'A'.repeat(5000)}`, 'S=b/1', 'S="', `xS=${good}`, `S2=${good}`])
    assert.equal(valuesOf(await ask(cookie), 'set-cookie').filter((one) => one.startsWith('S=')).length, 1, cookie);
  assert.equal(proxy.counters.readPool(0, P.forged), 4);
  assert.equal(proxy.counters.readPool(0, P.oversized), 1);
  for (let i = 0; i < 4; i++) assert.equal(Number((await ask(`S=${forged}; a=b; S=${good}`)).body.toString()), home);
});

test('who drains keeps its sessions and gets no new ones; who dies or leaves loses them for good', async (t) => {
  const endpoints = await threeEndpoints(t);
  const pool = { affinity: { cookie: 'S', keys: KEYS } };
  const proxy = await startProxy(t, { endpoints, pool });
  const browser = new Browser(await proxy.connect());
  const home = await browser.where();
  const set = (bits: number): void => {
    proxy.load.state[home] = bits;
    proxy.load.poolVersion[0]++;
  };
  set(STATE.used | STATE.up | STATE.draining);
  assert.equal(await browser.where(), home);
  for (let i = 0; i < 6; i++) assert.notEqual(await new Browser(await proxy.connect()).where(), home);
  set(STATE.used | STATE.up | STATE.maintenance);
  const second = await browser.where();
  assert.notEqual(second, home);
  assert.equal(browser.set.length, 1, 'with a new cookie');
  set(STATE.used | STATE.up);
  assert.equal(await browser.where(), second, 'nobody is brought back');
  proxy.load.state[second] = STATE.used;
  proxy.load.poolVersion[0]++;
  const third = await browser.where();
  assert.notEqual(third, second);
  assert.equal(proxy.counters.readPool(0, P.moved), 2);
});

test('an endpoint that dies under its session: the request goes elsewhere, and the session stays there', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, { endpoints, pool: { affinity: { cookie: 'S', keys: KEYS } } });
  const browser = new Browser(await proxy.connect());
  const home = await browser.where();
  endpoints[home].close();
  const after = await browser.where();
  assert.notEqual(after, home);
  assert.equal(browser.set.length, 1);
  for (let i = 0; i < 3; i++) assert.equal(await browser.where(), after);
});

test('with onDown fail a session waits for its endpoint: 503 while that is down, and back to it', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, { endpoints, pool: { affinity: { cookie: 'S', keys: KEYS, onDown: 'fail' } } });
  const browser = new Browser(await proxy.connect());
  const home = await browser.where();
  proxy.load.state[home] = STATE.used;
  proxy.load.poolVersion[0]++;
  const refused = await browser.visit();
  assert.equal(statusOf(refused), 503);
  assert.equal(valuesOf(refused, 'retry-after')[0], '5');
  assert.equal(proxy.log.at(-1)!.error, 'pinned-down');
  assert.notEqual(await new Browser(await proxy.connect()).where(), home, 'others are served');
  proxy.load.state[home] = STATE.used | STATE.up;
  proxy.load.poolVersion[0]++;
  assert.equal(await browser.where(), home);
});

test('a prefix lives in the application’s cookie: the client has it, the application never sees it', async (t) => {
  const endpoints = await threeEndpoints(t);
  const ports = endpoints.map(({ port }) => port);
  const pool = { affinity: { by: 'cookie-prefix:sid', keys: KEYS } };
  const proxy = await startProxy(t, { endpoints: ports, pool });
  const browser = new Browser(await proxy.connect());
  const home = await browser.where();
  assert.deepEqual(browser.set.length, 2);
  assert.equal(browser.set[0], 'theme=dark');
  assert.match(browser.set[1], new RegExp(`^sid=[A-Za-z0-9_-]{48}~s${home}-\\d+; Path=/$`));
  for (let i = 0; i < 4; i++) assert.equal(await browser.where(), home);
  const seen = endpoints[home].requests.slice(1).map((message) => valuesOf(message, 'cookie')[0]);
  assert.equal(seen.length, 4);
  for (const cookie of seen) assert.match(cookie, new RegExp(`^theme=dark; sid=s${home}-\\d+$`));
  // Another balancer with the same key, and nothing in its table.
  const other = await startProxy(t, { endpoints: ports, pool });
  const there = new Browser(await other.connect());
  for (const [name, value] of browser.jar) there.jar.set(name, value);
  for (let i = 0; i < 4; i++) assert.equal(await there.where(), home);
});

test('an application’s cookie is learnt from the answer that sets it, and nothing is added', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, { endpoints, pool: { affinity: 'cookie-learn:sid' } });
  const browsers = await Promise.all(Array.from({ length: 6 }, async () => new Browser(await proxy.connect())));
  const first: number[] = [];
  for (const browser of browsers) {
    first.push(await browser.where());
    assert.match(browser.set.join(' '), /^theme=dark sid=s\d-\d+; Path=\/$/);
  }
  assert.deepEqual(
    first.toSorted((a, b) => a - b),
    [0, 0, 1, 1, 2, 2],
  );
  for (let round = 0; round < 3; round++)
    for (const [i, browser] of browsers.entries()) assert.equal(await browser.where(), first[i]);
});

test('a field or a parameter pins whoever sends the same value, and nobody else', async (t) => {
  const endpoints = await threeEndpoints(t);
  for (const affinity of ['header:X-Api-Key', 'query:key']) {
    const proxy = await startProxy(t, { endpoints: endpoints.map(({ port }) => port), pool: { affinity } });
    const places = new Map<string, Set<number>>();
    for (let i = 0; i < 18; i++) {
      const key = `k${i % 5}`;
      const browser = new Browser(await proxy.connect(), { 'X-Api-Key': key });
      const where = await browser.where(`/?a=b&key=${key}`);
      places.set(key, (places.get(key) ?? new Set()).add(where));
    }
    for (const [key, where] of places) assert.equal(where.size, 1, key);
    assert.equal(new Set([...places.values()].flatMap((where) => [...where])).size, 3);
    const strangers = new Set<number>();
    for (let i = 0; i < 6; i++) strangers.add(await new Browser(await proxy.connect()).where());
    assert.equal(strangers.size, 3, 'who sends none is not pinned');
    assert.ok(proxy.counters.readPool(0, P.unpinned) >= 6);
  }
});

test('by source: everybody behind one address is one session', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, {
    endpoints,
    pool: { affinity: 'source' },
    config: { trustedProxies: ['127.0.0.1'] },
  });
  const from = async (address: string): Promise<number> =>
    new Browser(await proxy.connect(), { 'X-Forwarded-For': address }).where();
  const nat = await from('192.0.2.1');
  for (let i = 0; i < 5; i++) assert.equal(await from('192.0.2.1'), nat);
  const others = new Set<number>();
  for (let i = 2; i < 12; i++) others.add(await from(`192.0.2.${i}`));
  assert.equal(others.size, 3);
});

test('a reload keeps sessions, and rotates keys without losing any', async (t) => {
  const endpoints = await threeEndpoints(t);
  const proxy = await startProxy(t, { endpoints, pool: { affinity: { cookie: 'S', keys: KEYS } } });
  const browser = new Browser(await proxy.connect());
  const home = await browser.where();
  await proxy.reload({ pool: { affinity: { cookie: 'S', keys: ['a newer key, as long as the other', ...KEYS] } } });
  assert.equal(await browser.where(), home);
  await proxy.reload({ pool: { affinity: { cookie: 'S', keys: ['a newer key, as long as the other'] } } });
  await browser.visit();
  assert.equal(proxy.counters.readPool(0, P.forged), 1, 'what the old key sealed is nothing any more');
});

for (const [affinity, name] of [
  [{ cookie: 'S', keys: KEYS }, 'S'],
  [{ by: 'cookie-prefix:sid', keys: KEYS }, 'sid'],
  [{ by: 'cookie-learn:sid' }, 'sid'],
] as const) {
  test(`a WebSocket begins a session like any request: ${name} by ${JSON.stringify(affinity)}`, async (t) => {
    const start = (n: number): Promise<FakeUpstream> =>
      FakeUpstream.start(
        t,
        answering((message) => {
          const seen = valuesOf(message, 'cookie')[0] ?? '';
          const set = seen.includes('sid=') ? '' : `Set-Cookie: sid=w${n}\r\n`;
          if (valuesOf(message, 'upgrade').length === 0) return reply(String(n), set);
          return `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${set}\r\n${n} ${seen}`;
        }),
      );
    const endpoints = await Promise.all([start(0), start(1), start(2)]);
    const proxy = await startProxy(t, { endpoints, pool: { affinity, upgrades: 'balance' } });
    const open = async (cookie: string): Promise<{ first: string; set: readonly string[] }> => {
      const client = await proxy.connect();
      const fields = { Connection: 'Upgrade', Upgrade: 'websocket', ...(cookie === '' ? {} : { Cookie: cookie }) };
      client.write(request('GET /ws', fields));
      const response = await client.response();
      assert.equal(statusOf(response), 101);
      await client.until(() => client.bytes.length > 1, 'the first words');
      const first = client.bytes.toString();
      client.socket.destroy();
      return { first, set: valuesOf(response, 'set-cookie') };
    };
    const { first, set } = await open('');
    const cookie = set.map((one) => one.split(';')[0]).join('; ');
    assert.ok(cookie.includes(`${name}=`), cookie);
    for (let i = 0; i < 4; i++) {
      const { first: again } = await open(cookie);
      assert.equal(again[0], first[0]);
      assert.match(again, /sid=w\d(;|$)/, 'as the application set it');
    }
  });
}
