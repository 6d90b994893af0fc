// What operators change through the admin API, and what they are refused.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parse, stringify } from 'yaml';
import { type AdminWorld, adminWorld } from '../../src/testing/admin.ts';
import { eventually } from '../../src/testing/scenario.ts';

const document = {
  listeners: { web: { bind: '127.0.0.1:0', pool: 'api' } },
  pools: { api: { endpoints: ['10.255.0.1:80', '10.255.0.2:80'], health: false } },
};
const ENDPOINT = '/api/v1/pools/api/endpoints/10.255.0.1:80';

async function endpointsOf({
  ask,
}: AdminWorld): Promise<Record<string, { weight: number; state: string; origin: string }>> {
  const { body } = await ask('GET', '/api/v1/pools/api');
  return Object.fromEntries(body.endpoints.map((one: { address: string }) => [one.address, one]));
}

test('weights, modes, new and removed endpoints take effect, and outlive a restart', async (t) => {
  const first = await adminWorld(t, document, { admin: { state: 'state.json' } });
  assert.equal((await first.ask('PATCH', ENDPOINT, { body: { weight: 5, note: 'bigger' } })).status, 200);
  assert.equal((await first.ask('PATCH', ENDPOINT, { body: { mode: 'maintenance' } })).status, 200);
  const added = { endpoint: { address: '10.255.0.3:80', weight: 2 }, note: '' };
  assert.deepEqual((await first.ask('POST', '/api/v1/pools/api/endpoints', { body: added })).body, { saved: true });
  const other = '/api/v1/pools/api/endpoints/10.255.0.2:80';
  assert.equal((await first.ask('DELETE', `${other}?note=gone`)).status, 200);
  const check = async (world: AdminWorld): Promise<void> => {
    const endpoints = await endpointsOf(world);
    assert.deepEqual(Object.keys(endpoints), ['10.255.0.1:80', '10.255.0.3:80']);
    const { weight, state } = endpoints['10.255.0.1:80'];
    assert.deepEqual([weight, state], [5, 'maintenance']);
    assert.deepEqual([endpoints['10.255.0.3:80'].weight, endpoints['10.255.0.3:80'].origin], [2, 'operator']);
  };
  await check(first);
  const saved = readFileSync(join(first.folder, 'state.json'), 'utf8');
  await first.stop();
  assert.equal(readFileSync(join(first.folder, 'state.json'), 'utf8'), saved, 'stopping changes nothing');
  const second = await adminWorld(t, document, { folder: first.folder });
  await check(second);
  assert.equal((await second.ask('DELETE', `${ENDPOINT}/changes`)).status, 200);
  assert.equal((await second.ask('DELETE', `${other}/changes`)).status, 200);
  assert.equal((await second.ask('DELETE', '/api/v1/pools/api/endpoints/10.255.0.3:80')).status, 200);
  const endpoints = await endpointsOf(second);
  assert.deepEqual(
    Object.values(endpoints).map(({ weight, state, origin }) => [weight, state, origin]),
    [
      [1, 'up', 'config'],
      [1, 'up', 'config'],
    ],
  );
  assert.deepEqual((await second.ask('GET', '/api/v1/changes')).body.changes, []);
});

test('without a state file changes are shown as unsaved, and survive reloads', async (t) => {
  const world = await adminWorld(t, document);
  assert.deepEqual((await world.ask('PATCH', ENDPOINT, { body: { weight: 7 } })).body, { saved: false });
  writeFileSync(world.file, stringify({ ...parse(readFileSync(world.file, 'utf8')), zone: 'a' }));
  assert.ok((await world.configurations.reload('test')).ok);
  assert.equal((await endpointsOf(world))['10.255.0.1:80'].weight, 7);
  const { body } = await world.ask('GET', '/api/v1/status');
  assert.equal(body.runtime.saved, false);
  assert.deepEqual(
    body.runtime.changes.map(({ what, change }: { what: string; change: string }) => [what, change]),
    [['api/10.255.0.1:80', 'weight 7']],
  );
});

