// Owns finding the pages of the dashboard: bundled in memory at the first request where the sources are (a clone of the repository),
// as they were built where only those are (the package), or a page that says what is missing.

import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pages } from '../admin/context.ts';
import { bundleDashboard } from './dashboard-bundle.ts';

const SOURCES = new URL('../../dashboard/', import.meta.url);
const BUILT = new URL('../../dist/dashboard/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
};
const MISSING = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Evenkeel</title></head>
<body><h1>The dashboard was not built</h1>
<p>In a clone of the repository: <code>npm ci</code> installs what builds it while it is served; <code>npm run build</code> builds it for good.</p>
<p>Everything it would show is in <a href="/api/v1/status">/api/v1/status</a> and <a href="/metrics">/metrics</a> as well.</p>
</body></html>
`;

type Files = ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
let bundled: Promise<Files | undefined> | undefined;

/** Once for the process. Undefined: there is nothing to bundle, or nothing to bundle it with. */
function fromSources(): Promise<Files | undefined> {
  if (!existsSync(new URL('index.html', SOURCES))) return Promise.resolve(undefined);
  bundled ??= bundleDashboard(fileURLToPath(SOURCES)).catch(() => undefined);
  return bundled;
}

export function dashboardPages(): Pages {
  return async (path) => {
    if (!/^[\w-]+(?:\.[\w-]+)+$/.test(path)) return undefined;
    const type = TYPES[extname(path)] ?? 'application/octet-stream';
    const body = (await fromSources())?.get(path) ?? (await built(path));
    if (body !== undefined) return { type, body };
    return path === 'index.html' ? { type: TYPES['.html'], body: new TextEncoder().encode(MISSING) } : undefined;
  };
}

async function built(path: string): Promise<Uint8Array<ArrayBuffer> | undefined> {
  try {
    return new Uint8Array(await readFile(new URL(path, BUILT)));
  } catch {
    return undefined;
  }
}
