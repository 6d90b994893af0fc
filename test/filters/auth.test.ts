// Filters that find out who asks: basic-auth with real htpasswd files, api-key, jwt with a JWKS that rotates, forward-auth.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { apr1, passwordFits } from '../../src/http/passwords.ts';
import { filtered } from '../../src/testing/filtered.ts';
import { valuesOf } from '../../src/testing/http-message.ts';
import { findProgram, needs } from '../../src/testing/programs.ts';
import { eventually } from '../../src/testing/scenario.ts';

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'evenkeel-auth-'));
  t.after(() => rmSync(path, { recursive: true }));
  return path;
}

const basic = (user: string, password: string): Record<string, string> => ({
  Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const IDENTITY = { headers: { request: { set: { 'X-User': '${identity}' } } } };

/** What the reference implementation prints for "secret". */
const ARGON2 = '$argon2id$v=19$m=1024,t=2,p=1$c29tZXNhbHRzYWx0$';

test('basic-auth: every kind of hash that htpasswd writes', { skip: needs('htpasswd') }, async (t) => {
  const file = join(folder(t), 'users');
  const program = findProgram('htpasswd')!;
  writeFileSync(file, '');
  for (const [flags, user] of [
    ['-bB', 'bcrypt'],
    ['-bm', 'apr1'],
    ['-bs', 'sha'],
  ])
    execFileSync(program, [flags, file, user, 'pässword'], { stdio: 'ignore' });
  const { ask, asked } = await filtered(t, [{ 'basic-auth': { file, realm: 'inner rooms' } }, IDENTITY]);
  for (const user of ['bcrypt', 'apr1', 'sha']) {
    for (const time of [1, 2]) {
      assert.equal((await ask('GET /', basic(user, 'pässword'))).status, 200, `${user} ${time}`);
      assert.deepEqual(valuesOf(asked(), 'x-user'), [user]);
      assert.deepEqual(valuesOf(asked(), 'authorization'), []);
    }
    const wrong = await ask('GET /', basic(user, 'password'));
    assert.equal(wrong.status, 401);
    assert.equal(wrong.field('www-authenticate'), 'Basic realm="inner rooms", charset="UTF-8"');
  }
  for (const fields of [{}, basic('nobody', 'x'), { Authorization: 'Basic !!!' }, { Authorization: 'Bearer x' }])
    assert.equal((await ask('GET /', fields)).status, 401);
});

test('basic-auth: a user who is taken out of the file is out, a new one is in', {
  skip: needs('htpasswd'),
}, async (t) => {
  const file = join(folder(t), 'users');
  const line = (user: string): string => `${user}:{SHA}${createHash('sha1').update('pw').digest('base64')}\n`;
  writeFileSync(file, line('old'));
  const { ask } = await filtered(t, [{ 'basic-auth': { file } }]);
  assert.equal((await ask('GET /', basic('old', 'pw'))).status, 200);
  writeFileSync(file, line('newcomer'));
  await eventually(async () => (await ask('GET /', basic('newcomer', 'pw'))).status === 200, 'the file is read again');
  assert.equal((await ask('GET /', basic('old', 'pw'))).status, 401);
});

test('passwords: argon2, and Apache MD5 of every length', { skip: needs('openssl') }, async () => {
  const { argon2Sync } = await import('node:crypto');
  const tag = argon2Sync('argon2id', {
    message: 'secret',
    nonce: Buffer.from('c29tZXNhbHRzYWx0', 'base64'),
    parallelism: 1,
    tagLength: 32,
    memory: 1024,
    passes: 2,
  });
  const hash = ARGON2 + tag.toString('base64').replace(/=+$/, '');
  assert.equal(await passwordFits('secret', hash), true);
  assert.equal(await passwordFits('Secret', hash), false);
  for (const password of ['a', 'sixteen letters!', 'seventeen letters', 'x'.repeat(70)]) {
    const expected = execFileSync(findProgram('openssl')!, ['passwd', '-apr1', '-salt', 'saltsalt', password])
      .toString()
      .trim();
    assert.equal(apr1(password, 'saltsalt'), expected);
  }
});

test('api-key: by field or parameter, from the configuration or a file, hidden from the endpoint', async (t) => {
  const file = join(folder(t), 'keys');
  writeFileSync(file, `# name key\npartner sha256:${createHash('sha256').update('0123456789abcdef').digest('hex')}\n`);
  const { ask, asked } = await filtered(t, [
    { 'api-key': { keys: { own: 'a-long-enough-secret' }, file, query: 'key' } },
    IDENTITY,
  ]);
  assert.equal((await ask('GET /', { 'X-Api-Key': 'a-long-enough-secret' })).status, 200);
  assert.deepEqual([valuesOf(asked(), 'x-user'), valuesOf(asked(), 'x-api-key')], [['own'], []]);
  assert.equal((await ask('GET /p?a=1&key=0123456789abcdef&b=2')).status, 200);
  assert.equal(asked().start, 'GET /p?a=1&b=2 HTTP/1.1');
  assert.deepEqual(valuesOf(asked(), 'x-user'), ['partner']);
  for (const key of ['', 'wrong', 'a'.repeat(5000)])
    assert.equal((await ask('GET /', { 'X-Api-Key': key })).status, 401);
});

interface Issuer {
  readonly url: string;
  fetched: number;
  rotate(): Promise<void>;
  token(
    claims: Record<string, unknown>,
    changes?: { expires?: string; audience?: string; issuer?: string },
  ): Promise<string>;
}

async function issuer(t: TestContext): Promise<Issuer> {
  let keys: JWK[] = [];
  let sign: Parameters<SignJWT['sign']>[0];
  let kid = 0;
  const world: Issuer = {
    url: '',
    fetched: 0,
    async rotate() {
      const pair = await generateKeyPair('ES256');
      sign = pair.privateKey;
      keys = [{ ...(await exportJWK(pair.publicKey)), kid: String(++kid), alg: 'ES256' }];
    },
    token: (claims, { expires = '5m', audience = 'api', issuer: by = 'https://id.example' } = {}) =>
      new SignJWT(claims)
        .setProtectedHeader({ alg: 'ES256', kid: String(kid) })
        .setIssuedAt()
        .setIssuer(by)
        .setAudience(audience)
        .setExpirationTime(expires)
        .sign(sign),
  };
  await world.rotate();
  const server = createServer((_, response) => {
    world.fetched++;
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return Object.assign(world, { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` });
}

test('jwt: signed, current, for us, with the claims that are asked for; the identity goes on', async (t) => {
  const id = await issuer(t);
  const { ask, asked } = await filtered(t, [
    {
      jwt: {
        jwks: id.url,
        issuer: 'https://id.example',
        audience: 'api',
        cookie: 'token',
        require: { scope: 'read' },
        forward: { 'X-Mail': 'email' },
        clockTolerance: '0',
      },
    },
    IDENTITY,
  ]);
  const claims = { sub: 'anna', scope: 'read write', email: 'anna@example.com' };
  const good = await id.token(claims);
  const bearer = (token: string): Record<string, string> => ({ Authorization: `Bearer ${token}`, 'X-Mail': 'forged' });
  assert.equal((await ask('GET /', bearer(good))).status, 200);
  assert.deepEqual([valuesOf(asked(), 'x-user'), valuesOf(asked(), 'x-mail')], [['anna'], ['anna@example.com']]);
  assert.equal((await ask('GET /', { Cookie: `token=${good}` })).status, 200);
  assert.equal(id.fetched, 1);
  const [head, body] = good.split('.');
  const none = Buffer.from('{"alg":"none"}').toString('base64url');
  const refused = [
    await id.token(claims, { expires: '-1m' }),
    await id.token(claims, { audience: 'others' }),
    await id.token(claims, { issuer: 'https://evil.example' }),
    `${head}.${body}.${'A'.repeat(86)}`,
    `${none}.${body}.`,
    `${head}.${Buffer.from('{"sub":"root"}').toString('base64url')}.${good.split('.')[2]}`,
  ];
  for (const token of refused) {
    const told = await ask('GET /', bearer(token));
    assert.equal(told.status, 401);
    assert.match(told.field('www-authenticate')!, /^Bearer/);
  }
  assert.equal((await ask('GET /')).status, 401);
  assert.equal((await ask('GET /', bearer(await id.token({ ...claims, scope: 'write' })))).status, 403);
});

test('jwt: keys may rotate', async (t) => {
  const id = await issuer(t);
  const file = join(folder(t), 'jwks.json');
  const jwks = async (): Promise<void> => writeFileSync(file, await (await fetch(id.url)).text());
  await jwks();
  const { ask } = await filtered(t, [{ jwt: { jwks: file, audience: 'api' } }]);
  const bearer = async (): Promise<Record<string, string>> => ({
    Authorization: `Bearer ${await id.token({ sub: 'a' })}`,
  });
  assert.equal((await ask('GET /', await bearer())).status, 200);
  await id.rotate();
  assert.equal((await ask('GET /', await bearer())).status, 401);
  await jwks();
  const fresh = await bearer();
  await eventually(async () => (await ask('GET /', fresh)).status === 200, 'the new key is known');
});

async function service(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/verify`;
}

test('forward-auth: a service says who may pass and what the endpoint is told; its refusal is the answer', async (t) => {
  let times = 0;
  const url = await service(t, (request, response) => {
    times++;
    const [uri, method] = ['uri', 'method'].map((name) => String(request.headers[`x-forwarded-${name}`]));
    if (request.headers.cookie === 'session=good') {
      response.setHeader('x-auth-user', `anna of ${uri} by ${method}`);
      return response.end();
    }
    response.writeHead(302, { location: 'https://login.example/', 'set-cookie': ['a=1', 'b=2'] });
    response.end('log in');
  });
  const { ask, asked, upstream } = await filtered(t, [
    { 'forward-auth': { url, copy: ['X-Auth-User'], identity: 'X-Auth-User', cache: '1m' } },
    IDENTITY,
  ]);
  const refused = await ask('GET /a', { 'X-Auth-User': 'root' });
  assert.deepEqual(
    [refused.status, refused.field('location'), refused.all('set-cookie'), refused.body.toString()],
    [302, 'https://login.example/', ['a=1', 'b=2'], 'log in'],
  );
  assert.equal(upstream.requests.length, 0);
  for (let i = 0; i < 2; i++) {
    assert.equal((await ask('POST /a?b=1', { Cookie: 'session=good', 'X-Auth-User': 'root' }, 'body')).status, 200);
    assert.deepEqual(valuesOf(asked(), 'x-auth-user'), ['anna of /a?b=1 by POST']);
    assert.deepEqual(valuesOf(asked(), 'x-user'), ['anna of /a?b=1 by POST']);
    assert.equal(asked().body.toString(), 'body');
  }
  assert.equal(times, 2);
});

test('forward-auth: a service that is gone or slow has not said yes', async (t) => {
  const slow = await service(t, () => undefined);
  for (const url of ['http://127.0.0.1:1/', slow]) {
    const { ask, upstream } = await filtered(t, [{ 'forward-auth': { url, timeout: '50ms' } }]);
    assert.equal((await ask('GET /')).status, 503);
    assert.equal(upstream.requests.length, 0);
  }
});

test('an identity decides limits behind it, and stands in the log', async (t) => {
  const { ask, proxy } = await filtered(t, [
    { 'api-key': { keys: { anna: 'anna-has-a-long-key', bert: 'bert-has-a-long-key' } } },
    { 'rate-limit': { key: 'identity', rate: '1/h' } },
  ]);
  const by = (name: string): Record<string, string> => ({ 'X-Api-Key': `${name}-has-a-long-key` });
  assert.deepEqual(
    [
      (await ask('GET /', by('anna'))).status,
      (await ask('GET /', by('anna'))).status,
      (await ask('GET /', by('bert'))).status,
    ],
    [200, 429, 200],
  );
  assert.deepEqual(
    proxy.log.map(({ identity }) => identity),
    ['anna', 'anna', 'bert'],
  );
});
