// Owns talking to systemd where it started us: that we serve, reload, stop, which process is the main one, and that we are alive.
// Node has no datagram sockets of the local kind, so `systemd-notify` carries the words; without it nothing is said.

import { execFile } from 'node:child_process';

export class Systemd {
  readonly #listens: boolean;
  readonly #watchdogMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(env: NodeJS.ProcessEnv) {
    this.#listens = (env.NOTIFY_SOCKET ?? '') !== '';
    const isOurs = env.WATCHDOG_PID === undefined || env.WATCHDOG_PID === String(process.pid);
    this.#watchdogMs = this.#listens && isOurs ? Number(env.WATCHDOG_USEC ?? 0) / 1000 : 0;
  }

  /** Serving, as this process: it may have taken over from another one. */
  ready(): void {
    this.#tell('READY=1', `MAINPID=${process.pid}`, 'STATUS=serving');
  }

  stopping(): void {
    this.#tell('STOPPING=1', 'STATUS=draining');
  }

  /** As long as `isAlive` answers, systemd hears so twice as often as it wants to. */
  watch(isAlive: () => Promise<boolean>): void {
    if (this.#watchdogMs <= 0) return;
    const beat = async (): Promise<void> => {
      if (await isAlive()) this.#tell('WATCHDOG=1');
    };
    this.#timer = setInterval(() => void beat(), this.#watchdogMs / 2);
    this.#timer.unref();
    void beat();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #tell(...words: readonly string[]): void {
    if (!this.#listens) return;
    // What it says when it fails is systemd's to log; nothing here depends on it.
    execFile('systemd-notify', [`--pid=${process.pid}`, ...words], () => undefined);
  }
}
