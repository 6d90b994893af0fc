// Owns keeping the databases in step with their files: read at the start, read again when a file changes, and the last good
// ones kept when the new ones cannot be used. Main thread only; threads get the files and open them themselves.
//
//   start: read, opened ─▶ good ──a file changed──▶ read, opened ─▶ good, told
//            └ a reason        ▲                        └ a problem, told; the last good ones stay ┐
//                              └───────────────────────────────────────────────────────────────────┘

import { stat } from 'node:fs/promises';
import type { GeoConfig } from '../config/types/geo.ts';
import { err, ok, type Result } from '../core/result.ts';
import { GeoDatabase } from './database.ts';
import { type GeoFile, geoPaths, readGeoFiles } from './files.ts';

export interface GeoSourceOptions {
  readonly config: GeoConfig;
  /** There are other files now; those who look up open them. */
  readonly onChange: (files: readonly GeoFile[]) => void;
  readonly onProblem: (reason: string) => void;
  /** How often files are looked at. By polling: that sees a rename as well as a write, on every file system. */
  readonly pollMs?: number;
}

const POLL_MS = 5000;

export class GeoSource {
  readonly #options: GeoSourceOptions;
  #files: readonly GeoFile[];
  #database: GeoDatabase;
  /** Of the files as they were before they were read last: a change while they are read is seen as well. */
  #stamp: string;
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: GeoSourceOptions, files: readonly GeoFile[], database: GeoDatabase, stamp: string) {
    this.#options = options;
    this.#files = files;
    this.#database = database;
    this.#stamp = stamp;
    this.#poll();
  }

  static async start(options: GeoSourceOptions): Promise<Result<GeoSource, string>> {
    const stamp = await stampOf(options.config);
    const read = await readAndOpen(options.config);
    if (!read.ok) return err(`geo: ${read.error}`);
    return ok(new GeoSource(options, read.value.files, read.value.database, stamp));
  }

  #poll(): void {
    this.#timer = setTimeout(() => void this.#look(), this.#options.pollMs ?? POLL_MS);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#options.config);
    if (stamp !== this.#stamp) await this.refresh();
    if (!this.#closed) this.#poll();
  }

  /** For other threads. */
  get files(): readonly GeoFile[] {
    return this.#files;
  }

  /** For this thread. */
  get database(): GeoDatabase {
    return this.#database;
  }

  /** Reads the files anew. What cannot be used changes nothing. */
  refresh(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#refresh());
    return this.#turn;
  }

  async #refresh(): Promise<void> {
    if (this.#closed) return;
    this.#stamp = await stampOf(this.#options.config);
    const read = await readAndOpen(this.#options.config);
    if (this.#closed) return;
    if (!read.ok) return this.#options.onProblem(`geo: ${read.error}; the last good data stay in use`);
    this.#files = read.value.files;
    this.#database = read.value.database;
    this.#options.onChange(this.#files);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }
}

async function readAndOpen(
  config: GeoConfig,
): Promise<Result<{ readonly files: readonly GeoFile[]; readonly database: GeoDatabase }, string>> {
  const files = await readGeoFiles(config);
  if (!files.ok) return files;
  const database = GeoDatabase.open(files.value);
  return database.ok ? ok({ files: files.value, database: database.value }) : database;
}

/** Tells whether any of the files is another, was written to, or came or went. */
async function stampOf(config: GeoConfig): Promise<string> {
  const paths = geoPaths(config);
  if (!paths.ok) return '';
  const stamps = await Promise.all(
    paths.value.map((path) =>
      stat(path).then(
        ({ mtimeMs, size, ino }) => `${mtimeMs}:${size}:${ino}`,
        () => 'absent',
      ),
    ),
  );
  return stamps.join(' ');
}
