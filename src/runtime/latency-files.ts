// Owns measurements that come in files: read at the start, and again when a file changes. A file that is missing or damaged
// takes nothing away, as measurements are only ever better than none: it is told, and read once it is good.

import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { err, ok, type Result } from '../core/result.ts';
import type { LatencyEntry } from '../steering/latency-map.ts';
import { networkKey } from '../steering/latency-network.ts';

export interface LatencyFilesOptions {
  readonly paths: readonly string[];
  /** Wall-clock ms, as the times of files are. */
  readonly epoch: () => number;
  readonly onRead: (path: string, read: Result<readonly LatencyEntry[], string>) => void;
  readonly pollMs?: number;
}

const POLL_MS = 5000;
const MOST_BYTES = 32 * 1024 * 1024;
const MOST_MS = 60_000;

export class LatencyFiles {
  readonly #options: LatencyFilesOptions;
  readonly #watched: (readonly [path: string, listener: StatsListener])[] = [];
  #closed = false;

  constructor(options: LatencyFilesOptions) {
    this.#options = options;
    for (const path of options.paths) {
      const listener: StatsListener = (now, before) => {
        if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) void this.#read(path);
      };
      // By polling: that sees a rename as well as a write, on every file system.
      watchFile(path, { persistent: false, interval: options.pollMs ?? POLL_MS }, listener);
      this.#watched.push([path, listener]);
      void this.#read(path);
    }
  }

  async #read(path: string): Promise<void> {
    const read = await readLatencyFile(path, this.#options.epoch());
    if (!this.#closed) this.#options.onRead(path, read);
  }

  close(): void {
    this.#closed = true;
    for (const [path, listener] of this.#watched) unwatchFile(path, listener);
  }
}

/** Measurements are as old as the file, and by their own age older. The error is for a person. */
export async function readLatencyFile(path: string, epochMs: number): Promise<Result<LatencyEntry[], string>> {
  try {
    const { size, mtimeMs } = await stat(path);
    if (size > MOST_BYTES) return err(`${path} is larger than 32 MiB`);
    const document: unknown = JSON.parse(await readFile(path, 'utf8'));
    const entries = latencyEntries(document, Math.max(0, epochMs - mtimeMs));
    return entries.ok ? entries : err(`${path}${entries.error}`);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (error instanceof SyntaxError) return err(`${path} is no JSON`);
    return err(code === 'ENOENT' ? `there is no file ${path}` : `cannot read ${path}: ${code ?? 'unknown error'}`);
  }
}

/** The error reads on after where it came from. */
export function latencyEntries(document: unknown, ageMs = 0): Result<LatencyEntry[], string> {
  const list = (document as { entries?: unknown } | null)?.entries;
  if (!Array.isArray(list)) return err(' has no list "entries"');
  const entries: LatencyEntry[] = [];
  for (const [i, one] of list.entries()) {
    const entry = entryOf(one, ageMs);
    if (typeof entry === 'string') return err(`: entries[${i}] ${entry}`);
    entries.push(entry);
  }
  return ok(entries);
}

function entryOf(given: unknown, fileAgeMs: number): LatencyEntry | string {
  if (typeof given !== 'object' || given === null) return 'is no group';
  const { network, site, ms, weight = 1, ageMs = 0 } = given as Readonly<Record<string, unknown>>;
  const key = typeof network === 'string' ? networkKey(network) : undefined;
  if (key === undefined) return 'needs a "network" of /24 or /16, or for IPv6 of /48 or /32';
  if (typeof site !== 'string' || site === '') return 'needs a "site"';
  if (typeof ms !== 'number' || !(ms >= 0 && ms <= MOST_MS)) return 'needs "ms" from 0 to 60000';
  if (typeof weight !== 'number' || !(weight > 0)) return 'has a "weight" that is not above 0';
  if (typeof ageMs !== 'number' || !(ageMs >= 0)) return 'has an "ageMs" that is below 0';
  return { network: key, site, ms, weight, ageMs: ageMs + fileAgeMs };
}
