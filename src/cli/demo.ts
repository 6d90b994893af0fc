// Owns `evenkeel demo`: three real servers of different speed, the balancer in front, a gentle load, and a live view. On a
// terminal the viewer kills and revives servers; elsewhere the demo does it by itself and ends with a summary.

import { compile } from '../config/compile.ts';
import { parseDuration } from '../config/units.ts';
import { createLog } from '../observe/log.ts';
import type { Status } from '../runtime/facade.ts';
import { Runtime } from '../runtime/runtime.ts';
import type { CliContext } from './context.ts';
import { DemoBackend } from './demo/backend.ts';
import { DemoLoad } from './demo/load.ts';
import { ShareMeter } from './demo/share-meter.ts';
import { changeLine, plainLine, summary, table } from './demo/view.ts';
import { version } from './version.ts';

export interface DemoOptions {
  readonly balance: string;
  readonly rate: number;
  readonly for?: string;
  readonly plain?: boolean;
}

const SPEEDS_MS = [5, 20, 60];
const FRAME_MS = 250;
const PLAIN_MS = 2000;
const DEFAULT_PLAIN_MS = 30_000;

export async function demo(ctx: CliContext, options: DemoOptions): Promise<void> {
  const forMs = options.for === undefined ? undefined : parseDuration(options.for);
  if (options.for !== undefined && (forMs === undefined || forMs === 0)) {
    ctx.stderr.write(`"${options.for}" is no duration; write it such as 20s\n`);
    return ctx.exit(1);
  }
  if (!Number.isFinite(options.rate) || options.rate < 1 || options.rate > 5000) {
    ctx.stderr.write('--rate must be from 1 to 5000 requests per second\n');
    return ctx.exit(1);
  }
  const live = ctx.stdout.isTTY === true && ctx.stdin.isTTY === true && options.plain !== true;
  const show = await Demo.start(ctx, options);
  try {
    await (live ? show.live(forMs) : show.plain(forMs ?? DEFAULT_PLAIN_MS));
  } finally {
    await show.stop();
  }
}

class Demo {
  readonly #ctx: CliContext;
  readonly #balance: string;
  readonly #backends: readonly DemoBackend[];
  readonly #runtime: Runtime;
  readonly #load: DemoLoad;
  readonly #port: number;
  readonly #startedAt: number;
  readonly #seen = new Set<string>();
  readonly #shares = new ShareMeter();

  private constructor(
    ctx: CliContext,
    balance: string,
    backends: readonly DemoBackend[],
    runtime: Runtime,
    load: DemoLoad,
    port: number,
  ) {
    this.#ctx = ctx;
    this.#balance = balance;
    this.#backends = backends;
    this.#runtime = runtime;
    this.#load = load;
    this.#port = port;
    this.#startedAt = ctx.env.clock.now();
  }

  static async start(ctx: CliContext, { balance, rate }: DemoOptions): Promise<Demo> {
    const backends = await Promise.all(SPEEDS_MS.map((ms) => DemoBackend.start(ms, ctx.env.random)));
    const compiled = compile({
      workers: 1,
      listeners: { web: { bind: '127.0.0.1:0', pool: 'demo' } },
      pools: {
        demo: {
          balance,
          endpoints: backends.map((backend) => `127.0.0.1:${backend.port}`),
          health: { http: '/health', interval: '1s', pendingInterval: '300ms', timeout: '500ms', rise: 2, fall: 2 },
        },
      },
    });
    if (!compiled.ok) throw new Error(compiled.error.map((issue) => issue.message).join('; '));
    const log = createLog({ write: () => undefined, human: true, epoch: ctx.env.clock.epoch });
    const runtime = new Runtime({ env: ctx.env, log, workers: 1, version: version() });
    const applied = await runtime.apply(compiled.value);
    if (!applied.ok) throw new Error(applied.error.map((issue) => issue.message).join('; '));
    const { port } = (await runtime.status()).listeners[0];
    return new Demo(ctx, balance, backends, runtime, new DemoLoad(port, rate), port);
  }

  #elapsed(): number {
    return this.#ctx.env.clock.now() - this.#startedAt;
  }

  async #frame() {
    const status = await this.#runtime.status();
    return {
      status,
      shares: this.#shares.look(status.pools[0].endpoints, this.#elapsed()),
      balance: this.#balance,
      backends: this.#backends,
      load: this.#load.report(),
      elapsedMs: this.#elapsed(),
      port: this.#port,
    };
  }

  /** Keys 1-3 kill and revive; q ends. */
  async live(forMs: number | undefined): Promise<void> {
    const { stdin, stdout, env } = this.#ctx;
    let done = false;
    const onKey = (data: Buffer): void => {
      const key = data.toString();
      if (key === 'q' || key === '\u0003' || key === '\u001b') done = true;
      const backend = this.#backends[Number(key) - 1];
      if (backend !== undefined) void backend.toggle();
    };
    stdin.setRawMode(true);
    stdin.resume();
    stdin.on('data', onKey);
    stdout.write('\u001b[?1049h\u001b[?25l');
    try {
      while (!done && (forMs === undefined || this.#elapsed() < forMs)) {
        stdout.write(
          `\u001b[H${table(await this.#frame(), stdout.columns ?? 80).replaceAll('\n', '\u001b[K\n')}\u001b[J`,
        );
        await new Promise<void>((resolve) => env.clock.after(FRAME_MS, resolve));
      }
    } finally {
      stdout.write('\u001b[?25h\u001b[?1049l');
      stdin.off('data', onKey);
      stdin.setRawMode(false);
      stdin.pause();
    }
    stdout.write(summary(await this.#frame()));
  }

  /** Kills the fastest server after a third of the time and revives it after the second third. */
  async plain(forMs: number): Promise<void> {
    const { stdout, env } = this.#ctx;
    const victim = this.#backends[0];
    stdout.write(
      `evenkeel demo: three servers (${SPEEDS_MS.join(', ')} ms), ${this.#balance}, on http://127.0.0.1:${this.#port}/\n`,
    );
    let nextLine = 0;
    let act = 0;
    while (this.#elapsed() < forMs) {
      const elapsed = this.#elapsed();
      if (act < 2 && elapsed >= (forMs * (act + 1)) / 3) {
        act++;
        stdout.write(`${act === 1 ? 'killing' : 'reviving'} server 1 (127.0.0.1:${victim.port})\n`);
        await victim.toggle();
      }
      const frame = await this.#frame();
      for (const line of this.#news(frame.status)) stdout.write(line);
      if (elapsed >= nextLine) {
        stdout.write(plainLine(frame));
        nextLine += PLAIN_MS;
      }
      await new Promise<void>((resolve) => env.clock.after(FRAME_MS, resolve));
    }
    stdout.write(summary(await this.#frame()));
    const { failed } = this.#load.report();
    if (failed > 0) this.#ctx.exit(1);
  }

  #news(status: Status): string[] {
    const fresh = [...status.changes].reverse().filter((change) => {
      const key = `${change.at} ${change.id} ${change.to} ${change.evidence}`;
      if (this.#seen.has(key)) return false;
      this.#seen.add(key);
      return change.from !== 'absent' && change.from !== change.to;
    });
    return fresh.map(changeLine);
  }

  async stop(): Promise<void> {
    this.#load.stop();
    await this.#runtime.stop();
    await Promise.all(this.#backends.map((backend) => backend.stop()));
  }
}
