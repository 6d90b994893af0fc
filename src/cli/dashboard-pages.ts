// Owns finding the pages of the dashboard: as they were built for the package, or built in memory where only the sources are.

import { readFile } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Pages } from '../admin/context.ts';

const BUILT = new URL('../../dist/dashboard/', import.meta.url);
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
};

export function dashboardPages(): Pages {
  return async (path) => {
    if (!/^[\w-]+(?:\.[\w-]+)+$/.test(path)) return undefined;
    try {
      const body = await readFile(fileURLToPath(new URL(path, BUILT)));
      return { type: TYPES[extname(path)] ?? 'application/octet-stream', body: new Uint8Array(body) };
    } catch {
      return undefined;
    }
  };
}
