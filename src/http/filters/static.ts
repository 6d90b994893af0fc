// Owns the filter `static`: files of a folder, and of no other. Every part of a path is decoded once and looked at; links are followed
// as long as they stay inside. Small files are kept in memory and looked at again after a second.

import type { FileHandle } from 'node:fs/promises';
import { open, realpath, stat } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import { LRUCache } from 'lru-cache';
import { lookup } from 'mrmime';
import type { StaticSettings } from '../../config/types.ts';
import { notModified, rangeOf } from '../conditions.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';
import { fieldValue } from '../head-edits.ts';
import type { BodySource } from '../local-upstream.ts';
import { bestEncoding } from '../negotiate.ts';
import { inUri } from './fill.ts';

const KEPT_BYTES = 64 * 1024 * 1024;
const MOST_KEPT = 128 * 1024;
const FRESH_MS = 1000;
/** No system has names of files that long. */
const LONGEST_PATH = 4096;
const PIECE = 256 * 1024;
const CODINGS = [
  ['br', '.br'],
  ['zstd', '.zst'],
  ['gzip', '.gz'],
] as const;

interface Found {
  readonly path: string;
  readonly size: number;
  readonly modified: number;
  readonly etag: string;
  readonly lines: string;
  /** Undefined: read when it is asked for. */
  readonly body: Buffer | undefined;
  checkedAt: number;
}

class Files {
  readonly #kept = new LRUCache<string, Found>({
    maxSize: KEPT_BYTES,
    sizeCalculation: (one, key) => 512 + key.length + one.lines.length + one.path.length + (one.body?.length ?? 0),
  });

  get(key: string): Found | undefined {
    return this.#kept.get(key);
  }

  set(key: string, found: Found): void {
    this.#kept.set(key, found);
  }

  close(): void {
    this.#kept.clear();
  }
}

export const staticFiles: FilterKind<StaticSettings> = {
  name: 'static',
  build(settings, { env, resources, count }): Filter {
    const { root, index, precompressed, cacheControl, fallback, passMissing, hidden } = settings;
    const files = resources.get(`static ${JSON.stringify(settings)}`, () => new Files());
    const missing: Verdict = passMissing ? undefined : { status: 404, code: 'not-found' };
    const answer = (request: FilterRequest, found: Found): Verdict | Promise<Verdict> => {
      count('answered');
      if (notModified(request, found.etag, found.modified)) return { status: 304, fields: found.lines };
      const range = rangeOf(request, found.size, found.etag, found.modified);
      if (range === 'none') return { status: 416, fields: `Content-Range: bytes */${found.size}\r\n`, body: '' };
      const [from, to] = range ?? [0, found.size];
      const status = range === undefined ? 200 : 206;
      const fields =
        range === undefined ? found.lines : `${found.lines}Content-Range: bytes ${from}-${to - 1}/${found.size}\r\n`;
      if (found.body !== undefined) return { status, fields, body: found.body.subarray(from, to) };
      if (request.isHead) return { status, fields, stream: nothing(to - from) };
      return open(found.path).then(
        (handle): Verdict => ({ status, fields, stream: new FileSource(handle, from, to) }),
        () => missing,
      );
    };
    const fresh = (key: string): Found | undefined => {
      const kept = files.get(key);
      return kept !== undefined && env.clock.now() - kept.checkedAt < FRESH_MS ? kept : undefined;
    };
    const load = async (key: string, names: readonly string[], coding: string): Promise<Found | undefined> => {
      const inside = await realpath(root);
      for (const name of names) {
        const found = await read(inside, name, coding, cacheControl, precompressed);
        if (found === undefined) continue;
        found.checkedAt = env.clock.now();
        files.set(key, found);
        return found;
      }
      return undefined;
    };
    const find = async (key: string, parts: readonly string[], coding: string): Promise<Found | undefined> => {
      const found = await load(key, candidates(parts, index), coding);
      if (found !== undefined || fallback === '') return found;
      // Kept once, not for each path that is not there: anybody can think of more of those. No path is written like this key.
      const shared = `${coding} ?`;
      return fresh(shared) ?? load(shared, [fallback], coding);
    };
    return {
      onRequest(request) {
        if (request.method !== 'GET' && request.method !== 'HEAD') {
          if (passMissing) return undefined;
          return { status: 405, code: 'method-not-allowed', fields: 'Allow: GET, HEAD\r\n' };
        }
        const parts = partsOf(request.path, hidden);
        if (parts === undefined) return missing;
        const accept = precompressed ? request.header('accept-encoding') : undefined;
        const coding = accept === undefined ? '' : bestEncoding(accept, ['br', 'zstd', 'gzip']);
        const key = `${coding} ${request.path}`;
        const kept = fresh(key);
        if (kept !== undefined) return answer(request, kept);
        return find(key, parts, coding).then(
          (found) => {
            if (found !== undefined) return answer(request, found);
            return isFolder(root, parts).then((is) => (is ? { status: 301, location: folderOf(request) } : missing));
          },
          () => missing,
        );
      },
    };
  },
};

