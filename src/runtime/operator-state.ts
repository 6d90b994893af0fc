// Owns the file in which operators' words outlive a restart: weights, endpoints that were added or taken away, modes, weights of
// splits. Written whole and swapped in, so that a crash leaves the old one. Without a file words are kept in memory alone, and
// whoever asks is told so.

import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import { err, ok, type Result } from '../core/result.ts';

const mode = z.enum(['ready', 'drain', 'maintenance']);
const text = z.string();
const said = { at: z.number(), note: text };
const state = z.object({
  version: z.literal(1),
  endpoints: z.array(
    z.object({
      id: text,
      pool: text,
      weight: z.number().optional(),
      added: z
        .object({
          address: z.object({ host: text, port: z.number() }),
          weight: z.number(),
          tier: z.number(),
          zone: text,
          maxInFlight: z.number(),
          maxRate: z.number(),
        })
        .optional(),
      removed: z.boolean(),
      ...said,
    }),
  ),
  modes: z.array(z.object({ id: text, mode, ...said })),
  splits: z.array(z.object({ name: text, weights: z.record(text, z.number()), ...said })),
});

export type OperatorWords = Omit<z.output<typeof state>, 'version'>;
export const NO_WORDS: OperatorWords = { endpoints: [], modes: [], splits: [] };

export class OperatorState {
  readonly file: string;
  #writing: Promise<string | undefined> | undefined;
  #next: OperatorWords | undefined;
  #isReleased = false;

  /** '' for no file. */
  constructor(file: string) {
    this.file = file;
  }

  /** No file yet is no words. The error is for a person. */
  async read(): Promise<Result<OperatorWords, string>> {
    if (this.file === '') return ok(NO_WORDS);
    let raw: string;
    try {
      raw = await readFile(this.file, 'utf8');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? ok(NO_WORDS) : err(`${this.file} cannot be read: ${code}`);
    }
    try {
      const parsed = state.safeParse(JSON.parse(raw));
      if (parsed.success) return ok(parsed.data);
    } catch {
      // Said below.
    }
    return err(`${this.file} is damaged or from another version; move it away to start without what operators changed`);
  }

  /** The file is somebody else's from now on: nothing is written any more. */
  release(): void {
    this.#isReleased = true;
  }

  /** Resolves when these words, or newer ones, are on the disk: to what went wrong, or undefined. */
  write(words: OperatorWords): Promise<string | undefined> {
    if (this.file === '' || this.#isReleased) return Promise.resolve(undefined);
    this.#next = words;
    this.#writing ??= this.#drain().finally(() => {
      this.#writing = undefined;
    });
    return this.#writing;
  }

  async #drain(): Promise<string | undefined> {
    let problem: string | undefined;
    while (this.#next !== undefined) {
      const words = this.#next;
      this.#next = undefined;
      problem = await this.#replace(`${JSON.stringify({ version: 1, ...words }, null, 2)}\n`);
    }
    return problem;
  }

  async #replace(text: string): Promise<string | undefined> {
    const beside = `${this.file}.new`;
    try {
      const file = await open(beside, 'w', 0o600);
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(beside, this.file);
      return undefined;
    } catch (error) {
      return `${this.file} cannot be written: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`;
    }
  }
}
