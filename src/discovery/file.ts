// Owns endpoints from a file: YAML or JSON, a list as in a configuration or groups as Prometheus' file_sd has them. Any stir in
// its folder is looked into; it is looked at now and then as well, for file systems that stir nobody. A file that is being
// written counts once it stays the same.

import { type FSWatcher, watch } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { FileDiscover } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { DiscoveryKind, Look, Source, SourceTools } from './discovery.ts';
import { readList } from './entries.ts';

const MOST_BYTES = 16 * 1024 * 1024;
const SETTLE_MS = 50;
const MOST_SETTLES = 40;

export const file: DiscoveryKind<FileDiscover> = {
  name: 'file',
  build: (config, tools) => new FileSource(config, tools),
};

class FileSource implements Source {
  readonly #config: FileDiscover;
  readonly #path: string;
  readonly #tools: SourceTools;
  #watcher: FSWatcher | undefined;
  /** Of what was read last. */
  #stamp = '';

  constructor(config: FileDiscover, tools: SourceTools) {
    this.#config = config;
    this.#path = resolve(tools.folder, config.path);
    this.#tools = tools;
  }

  async look(): Promise<Result<Look, string>> {
    this.#watch();
    const stamp = await this.#settled();
    if (!stamp.ok) return stamp;
    const againMs = this.#config.intervalMs;
    if (stamp.value === this.#stamp) return ok({ endpoints: undefined, againMs });
    const text = await readBounded(this.#path);
    if (!text.ok) return text;
    const endpoints = readList(parsed(text.value), this.#config.defaults);
    if (!endpoints.ok) return endpoints;
    this.#stamp = stamp.value;
    return ok({ endpoints: endpoints.value, againMs });
  }

  close(): void {
    this.#watcher?.close();
  }

  /** At the start there is nothing to settle: it was written long ago. */
  async #settled(): Promise<Result<string, string>> {
    let last = await stampOf(this.#path);
    if (this.#stamp === '' || !last.ok || last.value === this.#stamp) return last;
    for (let i = 0; i < MOST_SETTLES; i++) {
      await pause(this.#tools.env.clock, SETTLE_MS);
      const now = await stampOf(this.#path);
      if (!now.ok || (last.ok && now.value === last.value)) return now;
      last = now;
    }
    return err('is being written all the time');
  }

  #watch(): void {
    if (this.#watcher !== undefined) return;
    try {
      const watcher = watch(dirname(this.#path), { persistent: false }, () => this.#tools.wake());
      this.#watcher = watcher;
      watcher.on('error', () => {
        watcher.close();
        this.#watcher = undefined;
      });
    } catch {
      // No such folder, or too many watches: the interval remains.
    }
  }
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((done) => clock.after(ms, done));
}

async function stampOf(path: string): Promise<Result<string, string>> {
  try {
    const { size, mtimeMs, ctimeMs, ino } = await stat(path);
    if (size > MOST_BYTES) return err('is larger than 16 MiB');
    return ok(`${size} ${mtimeMs} ${ctimeMs} ${ino}`);
  } catch (error) {
    return err(unreadable(error));
  }
}

async function readBounded(path: string): Promise<Result<string, string>> {
  try {
    const handle = await open(path);
    try {
      return (await handle.stat()).isFile() ? ok(await handle.readFile('utf8')) : err('is no file');
    } finally {
      await handle.close();
    }
  } catch (error) {
    return err(unreadable(error));
  }
}

function unreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' ? 'does not exist' : `cannot be read: ${code ?? 'unknown error'}`;
}

/** Undefined when it is neither. JSON is tried first: a long list is read many times faster that way. */
function parsed(text: string): unknown {
  if (/^\s*[[{]/.test(text)) {
    try {
      return JSON.parse(text);
    } catch {
      // YAML may begin like that as well.
    }
  }
  return plainList(text) ?? yaml(text);
}

function yaml(text: string): unknown {
  try {
    return parse(text, { maxAliasCount: 100 }) as unknown;
  } catch {
    return undefined;
  }
}

/** A list of bare addresses, which needs no parser: ten thousand of them would hold the thread up for long. */
function plainList(text: string): string[] | undefined {
  const list: string[] = [];
  for (const line of text.split('\n')) {
    if (/^\s*(#.*)?$/.test(line)) continue;
    const match = /^- ([A-Za-z0-9][A-Za-z0-9._-]*:\d{1,5})\s*$/.exec(line);
    if (match === null) return undefined;
    list.push(match[1]);
  }
  return list.length > 0 ? list : undefined;
}
