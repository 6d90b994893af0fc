// Owns keeping the databases in step with their files: read at the start, read again when a file changes, and the last good
// ones kept when the new ones cannot be used. Main thread only; threads get the files and open them themselves.
//
//   start: read, opened ─▶ good ──a file changed──▶ read, opened ─▶ good, told
//            └ a reason        ▲                        └ a problem, told; the last good ones stay ┐
//                              └───────────────────────────────────────────────────────────────────┘

import { type StatsListener, unwatchFile, watchFile } from 'node:fs';
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
  readonly #listener: StatsListener = (now, before) => {
    if (now.mtimeMs !== before.mtimeMs || now.size !== before.size || now.ino !== before.ino) void this.refresh();
  };
  #files: readonly GeoFile[];
  #database: GeoDatabase;
  #watched: readonly string[] = [];
  #turn: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: GeoSourceOptions, files: readonly GeoFile[], database: GeoDatabase) {
    this.#options = options;
    this.#files = files;
    this.#database = database;
    const paths = geoPaths(options.config);
    this.#watched = paths.ok ? paths.value : [];
    for (const path of this.#watched)
      watchFile(path, { persistent: false, interval: options.pollMs ?? POLL_MS }, this.#listener);
  }

  static async start(options: GeoSourceOptions): Promise<Result<GeoSource, string>> {
    const read = await readAndOpen(options.config);
    return read.ok ? ok(new GeoSource(options, read.value.files, read.value.database)) : err(`geo: ${read.error}`);
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
    const read = await readAndOpen(this.#options.config);
    if (this.#closed) return;
    if (!read.ok) return this.#options.onProblem(`geo: ${read.error}; the last good data stay in use`);
    this.#files = read.value.files;
    this.#database = read.value.database;
    this.#options.onChange(this.#files);
  }

  close(): void {
    this.#closed = true;
    for (const path of this.#watched) unwatchFile(path, this.#listener);
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
