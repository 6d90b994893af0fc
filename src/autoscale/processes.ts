// Owns copies of a command on this machine, each on a free port of its own. One that ends by itself is gone, and is told; one that ends
// again and again is started less and less often.

import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { ProcessesConfig } from './configs.ts';
import type { Instance, InstanceProvider } from './provider.ts';

export interface ProcessesOptions {
  readonly config: ProcessesConfig;
  /** Where relative paths begin. */
  readonly folder: string;
  readonly clock: Clock;
  /** One ended that nobody stopped; what it said last, for the log. */
  readonly onExit: (instance: Instance, how: string) => void;
}

interface Copy extends Instance {
  readonly child: ChildProcess;
  readonly startedAt: number;
  stopping: boolean;
  gone: Promise<void>;
}

/** A copy ends with the balancer, also when that is killed; where there is no such program, it stays. */
const SETPRIV = '/usr/bin/setpriv';
const LEASH: readonly string[] = existsSync(SETPRIV) ? [SETPRIV, '--pdeathsig', 'TERM', '--'] : [];
/** One that lived so long did not fail at the start. */
const LIVED_MS = 10_000;
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 60_000;
const LAST_WORDS = 500;

export class Processes implements InstanceProvider {
  readonly picks = true;
  readonly #options: ProcessesOptions;
  readonly #copies = new Map<string, Copy>();
  #pauseMs = 0;
  #notBefore = 0;
  #closed = false;

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  instances(): readonly Instance[] {
    return [...this.#copies.values()].filter(({ stopping }) => !stopping);
  }

  /** Copies that end soon after their start are started less and less often. */
  waits(): string {
    return this.#options.clock.now() < this.#notBefore
      ? 'instances end soon after their start: the next try waits'
      : '';
  }

  async start(): Promise<Result<Instance, string>> {
    const { config, folder, clock } = this.#options;
    const port = await freePort();
    if (this.#closed) return err('closing');
    const [program, ...args] = config.command.map((word) => word.replaceAll('${port}', String(port)));
    const [first, ...others] = [...LEASH, program, ...args];
    const child = spawn(first, others, {
      cwd: config.folder === '' ? folder : config.folder,
      env: { ...process.env, ...config.env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let lastWords = '';
    child.stderr.on('data', (chunk: Buffer) => {
      lastWords = (lastWords + chunk.toString()).slice(-LAST_WORDS);
    });
    const id = String(child.pid ?? `port-${port}`);
    const copy: Copy = {
      id,
      address: { host: '127.0.0.1', port },
      child,
      startedAt: clock.now(),
      stopping: false,
      gone: Promise.resolve(),
    };
    return await new Promise((resolve) => {
      copy.gone = new Promise((gone) => {
        child.once('error', (error) => {
          gone();
          resolve(err(`it cannot be started: ${error.message}`));
        });
        child.once('exit', (code, signal) => {
          gone();
          this.#ended(copy, `${signal ?? `exit code ${code}`}${lastWords === '' ? '' : `: ${lastWords.trim()}`}`);
        });
      });
      child.once('spawn', () => {
        this.#copies.set(id, copy);
        resolve(ok(copy));
      });
    });
  }

  async stop(id: string): Promise<void> {
    const copy = this.#copies.get(id);
    if (copy === undefined) return;
    if (copy.stopping) return copy.gone;
    copy.stopping = true;
    copy.child.kill('SIGTERM');
    const timer = this.#options.clock.after(this.#options.config.stopMs, () => copy.child.kill('SIGKILL'));
    await copy.gone;
    timer.cancel();
  }

  /** At once, without a word: the balancer itself is being ended. */
  kill(): void {
    this.#closed = true;
    for (const { child } of this.#copies.values()) child.kill('SIGKILL');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#copies.keys()].map((id) => this.stop(id)));
  }

  #ended(copy: Copy, how: string): void {
    if (!this.#copies.delete(copy.id) || copy.stopping) return;
    const { clock, onExit } = this.#options;
    const lived = clock.now() - copy.startedAt;
    this.#pauseMs = lived > LIVED_MS ? 0 : Math.min(LONGEST_PAUSE_MS, Math.max(FIRST_PAUSE_MS, this.#pauseMs * 2));
    this.#notBefore = clock.now() + this.#pauseMs;
    onExit(copy, how);
  }
}

/** Nobody else has it right now; who takes it meanwhile makes the copy fail, and the next one has another. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
