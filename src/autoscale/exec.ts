// Owns a hook: a command that is told how many instances there should be, and makes it so. Discovery finds what comes of it.

import { execFile } from 'node:child_process';
import { err, ok, type Result } from '../core/result.ts';
import type { ExecConfig } from './configs.ts';
import type { SizeProvider } from './provider.ts';

const LAST_WORDS = 300;

export class ExecHook implements SizeProvider {
  readonly picks = false;
  readonly #config: ExecConfig;
  readonly #pool: string;
  readonly #folder: string;

  constructor(config: ExecConfig, pool: string, folder: string) {
    this.#config = config;
    this.#pool = pool;
    this.#folder = folder;
  }

  resize(from: number, to: number): Promise<Result<void, string>> {
    const [program, ...args] = this.#config.command;
    const env = {
      ...process.env,
      EVENKEEL_POOL: this.#pool,
      EVENKEEL_CURRENT: String(from),
      EVENKEEL_DESIRED: String(to),
    };
    return new Promise((resolve) => {
      execFile(program, args, { env, cwd: this.#folder, timeout: this.#config.timeoutMs }, (error, _out, problem) => {
        if (error === null) return resolve(ok(undefined));
        const words = problem
          .trim()
          .replace(/\p{Cc}+/gu, ' ')
          .slice(-LAST_WORDS);
        const how =
          error.killed === true
            ? `took longer than ${this.#config.timeoutMs} ms`
            : `ended with ${error.code ?? 'an error'}`;
        resolve(err(words === '' ? how : `${how}: ${words}`));
      });
    });
  }

  async close(): Promise<void> {}
}
