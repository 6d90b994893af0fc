// Owns making the files that browsers load out of the sources of the dashboard. Used by the build, and by a clone of the repository
// at the first request; the published package has the files already, and neither sources nor bundler.

import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';

const ENTRIES = ['src/main.tsx', 'src/theme.ts', 'style/style.css'];
const COPIED = ['index.html', 'icon.svg'];

/** By file name. `folder` holds the sources. */
export async function bundleDashboard(folder: string): Promise<ReadonlyMap<string, Uint8Array<ArrayBuffer>>> {
  const { build } = await import('esbuild');
  const { outputFiles, metafile } = await build({
    absWorkingDir: folder,
    entryPoints: ENTRIES,
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outdir: 'out',
    bundle: true,
    splitting: true,
    format: 'esm',
    target: ['es2022'],
    jsx: 'automatic',
    jsxImportSource: 'preact',
    minify: true,
    write: false,
    metafile: true,
    legalComments: 'none',
    logLevel: 'silent',
  });
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const { path, contents } of outputFiles) files.set(basename(path), new Uint8Array(contents));
  for (const name of COPIED) files.set(name, new Uint8Array(readFileSync(join(folder, name))));
  const text = licences(Object.keys(metafile.inputs).map((path) => join(folder, path)));
  files.set('licences.txt', new TextEncoder().encode(text));
  return files;
}

/** What the authors of bundled libraries want to be kept with them. */
function licences(inputs: readonly string[]): string {
  const mark = 'node_modules/';
  const packages = new Map<string, string>();
  for (const path of inputs) {
    const at = path.lastIndexOf(mark);
    if (at < 0) continue;
    const parts = path.slice(at + mark.length).split('/');
    const name = parts.slice(0, parts[0].startsWith('@') ? 2 : 1).join('/');
    packages.set(name, path.slice(0, at + mark.length) + name);
  }
  return [...packages]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, folder]) => {
      const file = ['LICENSE', 'LICENSE.md', 'LICENSE.txt'].map((one) => join(folder, one)).find(existsSync);
      return `== ${name}\n\n${file === undefined ? 'no text of a licence came with it\n' : readFileSync(file, 'utf8')}`;
    })
    .join('\n');
}
