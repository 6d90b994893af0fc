// Owns the gentle load of the demo: requests at an even rate over a few kept connections, and what became of them.

import { Agent, get } from 'node:http';

export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  readonly failed: number;
  /** Of the newest answers, in ms. */
  readonly p50: number;
  readonly p99: number;
}

const REMEMBERED = 500;
const TICK_MS = 20;

export class DemoLoad {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 64 });
  readonly #url: string;
  readonly #timer: NodeJS.Timeout;
  readonly #recent: number[] = [];
  #sent = 0;
  #answered = 0;
  #failed = 0;
  #stopped = false;

  constructor(port: number, rate: number) {
    this.#url = `http://127.0.0.1:${port}/`;
    const began = performance.now();
    this.#timer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) / 1000) * rate);
      // Timers come late on a busy machine; catching up at once would be a burst nobody asked for.
      for (let i = Math.min(due - this.#sent, 20); i > 0; i--) this.#send();
      if (due > this.#sent) this.#sent = due;
    }, TICK_MS);
  }

  #send(): void {
    this.#sent++;
    const began = performance.now();
    const failed = (): void => {
      if (!this.#stopped) this.#failed++;
    };
    get(this.#url, { agent: this.#agent }, (response) => {
      response.on('error', failed);
      response.resume();
      response.on('end', () => {
        if (response.statusCode !== 200) return failed();
        this.#answered++;
        this.#recent.push(performance.now() - began);
        if (this.#recent.length > REMEMBERED) this.#recent.shift();
      });
    }).on('error', failed);
  }

  report(): LoadReport {
    const sorted = [...this.#recent].sort((a, b) => a - b);
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { sent: this.#sent, answered: this.#answered, failed: this.#failed, p50: at(0.5), p99: at(0.99) };
  }

  stop(): void {
    this.#stopped = true;
    clearInterval(this.#timer);
    this.#agent.destroy();
  }
}