/** Names of folders and files; undefined when one of them is none that may be asked for. */
function partsOf(path: string, hidden: boolean): readonly string[] | undefined {
  if (path.length > LONGEST_PATH) return undefined;
  const parts: string[] = [];
  for (const raw of path.split('/').slice(1)) {
    let part: string;
    try {
      part = decodeURIComponent(Buffer.from(raw, 'latin1').toString('utf8'));
    } catch {
      return undefined;
    }
    if (part === '..' || part === '.' || /[/\\\x00-\x1f]/.test(part)) return undefined;
    if (part.startsWith('.') && part !== '.well-known' && !hidden) return undefined;
    parts.push(part);
  }
  return parts;
}

function candidates(parts: readonly string[], index: readonly string[]): readonly string[] {
  const isFolder = parts.at(-1) === '';
  const base = isFolder ? parts.slice(0, -1) : parts;
  return isFolder ? index.map((name) => join(...base, name)) : [join(...base)];
}

async function read(
  inside: string,
  name: string,
  coding: string,
  cacheControl: string,
  precompressed: boolean,
): Promise<Found | undefined> {
  const suffix = CODINGS.find(([known]) => known === coding)?.[1];
  const plain = join(inside, name);
  const coded = suffix === undefined ? undefined : await regular(inside, plain + suffix);
  const chosen = coded ?? (await regular(inside, plain));
  if (chosen === undefined) return undefined;
  const { path, size, mtimeMs } = chosen;
  const modified = Math.floor(mtimeMs / 1000) * 1000;
  const etag = `"${Math.floor(mtimeMs).toString(36)}-${size.toString(36)}${coded === undefined ? '' : `-${coding}`}"`;
  const type = lookup(extname(name)) ?? 'application/octet-stream';
  const text = /^text\/|json$|javascript$|xml$/.test(type) ? `${type}; charset=utf-8` : type;
  let lines = `Content-Type: ${text}\r\nETag: ${etag}\r\nLast-Modified: ${new Date(modified).toUTCString()}\r\nAccept-Ranges: bytes\r\n`;
  if (cacheControl !== '') lines += `Cache-Control: ${fieldValue(cacheControl)}\r\n`;
  if (precompressed) lines += 'Vary: Accept-Encoding\r\n';
  if (coded !== undefined) lines += `Content-Encoding: ${coding}\r\n`;
  const body = size <= MOST_KEPT ? await whole(path, size) : undefined;
  return { path, size, modified, etag, lines, body, checkedAt: 0 };
}

/** Somebody left out the slash behind a folder. */
async function isFolder(root: string, parts: readonly string[]): Promise<boolean> {
  if (parts.at(-1) === '') return false;
  try {
    return (await stat(join(root, ...parts))).isDirectory();
  } catch {
    return false;
  }
}

/** One slash at the beginning: two would name a host. */
function folderOf(request: FilterRequest): string {
  return `${inUri(request.path).replace(/^\/+/, '/')}/${request.query === '' ? '' : `?${inUri(request.query)}`}`;
}

/** A file, links followed, that lies inside. */
async function regular(
  inside: string,
  name: string,
): Promise<{ path: string; size: number; mtimeMs: number } | undefined> {
  try {
    const path = await realpath(name);
    if (!path.startsWith(inside.endsWith(sep) ? inside : inside + sep)) return undefined;
    const info = await stat(path);
    return info.isFile() ? { path, size: info.size, mtimeMs: info.mtimeMs } : undefined;
  } catch {
    return undefined;
  }
}

async function whole(path: string, size: number): Promise<Buffer | undefined> {
  const handle = await open(path);
  try {
    const bytes = Buffer.allocUnsafeSlow(size);
    const { bytesRead } = await handle.read(bytes, 0, size, 0);
    return bytesRead === size ? bytes : undefined;
  } finally {
    await handle.close();
  }
}

class FileSource implements BodySource {
  readonly length: number;
  readonly #handle: FileHandle;
  readonly #to: number;
  #at: number;
  #closed = false;

  constructor(handle: FileHandle, from: number, to: number) {
    this.#handle = handle;
    this.#at = from;
    this.#to = to;
    this.length = to - from;
  }

  async read(): Promise<Buffer | undefined> {
    const bytes = Buffer.allocUnsafeSlow(Math.min(PIECE, this.#to - this.#at));
    const { bytesRead } = await this.#handle.read(bytes, 0, bytes.length, this.#at);
    if (bytesRead === 0) return undefined;
    this.#at += bytesRead;
    return bytes.subarray(0, bytesRead);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    void this.#handle.close().catch(() => undefined);
  }
}

function nothing(length: number): BodySource {
  return { length, read: () => Promise.resolve(undefined), close: () => undefined };
}
