// Tokens follow the configuration, whoever brought it; an address that others can reach is never left without any.

import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { Gate } from '../../src/admin/auth.ts';
import { BalancerProcess } from '../../src/testing/balancer-process.ts';
import { freePorts } from '../../src/testing/free-port.ts';

const token = (name: string, letter: string) => ({ name, role: 'operate', token: letter.repeat(20) });
const as = (letter: string) => ({ headers: { authorization: `Bearer ${letter.repeat(20)}` } });

test('without tokens only this machine is let in, whatever Host it names', () => {
  const gate = new Gate([]);
  const asker = {
    method: 'GET',
    host: 'localhost',
    authorization: undefined,
    origin: undefined,
    fetchSite: undefined,
    contentType: undefined,
    ownField: undefined,
  };
  assert.equal(gate.judge({ ...asker, peer: '127.0.0.1' }).ok, true);
  assert.equal(gate.judge({ ...asker, peer: '::1' }).ok, true);
  assert.equal(gate.judge({ ...asker, peer: '10.0.0.9' }).ok, false);
  assert.equal(gate.judge({ ...asker, peer: '' }).ok, false);
});

test('a token that the API took away is worth nothing; one that it brought is', async (t) => {
  const [port, adminPort] = await freePorts(2);
  const bind = `0.0.0.0:${adminPort}`;
  const document = (admin: object | string) => ({
    listeners: { web: { bind: `127.0.0.1:${port}`, pool: 'api' } },
    pools: { api: { endpoints: ['10.255.0.1:80'], health: false } },
    admin,
  });
  const balancer = await BalancerProcess.start(document({ bind, tokens: [token('old', 'a'), token('ops', 'b')] }));
  t.after(() => balancer.stop());
  const origin = `http://127.0.0.1:${adminPort}/api/v1`;
  const status = async (letter: string): Promise<number> => (await fetch(`${origin}/pools`, as(letter))).status;
  assert.equal(await status('a'), 200);
  const { headers } = await fetch(`${origin}/config`, as('b'));
  const put = await fetch(`${origin}/config`, {
    method: 'PUT',
    headers: { ...as('b').headers, 'content-type': 'application/json', 'if-match': headers.get('etag')! },
    body: JSON.stringify(document({ bind, tokens: [token('ops', 'b'), token('new', 'c')] })),
  });
  assert.equal(put.status, 200, await put.text());
  for (let i = 0; i < 50 && (await status('a')) !== 401; i++);
  assert.deepEqual([await status('a'), await status('b'), await status('c')], [401, 200, 200]);
  const from = balancer.output.length;
  balancer.write(document(`127.0.0.1:${adminPort}`));
  balancer.child.kill('SIGHUP');
  await balancer.said(/admin keeps its tokens until the next start/, { from });
  assert.equal(await status('a'), 401);
  const [outside] = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === 'IPv4');
  if (outside === undefined) return;
  const answer = await fetch(`http://${outside.address}:${adminPort}/api/v1/pools`, { headers: { host: 'localhost' } });
  assert.equal(answer.status, 401);
});
