// Owns running the named checks of a service: all at once, each with a timeout, one run shared by everybody who asks
// meanwhile (many balancers probe one backend). A check that hangs or throws counts as failed and never takes the service
// down with it.

/** Passes unless it returns false, throws, rejects or takes too long. `signal` aborts at the timeout. */
export type Check = (signal: AbortSignal) => unknown;
export type Checks = Readonly<Record<string, Check>>;

export interface HealthReport {
  readonly status: 'healthy' | 'unhealthy' | 'draining';
  readonly checks?: Readonly<Record<string, boolean>>;
}

export interface CheckRunnerOptions {
  readonly checks: Checks;
  readonly timeoutMs: number;
  readonly cacheMs: number;
  readonly onFailure?: ((name: string, error: unknown) => void) | undefined;
}

export class CheckRunner {
  readonly #options: CheckRunnerOptions;
  #running: Promise<HealthReport> | undefined;
  #last: { readonly report: HealthReport; readonly at: number } | undefined;

  constructor(options: CheckRunnerOptions) {
    this.#options = options;
  }

  report(): Promise<HealthReport> {
    if (this.#running) return this.#running;
    if (this.#last && performance.now() - this.#last.at < this.#options.cacheMs) {
      return Promise.resolve(this.#last.report);
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #run(): Promise<HealthReport> {
    const names = Object.keys(this.#options.checks);
    const results = await Promise.all(names.map((name) => this.#one(name)));
    const status = results.every((passed) => passed) ? 'healthy' : 'unhealthy';
    const report: HealthReport = { status, checks: Object.fromEntries(names.map((name, i) => [name, results[i]])) };
    this.#last = { report, at: performance.now() };
    return report;
  }

  async #one(name: string): Promise<boolean> {
    const { checks, timeoutMs } = this.#options;
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => {
        const error = new Error(`check "${name}" took longer than ${timeoutMs} ms`);
        controller.abort(error);
        reject(error);
      }, timeoutMs);
    });
    try {
      // Inside an async function, so that a check that throws at once is the same as one that rejects.
      const result = await Promise.race([(async () => checks[name](controller.signal))(), late]);
      if (result === false) throw new Error(`check "${name}" returned false`);
      return true;
    } catch (error) {
      this.#tell(name, error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  #tell(name: string, error: unknown): void {
    try {
      this.#options.onFailure?.(name, error);
    } catch {
      // A broken logger must not make a healthy service look down, nor crash it.
    }
  }
}
