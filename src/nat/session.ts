// Owns the `nft` process that the table belongs to. The kernel deletes a table with the flag `owner` when the process that
// made it ends, and lets nobody else change it: so a crash leaves no rules behind, and a `flush ruleset` of somebody else
// leaves ours. One `nft -i` lives as long as we do and is told one transaction at a time, in order.

import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { nftError } from './nft.ts';

export interface SessionOptions {
  readonly nft: string;
  /** Scripts pass through here: large ones load four times as fast from a file. */
  readonly folder: string;
  readonly clock: Clock;
  /** It ended without being asked to: the table is gone. */
  readonly onDeath: (reason: string) => void;
}

/** A transaction takes a second at most; a process that does not answer is of no use. */
const LONGEST_MS = 30_000;
/** Service managers signal every process of a service: we drain then, and the table must stay until we are done. */
const SCRIPT = 'trap "" TERM INT HUP; exec "$0" -i';

export class NftSession {
  readonly #options: SessionOptions;
  readonly #child: ChildProcessByStdio<Writable, null, Readable>;
  readonly #ended: Promise<void>;
  #turn: Promise<unknown> = Promise.resolve();
  #stderr = '';
  #wake: () => void = () => undefined;
  #number = 0;
  #gone = false;
  #closing = false;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, options.nft], {
      stdio: ['pipe', 'ignore', 'pipe'],
      // Ctrl-C in a terminal is for us as well. No history file.
      detached: true,
      env: { PATH: process.env.PATH, HOME: options.folder },
    });
    this.#child.stderr.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
      this.#wake();
    });
    this.#child.stdin.on('error', () => undefined);
    this.#ended = new Promise((resolve) => {
      const end = (reason: string): void => {
        if (this.#gone) return;
        this.#gone = true;
        resolve();
        this.#wake();
        if (!this.#closing) options.onDeath(reason);
      };
      this.#child.once('error', (error) => end(error.message));
      this.#child.once('close', (code, signal) => end(`it ended with ${signal ?? `exit code ${code}`}`));
    });
  }

  /** One transaction: all of the script, or an error and nothing of it. */
  run(script: string): Promise<Result<void, string>> {
    const result = this.#turn.then(() => this.#run(script));
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #run(script: string): Promise<Result<void, string>> {
    const file = join(this.#options.folder, 'transaction.nft');
    try {
      await writeFile(file, script, { mode: 0o600 });
    } catch (error) {
      return err(`cannot write ${file}: ${(error as Error).message}`);
    }
    const mark = `evenkeel_${++this.#number}_done`;
    this.#stderr = '';
    // Interactive nft answers nothing after a success. A line it cannot read makes it say that it has come so far.
    this.#child.stdin.write(`include "${file}"\n${mark}\n`);
    const answered = await this.#until(mark);
    await rm(file, { force: true });
    if (!answered) return err(this.#gone ? 'nft ended' : `nft did not answer within ${LONGEST_MS / 1000} s`);
    const said = this.#stderr.slice(0, this.#stderr.indexOf(mark)).replace(/[^\n]*\n[^\n]*$/, '');
    return said.includes('Error: ') ? err(nftError(said)) : ok(undefined);
  }

  async #until(mark: string): Promise<boolean> {
    let late = false;
    const timer = this.#options.clock.after(LONGEST_MS, () => {
      late = true;
      this.#child.kill('SIGKILL');
      this.#wake();
    });
    while (!this.#stderr.includes(mark) && !this.#gone && !late) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    timer.cancel();
    return this.#stderr.includes(mark);
  }

  /** The table goes with it. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#turn;
    this.#child.stdin.end();
    await this.#ended;
  }
}
