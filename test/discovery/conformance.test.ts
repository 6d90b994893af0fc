// Every kind of discovery: whole sets, the last good one kept while the source fails, recovery by itself, said once each, and
// nothing left behind when it ends.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { DISCOVERIES } from '../../src/discovery/index.ts';
import { WORLDS } from '../../src/testing/discovery-worlds.ts';
import { needs } from '../../src/testing/programs.ts';
import { eventually } from '../../src/testing/scenario.ts';
import { Watched } from '../../src/testing/watched.ts';

const SKIP: Readonly<Record<string, string | false>> = {
  dns: needs('nsd'),
  etcd: needs('etcd'),
  redis: needs('redis-server'),
};

/** What keeps a process alive, but for what the test itself has. */
const handles = (): string =>
  process
    .getActiveResourcesInfo()
    .filter((name) => /TCPSocket|UDP|Pipe|Timeout|FSEvent/.test(name))
    .sort()
    .join(' ');

test('every kind has a world here', () => {
  assert.deepEqual(DISCOVERIES.map(({ name }) => name).sort(), Object.keys(WORLDS).sort());
});

for (const { name } of DISCOVERIES) {
  test(`${name}: whole sets, kept over failures`, { skip: SKIP[name] ?? false, timeout: 60_000 }, async (t) => {
    const world = await WORLDS[name]();
    t.after(() => world.stop());
    await world.set(['127.0.0.1', '127.0.0.2']);
    const before = handles();
    const watched = new Watched(world.discover);
    t.after(() => watched.close());
    await watched.has('127.0.0.1:80', '127.0.0.2:80');
    assert.equal(watched.report.state, 'ok');
    await world.set(['127.0.0.2', '127.0.0.3', '127.0.0.4']);
    await watched.has('127.0.0.2:80', '127.0.0.3:80', '127.0.0.4:80');
    await world.break();
    await watched.is('stale');
    assert.equal(watched.addresses.length, 3, 'an error empties nothing');
    await eventually(() => watched.report.errors > 1, 'tried again');
    await world.repair(['127.0.0.5']);
    await watched.has('127.0.0.5:80');
    await watched.is('ok');
    const said = watched.lines.join('');
    assert.equal(said.match(/cannot be used; the 3 endpoints of before are kept/g)?.length, 1, said);
    assert.equal(said.match(/answers again/g)?.length, 1, said);
    watched.close();
    await world.set(['127.0.0.6']);
    await wait(200);
    assert.deepEqual(watched.addresses, ['127.0.0.5:80'], 'nobody looks any more');
    await eventually(() => handles().length <= before.length, `no handle is left: ${before} → ${handles()}`);
  });
}
