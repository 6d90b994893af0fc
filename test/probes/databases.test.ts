// The database checks against the real servers, in the states that matter: at work, guarded, full, and not ready yet.

import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import type { MysqlProbeConfig, PostgresProbeConfig, RedisProbeConfig } from '../../src/config/types.ts';
import { type Database, mariadbServer, postgresServer, redisServer } from '../../src/testing/databases.ts';
import { probePort, told } from '../../src/testing/probe-kit.ts';
import { needs } from '../../src/testing/programs.ts';

const redis = (over: Partial<RedisProbeConfig> = {}): RedisProbeConfig => ({
  kind: 'redis',
  username: '',
  password: '',
  ...over,
});
const mysql = (user = ''): MysqlProbeConfig => ({ kind: 'mysql', user });
const postgres = (user = 'postgres', database = ''): PostgresProbeConfig => ({ kind: 'postgres', user, database });

async function started(t: TestContext, starting: Promise<Database>): Promise<Database> {
  const database = await starting;
  t.after(() => database.stop());
  return database;
}

test('Redis: PONG passes, with the password where there is one; everything else fails with the server’s words', {
  skip: needs('redis-server'),
}, async (t) => {
  const open = await started(t, redisServer());
  assert.equal(told(await probePort(redis(), open.port)), 'ok: Redis PING → PONG');
  assert.match(told(await probePort(redis({ password: 'x' }), open.port)), /^bad: Redis PING → "-ERR AUTH/);
  const guarded = await started(t, redisServer('--requirepass', 'se cret'));
  assert.match(told(await probePort(redis(), guarded.port)), /^bad: Redis PING → "-NOAUTH Authentication required/);
  assert.match(told(await probePort(redis({ password: 'wrong' }), guarded.port)), /^bad: Redis PING → "-WRONGPASS/);
  assert.equal(told(await probePort(redis({ password: 'se cret' }), guarded.port)), 'ok: Redis PING → PONG');
  const user = redis({ username: 'default', password: 'se cret' });
  assert.equal(told(await probePort(user, guarded.port)), 'ok: Redis PING → PONG');
  const full = await started(t, redisServer('--maxclients', '1'));
  // The connection that found the server up may not be forgotten yet.
  for (let held = ''; held !== '+PONG\r\n'; ) {
    const other = connect(full.port, '127.0.0.1').on('error', () => undefined);
    t.after(() => other.destroy());
    other.write('PING\r\n');
    held = await new Promise((resolve) => {
      other.once('data', (data) => resolve(data.toString()));
      other.once('close', () => resolve(''));
    });
  }
  // It closes at once, so its words may be lost on the way.
  const busy = told(await probePort(redis(), full.port));
  assert.match(busy, /^bad: Redis PING → ("-ERR max number of clients|connection reset)/);
  await open.stop();
  assert.equal(told(await probePort(redis(), open.port)), 'bad: Redis PING → connection refused');
});

test('MariaDB: the greeting passes, a login says goodbye, a full server and a wrong user fail', {
  skip: needs('mariadbd'),
}, async (t) => {
  const server = await started(t, mariadbServer('--max-connections=10', '--extra-max-connections=1'));
  assert.match(told(await probePort(mysql(), server.port)), /^ok: MySQL greeting → ".*MariaDB.*"$/);
  assert.match(told(await probePort(mysql('root'), server.port)), /^ok: MySQL login → ".*MariaDB.*"$/);
  assert.match(told(await probePort(mysql('nobody'), server.port)), /^bad: MySQL login → error 1045 "Access denied/);
  // max_connect_errors is 100: with a user, no number of checks gets the balancer's address blocked.
  for (let i = 0; i < 120; i++) assert.ok((await probePort(mysql('root'), server.port)).ok, `check ${i}`);
  const held = Array.from({ length: 14 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
  t.after(() => held.forEach((socket) => void socket.destroy()));
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
  assert.match(
    told(await probePort(mysql('root'), server.port)),
    /^bad: MySQL login → error 1040 "Too many connections/,
  );
});

test('PostgreSQL: at work passes, whoever asks; too many connections and shutting down fail', {
  skip: needs('pg_ctlcluster'),
}, async (t) => {
  const server = await started(t, postgresServer('trust', 'max_connections=4', 'superuser_reserved_connections=0'));
  // It listens a moment before it lets anybody in.
  while (!(await probePort(postgres(), server.port)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(told(await probePort(postgres(), server.port)), 'ok: PostgreSQL startup → admitted');
  assert.match(
    told(await probePort(postgres('nobody'), server.port)),
    /^ok: .* at work, says 28000 "role "nobody" does not exist"$/,
  );
  assert.match(
    told(await probePort(postgres('postgres', 'none'), server.port)),
    /^ok: .* at work, says 3D000 "database "none"/,
  );
  const hello = Buffer.concat([Buffer.from([0, 0, 0, 23, 0, 3, 0, 0]), Buffer.from('user\0postgres\0\0')]);
  const held = Array.from({ length: 8 }, () => connect(server.port, '127.0.0.1').on('error', () => undefined));
  t.after(() => held.forEach((socket) => void socket.destroy()));
  for (const socket of held) socket.write(hello);
  await Promise.all(held.map((socket) => new Promise((resolve) => socket.once('data', resolve))));
  assert.match(
    told(await probePort(postgres(), server.port)),
    /^bad: PostgreSQL startup → 53300 "sorry, too many clients/,
  );
  // A smart shutdown waits for those who are there.
  server.child.kill('SIGTERM');
  let shutting = '';
  for (let i = 0; i < 100 && !shutting.includes('57P03'); i++) {
    shutting = told(await probePort(postgres(), server.port));
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.match(shutting, /^bad: PostgreSQL startup → 57P03 "the database system is shutting down"/);
});

test('PostgreSQL with passwords goes on to authentication, which is enough', {
  skip: needs('pg_ctlcluster'),
}, async (t) => {
  const server = await started(t, postgresServer('scram-sha-256', 'log_connections=off'));
  while (!(await probePort(postgres(), server.port)).ok) await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(told(await probePort(postgres(), server.port)), 'ok: PostgreSQL startup → authentication');
});
