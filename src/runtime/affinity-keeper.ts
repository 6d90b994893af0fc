// Owns the keys that seal affinity cookies: from the configuration, from a file that is made when it is missing, or of this process
// alone. A reload reads files again, which is how keys are rotated. Main thread only; workers get keys in the blueprint.

import { randomBytes } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ConfigIssue } from '../config/issues.ts';
import type { Config } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';

const SHORTEST = 16;
const MOST_BYTES = 64 * 1024;

type Keys = Readonly<Record<string, readonly string[]>>;

export class AffinityKeeper {
  readonly #folder: string;
  readonly #log: Log;
  /** Holds as long as the process: cookies sealed with it end with it. */
  readonly #own = freshKey();
  #told = false;

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  /** Keys by pool. */
  async prepare({ pools }: Config): Promise<Result<Keys, ConfigIssue[]>> {
    const keys: Record<string, readonly string[]> = {};
    const passing: string[] = [];
    for (const { name, affinity } of Object.values(pools)) {
      const secrets = affinity?.secrets;
      if (secrets === undefined) continue;
      if (secrets.keysFile !== '') {
        const read = await this.#read(resolve(this.#folder, secrets.keysFile));
        if (!read.ok)
          return err([{ path: ['pools', name, 'affinity', 'keysFile'], message: `cannot be used: ${read.error}` }]);
        keys[name] = read.value;
      } else if (secrets.keys.length > 0) keys[name] = secrets.keys;
      else {
        keys[name] = [this.#own];
        passing.push(name);
      }
    }
    this.#tell(passing);
    return ok(keys);
  }

  #tell(pools: readonly string[]): void {
    if (pools.length === 0 || this.#told) return;
    this.#told = true;
    this.#log.warn(
      `affinity cookies of ${pools.join(', ')} end with this process: no key is configured (affinity.keysFile makes one and keeps it)`,
    );
  }

  async #read(path: string): Promise<Result<readonly string[], string>> {
    try {
      // Whoever comes second finds the file of the first.
      const file = await open(path, 'wx', 0o600);
      try {
        await file.writeFile(`${freshKey()}\n`);
        await file.sync();
      } finally {
        await file.close();
      }
      this.#log.info(`made a key for affinity cookies: ${path}`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') return err(`${path}: ${codeOf(error)}`);
    }
    try {
      const text = await readFile(path, 'utf8');
      if (text.length > MOST_BYTES) return err(`${path} is longer than any list of keys`);
      const lines = text.split(/\r?\n/).map((line) => line.trim());
      const keys = lines.filter((line) => line !== '' && !line.startsWith('#'));
      if (keys.length === 0) return err(`${path} has no key`);
      const short = keys.findIndex((key) => key.length < SHORTEST);
      return short < 0 ? ok(keys) : err(`${path}: key ${short + 1} is shorter than ${SHORTEST} characters`);
    } catch (error) {
      return err(`${path}: ${codeOf(error)}`);
    }
  }
}

/** What they say may have changed though the configuration did not. */
export function hasKeyFiles({ pools }: Config): boolean {
  return Object.values(pools).some(({ affinity }) => (affinity?.secrets?.keysFile ?? '') !== '');
}

function freshKey(): string {
  return randomBytes(32).toString('base64url');
}

function codeOf(error: unknown): string {
  return (error as NodeJS.ErrnoException).code ?? 'unreadable';
}