test('a damaged state file stops the start and is not overwritten', async (t) => {
  const world = await adminWorld(t, document, { admin: { state: 'state.json' } });
  await world.stop();
  const file = join(world.folder, 'state.json');
  writeFileSync(file, '{"version": 1, "endpoints": [');
  await assert.rejects(adminWorld(t, document, { folder: world.folder }), /is damaged/);
  assert.equal(readFileSync(file, 'utf8'), '{"version": 1, "endpoints": [');
});

test('what a file would be refused for, the API refuses with the same words', async (t) => {
  const world = await adminWorld(t, document);
  const add = (endpoint: unknown) => world.ask('POST', '/api/v1/pools/api/endpoints', { body: { endpoint } });
  const unknown = await add({ address: '10.0.0.1:80', wieght: 2 });
  assert.equal(unknown.status, 422);
  assert.deepEqual(unknown.body.issues, [
    { path: 'wieght', message: 'is not known here', hint: 'did you mean "weight"?' },
  ]);
  assert.match((await add('10.0.0.1')).body.issues[0].message, /needs a port/);
  assert.match((await add('10.0.0.1:0')).body.issues[0].message, /needs a port from 1/);
  assert.match((await add('10.255.0.1:80')).body.title, /which the pool has already/);
  assert.equal((await world.ask('PATCH', ENDPOINT, { body: { weight: -1 } })).status, 422);
  assert.equal((await world.ask('PATCH', ENDPOINT, { body: { weight: 1, extra: 1 } })).status, 400);
  assert.equal((await world.ask('PATCH', ENDPOINT, { body: { mode: 'off' } })).status, 400);
  const missing = await world.ask('PATCH', '/api/v1/pools/api/endpoints/10.255.0.9:80', { body: { weight: 1 } });
  assert.equal(missing.status, 404);
  const elsewhere = await world.ask('POST', '/api/v1/pools/apy/endpoints', { body: { endpoint: '10.0.0.1:80' } });
  assert.match(elsewhere.body.issues[0].hint, /did you mean "api"/);
  assert.deepEqual((await world.ask('GET', '/api/v1/changes')).body.changes, []);
});

test('a configuration is planned, applied by whoever saw the one before, and rolled back', async (t) => {
  const world = await adminWorld(t, document);
  const { headers, body: before } = await world.ask('GET', '/api/v1/config');
  const etag = headers.get('etag')!;
  assert.equal(etag, `"${before.etag}"`);
  const written = parse(readFileSync(world.file, 'utf8'));
  const text = stringify({ ...written, pools: { api: { ...written.pools.api, endpoints: ['10.255.0.7:80'] } } });
  const plan = await world.ask('POST', '/api/v1/config/plan', { body: text });
  assert.deepEqual(
    plan.body.plan.entries.map(({ action, what }: { action: string; what: string }) => `${action} ${what}`),
    ['add endpoint api/10.255.0.7:80', 'remove endpoint api/10.255.0.1:80', 'remove endpoint api/10.255.0.2:80'],
  );
  assert.deepEqual(Object.keys(await endpointsOf(world)), ['10.255.0.1:80', '10.255.0.2:80'], 'planned, not applied');
  assert.equal((await world.ask('PUT', '/api/v1/config', { body: text })).status, 428);
  const wrong = await world.ask('PUT', '/api/v1/config', { body: text, headers: { 'if-match': '"00"' } });
  assert.equal(wrong.status, 412);
  const done = await world.ask('PUT', '/api/v1/config', { body: text, headers: { 'if-match': etag } });
  assert.equal(done.status, 200, JSON.stringify(done.body));
  assert.deepEqual(Object.keys(await endpointsOf(world)), ['10.255.0.7:80']);
  assert.equal((await world.ask('GET', '/api/v1/config')).body.saved, false);
  assert.deepEqual(parse(readFileSync(world.file, 'utf8')), written, 'the file is as it was');
  const late = await world.ask('PUT', '/api/v1/config', { body: text, headers: { 'if-match': etag } });
  assert.equal(late.status, 412, 'the second of two who saw the same');
  const next = done.headers.get('etag')!;
  const saving = { body: text, headers: { 'if-match': next } };
  assert.equal((await world.ask('PUT', '/api/v1/config?save=true', saving)).status, 200);
  assert.equal(readFileSync(world.file, 'utf8'), text);
  const versions = (await world.ask('GET', '/api/v1/config/versions')).body;
  assert.equal(versions.at(-1).note, 'the start');
  const back = await world.ask('POST', `/api/v1/config/versions/${versions[0].version}/rollback`, {
    headers: { 'if-match': next },
  });
  assert.equal(back.status, 200, JSON.stringify(back.body));
});

