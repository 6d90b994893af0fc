// Owns everything a measurement starts on this machine: processes (ended by pid, with their children) and temp folders.
// Whatever way a run ends (done, error, Ctrl-C), nothing of it stays behind.

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { processTree } from './proc.ts';

const GRACE_MS = 2000;

export interface Started {
  readonly pid: number;
  readonly child: ChildProcess;
  /** What it wrote on stderr and stdout, the newest 4 KiB. */
  output(): string;
}

export class Scope {
  readonly #running = new Set<Started>();
  readonly #folders = new Set<string>();

  /** Starts a program on the given cores, such as "0" or "0,1". taskset becomes the program: the pid is its own. */
  start(cores: string, program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Started {
    const child = spawn('taskset', ['-c', cores, program, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    let text = '';
    const take = (chunk: Buffer): void => {
      text = (text + chunk.toString()).slice(-4096);
    };
    child.stdout.on('data', take);
    child.stderr.on('data', take);
    child.once('error', (error) => take(Buffer.from(error.message)));
    const started = { pid: child.pid ?? 0, child, output: () => text };
    this.#running.add(started);
    child.once('exit', () => this.#running.delete(started));
    return started;
  }

  /** Runs a program to its end and returns its stdout. */
  run(cores: string, program: string, args: readonly string[], timeoutMs: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const child = execFile(
        'taskset',
        ['-c', cores, program, ...args],
        { timeout: timeoutMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
        (error, stdout, stderr) => {
          this.#running.delete(started);
          if (error) reject(new Error(`${program}: ${error.message.slice(0, 500)}\n${stderr.slice(-500)}`));
          else resolve(stdout);
        },
      );
      const started = { pid: child.pid ?? 0, child, output: () => '' };
      this.#running.add(started);
    });
  }

  /** A folder that other users' processes may read: servers started as root give up being root. */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-bench-'));
    chmodSync(folder, 0o755);
    this.#folders.add(folder);
    return folder;
  }

  async stop(started: Started): Promise<void> {
    const { child, pid } = started;
    if (pid === 0 || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    const tree = processTree(pid);
    child.kill('SIGTERM');
    const late = setTimeout(() => killAll(tree), GRACE_MS);
    await gone;
    clearTimeout(late);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#running].map((started) => this.stop(started)));
    this.#removeFolders();
  }

  /** For the last moment, when nothing can be awaited any more. */
  closeNow(): void {
    for (const { pid } of this.#running) if (pid > 0) killAll(processTree(pid));
    this.#running.clear();
    this.#removeFolders();
  }

  #removeFolders(): void {
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
    this.#folders.clear();
  }
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // Gone already.
    }
  }
}
