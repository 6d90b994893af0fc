// Providers against the APIs they speak: Docker and Kubernetes by test doubles of their documented HTTP APIs, the hook by a real
// command.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DockerContainers } from '../../src/autoscale/docker.ts';
import { ExecHook } from '../../src/autoscale/exec.ts';
import { KubernetesScale } from '../../src/autoscale/kubernetes.ts';
import { realEnv } from '../../src/runtime/real-env.ts';

const { clock } = realEnv();

/** Where a test double of an API is. */
async function served(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function json(response: ServerResponse, value: unknown): void {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(value));
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString());
}

interface Container {
  readonly Id: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: readonly string[];
  running: boolean;
}

/** A test double of the Docker Engine API, as far as containers are made, started, looked at, stopped and removed. */
async function dockerDouble(t: TestContext, options: { failStart?: boolean } = {}) {
  const containers = new Map<string, Container>();
  const at = await served(t, answer);
  const networks = (id: string) => ({
    NetworkSettings: { Networks: { bridge: { IPAddress: `172.17.0.${id.slice(1)}` } } },
  });
  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, 'http://docker');
    const [, version, , id, verb] = url.pathname.split('/');
    assert.equal(version, 'v1.41');
    if (id === 'json') {
      const { label } = JSON.parse(url.searchParams.get('filters')!) as { label: string[] };
      const [name, value] = label[0].split('=');
      const found = [...containers.values()].filter((one) => one.labels[name] === value && one.running);
      return json(
        response,
        found.map(({ Id }) => ({ Id, ...networks(Id) })),
      );
    }
    if (id === 'create') {
      const wanted = (await bodyOf(request)) as { Labels: Record<string, string>; Env: string[] };
      const Id = `c${containers.size + 2}`;
      containers.set(Id, { Id, labels: wanted.Labels, env: wanted.Env, running: false });
      response.statusCode = 201;
      return json(response, { Id });
    }
    const container = containers.get(id);
    if (container === undefined || (verb === 'start' && options.failStart === true)) {
      response.statusCode = container === undefined ? 404 : 500;
      return json(response, { message: container === undefined ? 'no such container' : 'no space left on device' });
    }
    if (request.method === 'DELETE') containers.delete(id);
    if (verb === 'json') return json(response, { Id: id, ...networks(id) });
    container.running = verb === 'start' ? true : verb === 'stop' ? false : container.running;
    response.statusCode = 204;
    response.end();
  }
  return { containers, url: at };
}

const image = (url: string) => ({
  kind: 'docker' as const,
  image: 'shop:1',
  command: [],
  env: { MODE: 'test' },
  port: 8080,
  network: '',
  stopMs: 1000,
  api: { url, ca: '' },
});

test('docker: containers are made, found again by another process, stopped and removed', async (t) => {
  const { containers, url } = await dockerDouble(t);
  const first = new DockerContainers({ config: image(url), pool: 'api', clock });
  const started = await first.start();
  assert.ok(started.ok, JSON.stringify(started));
  assert.deepEqual(started.value.address, { host: '172.17.0.2', port: 8080 });
  const [made] = containers.values();
  assert.deepEqual([made.labels, made.env], [{ 'evenkeel.autoscale': 'api' }, ['MODE=test', 'PORT=8080']]);
  await first.close();
  const second = new DockerContainers({ config: image(url), pool: 'api', clock });
  assert.ok((await second.refresh()).ok);
  assert.deepEqual(
    second.instances().map(({ address }) => address.host),
    ['172.17.0.2'],
  );
  await second.stop('c2');
  assert.equal(containers.size, 0);
  const other = new DockerContainers({ config: image(url), pool: 'shop', clock });
  await second.start();
  assert.ok((await other.refresh()).ok);
  assert.deepEqual(other.instances(), [], 'those of another pool are not ours');
});

test('docker: a container that does not start is removed, and the reason told', async (t) => {
  const { containers, url } = await dockerDouble(t, { failStart: true });
  const docker = new DockerContainers({ config: image(url), pool: 'api', clock });
  const started = await docker.start();
  assert.ok(!started.ok);
  assert.match(started.error, /answered 500: no space left on device/);
  assert.equal(containers.size, 0);
});

test('kubernetes: the scale subresource is patched', async (t) => {
  const asked: { method: string; url: string; type: string; body: unknown }[] = [];
  const base = await served(t, async (request, response) => {
    const { method = '', url = '', headers } = request;
    asked.push({ method, url, type: headers['content-type'] ?? '', body: await bodyOf(request) });
    if (url.includes('/db/')) response.statusCode = 403;
    json(response, { spec: { replicas: 4 } });
  });
  const api = { url: base, ca: '', tokenFile: '', tokenEnv: '' };
  const scale = new KubernetesScale({ kind: 'kubernetes', namespace: 'shop', resource: 'deployments/web', api }, clock);
  assert.ok((await scale.resize(2, 4)).ok);
  assert.deepEqual(asked, [
    {
      method: 'PATCH',
      url: '/apis/apps/v1/namespaces/shop/deployments/web/scale',
      type: 'application/merge-patch+json',
      body: { spec: { replicas: 4 } },
    },
  ]);
  const refused = new KubernetesScale({ kind: 'kubernetes', namespace: 'db', resource: 'statefulsets/db', api }, clock);
  assert.deepEqual(await refused.resize(1, 2), { ok: false, error: 'answered 403' });
});

test('exec: the hook is told how many, and its failure is told', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-exec-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const command = ['sh', '-c', 'echo "$EVENKEEL_POOL $EVENKEEL_CURRENT $EVENKEEL_DESIRED" > told'];
  const hook = new ExecHook({ kind: 'exec', command, timeoutMs: 5000 }, 'api', folder);
  assert.ok((await hook.resize(2, 5)).ok);
  assert.equal(readFileSync(join(folder, 'told'), 'utf8'), 'api 2 5\n');
  const broken = new ExecHook(
    { kind: 'exec', command: ['sh', '-c', 'echo quota exceeded >&2; exit 4'], timeoutMs: 5000 },
    'api',
    folder,
  );
  assert.deepEqual(await broken.resize(2, 5), { ok: false, error: 'ended with 4: quota exceeded' });
  const slow = new ExecHook({ kind: 'exec', command: ['sleep', '30'], timeoutMs: 100 }, 'api', folder);
  assert.deepEqual(await slow.resize(2, 5), { ok: false, error: 'took longer than 100 ms' });
});