test('a configuration that is not good is refused with line, column and hint, and nothing is applied', async (t) => {
  const world = await adminWorld(t, document);
  const etag = (await world.ask('GET', '/api/v1/config')).headers.get('etag')!;
  const text = 'listeners:\n  web: { bind: 127.0.0.1:0, pool: apy }\npools:\n  api: { endpoints: [10.0.0.1:80] }\n';
  for (const [method, path] of [
    ['POST', '/api/v1/config/plan'],
    ['PUT', '/api/v1/config'],
  ]) {
    const refused = await world.ask(method, path, { body: text, headers: { 'if-match': etag } });
    assert.equal(refused.status, 422);
    const [issue] = refused.body.issues;
    assert.deepEqual([issue.path, issue.line, issue.hint], ['listeners.web.pool', 2, 'did you mean "api"?']);
  }
  assert.deepEqual(Object.keys(await endpointsOf(world)), ['10.255.0.1:80', '10.255.0.2:80']);
});

test('every change is accounted for: who, from where, before, after, and whether it came about', async (t) => {
  const world = await adminWorld(t, document, { admin: { audit: 'audit.jsonl' } });
  await world.ask('PATCH', ENDPOINT, { body: { weight: 4, note: 'why\u001b[31m' } });
  await world.ask('PATCH', ENDPOINT, { body: { weight: -4 } });
  const { body } = await world.ask('GET', '/api/v1/audit');
  const [refused, done] = body;
  assert.deepEqual(
    [done.who, done.from, done.action, done.what, done.before, done.after, done.outcome],
    ['local', '127.0.0.1', 'set-weight', 'api/10.255.0.1:80', 1, 4, 'done'],
  );
  assert.ok(!done.note.includes('\u001b'), 'nothing steers a terminal');
  assert.equal(refused.outcome, 'refused');
  // Written behind the answer.
  const written = (): string[] => readFileSync(join(world.folder, 'audit.jsonl'), 'utf8').trim().split('\n');
  await eventually(() => written().length === 2, 'two lines');
  const lines = written();
  assert.deepEqual(
    lines.map((line) => JSON.parse(line).outcome),
    ['done', 'refused'],
  );
});

test('with tokens: nobody without one, readers change nothing, secrets are for operators', async (t) => {
  const reader = 'r'.repeat(20);
  const operator = 'o'.repeat(20);
  const tokens = [
    { name: 'grafana', role: 'read', token: reader },
    { name: 'ops', role: 'operate', token: operator },
  ];
  const world = await adminWorld(t, document, { admin: { tokens } });
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  const nobody = await world.ask('GET', '/api/v1/status');
  assert.deepEqual([nobody.status, nobody.headers.get('www-authenticate')], [401, 'Bearer realm="evenkeel"']);
  assert.equal((await world.ask('GET', '/metrics')).status, 401);
  assert.equal((await world.ask('GET', '/api/v1/status', as('x'.repeat(20)))).status, 401);
  assert.equal((await world.ask('GET', '/api/v1/status', as(reader))).status, 200);
  assert.equal((await world.ask('PATCH', ENDPOINT, { ...as(reader), body: { weight: 2 } })).status, 403);
  assert.equal((await world.ask('GET', '/api/v1/config/text', as(reader))).status, 403);
  assert.equal((await world.ask('GET', '/api/v1/config/text', as(operator))).status, 200);
  const shown = JSON.stringify((await world.ask('GET', '/api/v1/config', as(reader))).body);
  assert.ok(!shown.includes(reader) && !shown.includes(operator), 'no token is shown');
  assert.equal((await world.ask('PATCH', ENDPOINT, { ...as(operator), body: { weight: 2 } })).status, 200);
  const [entry] = (await world.ask('GET', '/api/v1/audit', as(reader))).body;
  assert.equal(entry.who, 'ops');
});

