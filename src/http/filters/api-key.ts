// Owns the filter `api-key`: who holds a key is known by its hash, so that looking it up takes the same time whatever it is.

import { createHash } from 'node:crypto';
import type { ApiKeySettings } from '../../config/types.ts';
import { parameterOf, withoutParameter } from '../../core/query.ts';
import type { Filter, FilterKind } from '../filter.ts';
import { WatchedFile } from './watched-file.ts';

const LONGEST = 512;

export const apiKey: FilterKind<ApiKeySettings> = {
  name: 'api-key',
  build({ keys, file, header, query, hide }, { env, count }): Filter {
    const inline = new Map(Object.entries(keys).map(([name, key]) => [digestOf(key), name]));
    const watched = file === '' ? undefined : new WatchedFile(file, env.clock, keysOf);
    return {
      onRequest(request) {
        const field = request.header(header)?.replace(/^bearer +/i, '');
        const key = field ?? (query === '' ? undefined : parameterOf(request.query, query));
        const digest = key === undefined || key.length > LONGEST ? '' : sha256(key);
        const name = inline.get(digest) ?? watched?.value.get(digest);
        if (name === undefined) {
          count('auth-refused');
          return { status: 401, code: 'unauthorized' };
        }
        count('auth-accepted');
        request.identity = name;
        if (hide) {
          request.edits.remove(header);
          if (query !== '') request.query = withoutParameter(request.query, query);
        }
        return undefined;
      },
      close: () => watched?.close(),
    };
  },
};

function sha256(text: string): string {
  return createHash('sha256').update(text, 'latin1').digest('hex');
}

function digestOf(key: string): string {
  return key.startsWith('sha256:') ? key.slice(7) : sha256(key);
}

/** A name and a key each line. */
function keysOf(text: string): ReadonlyMap<string, string> {
  const keys = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const [name, key] = line.trim().split(/\s+/);
    if (key !== undefined && !name.startsWith('#')) keys.set(digestOf(key), name);
  }
  return keys;
}
