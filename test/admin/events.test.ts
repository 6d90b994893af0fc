// The event stream: structure first, numbers every second, what happens at once.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adminWorld } from '../../src/testing/admin.ts';

const document = {
  listeners: { web: { bind: '127.0.0.1:0', pool: 'api' } },
  pools: { api: { endpoints: ['10.255.0.1:80', '10.255.0.2:80'], health: false } },
};

interface Heard {
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: a test knows what it waits for
  readonly data: any;
}

async function* listen(origin: string, signal: AbortSignal): AsyncGenerator<Heard> {
  const response = await fetch(`${origin}/api/v1/events`, { signal });
  let text = '';
  for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
      const block = text.slice(0, end);
      text = text.slice(end + 2);
      const event = /^event: (.*)$/m.exec(block)?.[1] ?? '';
      yield { event, data: JSON.parse(/^data: (.*)$/m.exec(block)?.[1] ?? 'null') };
    }
  }
}

test("HEAD opens no stream: many of them take nobody's place", async (t) => {
  const world = await adminWorld(t, document);
  for (let i = 0; i < 100; i++)
    assert.equal((await fetch(`${world.origin}/api/v1/events`, { method: 'HEAD' })).status, 200);
  const abort = new AbortController();
  const opened = await fetch(`${world.origin}/api/v1/events`, { signal: abort.signal });
  assert.equal(opened.status, 200);
  abort.abort();
});

test('a listener hears the structure, ticks of what changed, and every change as it happens', async (t) => {
  const world = await adminWorld(t, document);
  const abort = new AbortController();
  t.after(() => abort.abort());
  const heard = listen(world.origin, abort.signal);
  const next = async (wanted: string): Promise<Heard['data']> => {
    for await (const { event, data } of { [Symbol.asyncIterator]: () => ({ next: () => heard.next() }) })
      if (event === wanted) return data;
    throw new Error(`the stream ended before "${wanted}"`);
  };
  const structure = await next('structure');
  assert.deepEqual(
    structure.pools[0].endpoints.map(({ id }: { id: string }) => id),
    ['api/10.255.0.1:80', 'api/10.255.0.2:80'],
  );
  const first = await next('tick');
  assert.equal(first.endpoints.length, 2, 'all of them to begin with');
  assert.deepEqual((await next('tick')).endpoints, [], 'nothing changed');
  const path = '/api/v1/pools/api/endpoints/10.255.0.1:80';
  await world.ask('PATCH', path, { body: { mode: 'drain', note: 'rolling' } });
  const change = await next('health');
  assert.deepEqual([change.id, change.to, change.evidence], ['api/10.255.0.1:80', 'draining', 'drain: local: rolling']);
  assert.equal((await next('audit')).action, 'set-mode');
  const row = (await next('tick')).endpoints;
  assert.deepEqual([row.length, row[0][0], row[0][1]], [1, 'api/10.255.0.1:80', 'draining']);
  await world.ask('POST', '/api/v1/pools/api/endpoints', { body: { endpoint: '10.255.0.3:80' } });
  assert.equal((await next('structure')).pools[0].endpoints.length, 3, 'told anew when it changes');
});