test('pages of other sites change nothing, whatever they send', async (t) => {
  const world = await adminWorld(t, document);
  const body = { weight: 9 };
  for (const headers of [
    { origin: 'https://evil.example' },
    { 'sec-fetch-site': 'cross-site' },
    { host: 'evil.example' },
    { 'x-evenkeel': '0', 'content-type': 'text/plain' },
  ]) {
    const asked = await fetch(`${world.origin}${ENDPOINT}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    });
    // fetch may not send another host: that one is allowed to succeed only as ourselves.
    if (!('host' in headers)) assert.equal(asked.status, 403, JSON.stringify(headers));
    await asked.body?.cancel();
  }
  const bodies = await world.ask('PATCH', ENDPOINT, {
    body: 'no json',
    headers: { 'content-type': 'application/json' },
  });
  assert.equal(bodies.status, 400);
  assert.ok(!JSON.stringify(bodies.body).includes('Unexpected'), 'no words of the parser');
});

test('the OpenAPI document names every path, and the schema of configurations', async (t) => {
  const world = await adminWorld(t, document);
  const { body } = await world.ask('GET', '/api/v1/openapi.json');
  assert.equal(body.openapi, '3.1.0');
  for (const path of ['/api/v1/status', '/api/v1/pools/{pool}/endpoints/{address}', '/api/v1/config', '/api/v1/events'])
    assert.ok(path in body.paths, path);
  assert.ok('pools' in body.components.schemas.Configuration.properties);
  assert.equal((await world.ask('GET', '/nope')).status, 404);
  const wrong = await world.ask('DELETE', '/api/v1/status');
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'GET']);
});

test('who asks, one endpoint with what runs there, and where sites are', async (t) => {
  const world = await adminWorld(t, {
    ...document,
    sites: { eu: { addresses: '203.0.113.1', pool: 'api', location: [50.1, 8.7] }, us: '203.0.113.2' },
  });
  assert.deepEqual((await world.ask('GET', '/api/v1/whoami')).body, { name: 'local', role: 'operate', asks: false });
  const { body } = await world.ask('GET', ENDPOINT);
  assert.deepEqual([body.id, body.state, body.running], ['api/10.255.0.1:80', 'up', { inFlight: 0, streams: 0 }]);
  assert.equal((await world.ask('GET', '/api/v1/pools/api/endpoints/10.255.0.7:80')).status, 404);
  const sites = async () =>
    (await world.ask('GET', '/api/v1/world')).body.sites.map((one: { state: string }) => one.state);
  assert.deepEqual((await world.ask('GET', '/api/v1/world')).body.sites[0].location, {
    latitude: 50.1,
    longitude: 8.7,
  });
  assert.deepEqual(await sites(), ['up', 'up']);
  await world.ask('POST', '/api/v1/sites/us/drain', { body: {} });
  for (const address of ['10.255.0.1:80', '10.255.0.2:80'])
    await world.ask('PATCH', `/api/v1/pools/api/endpoints/${address}`, { body: { mode: 'maintenance' } });
  assert.deepEqual(await sites(), ['down', 'draining']);
});
