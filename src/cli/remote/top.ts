// Owns `evenkeel top`: the live view in a terminal, from the event stream; it comes back by itself when the balancer does. Without a
// terminal it prints the view every second, and with --json the numbers.

import { setTimeout as pause } from 'node:timers/promises';
import type { Tick } from '../../admin/tick-rows.ts';
import type { HealthChange, RuntimeChanges, Status } from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import type { RemoteBalancer } from './client.ts';
import { type RemoteCommandOptions, theBalancer } from './command.ts';
import { type EndpointRow, rowOf, topLines } from './top-view.ts';

export interface TopOptions extends RemoteCommandOptions {
  /** End after so many looks. */
  readonly count?: string;
}

const AGAIN_MS = 1000;
const KEPT = 20;
const ENTER = '\u001b[?1049h\u001b[?25l';
const LEAVE = '\u001b[?25h\u001b[?1049l';

export async function top(ctx: CliContext, options: TopOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const screen = new Screen(ctx, options, balancer.name);
  try {
    await screen.follow(balancer);
  } finally {
    screen.leave();
  }
}

class Screen {
  readonly #ctx: CliContext;
  readonly #isLive: boolean;
  readonly #isJson: boolean;
  readonly #name: string;
  readonly #abort = new AbortController();
  readonly #endpoints = new Map<string, EndpointRow>();
  #left: number;
  #status: Status | undefined;
  #tick: Tick | undefined;
  #changes: readonly HealthChange[] = [];

  constructor(ctx: CliContext, { json, count }: TopOptions, name: string) {
    this.#ctx = ctx;
    this.#name = name;
    this.#isJson = json === true;
    this.#isLive = ctx.stdout.isTTY === true && !this.#isJson;
    this.#left = count === undefined ? Number.POSITIVE_INFINITY : Number(count);
    if (!this.#isLive) return;
    ctx.stdout.write(ENTER);
    const stop = (): void => this.#abort.abort();
    process.once('SIGINT', stop);
    process.once('SIGTERM', stop);
    if (ctx.stdin.isTTY !== true) return;
    ctx.stdin.setRawMode(true);
    ctx.stdin.on('data', (key: Buffer) => {
      if (['q', '\u0003', '\u001b'].includes(key.toString())) stop();
    });
  }

  async follow(balancer: RemoteBalancer): Promise<void> {
    while (!this.#abort.signal.aborted) {
      let problem = `${this.#name} ended the connection; trying again`;
      try {
        for await (const { event, data } of balancer.events(this.#abort.signal)) this.#take(event, data);
      } catch (error) {
        problem = (error as Error).message;
      }
      if (this.#abort.signal.aborted) return;
      if (this.#status === undefined && !this.#isLive) {
        this.#ctx.stderr.write(`${problem}\n`);
        return this.#ctx.exit(1);
      }
      this.#show(problem);
      await pause(AGAIN_MS, undefined, { signal: this.#abort.signal }).catch(() => undefined);
    }
  }

  leave(): void {
    if (!this.#isLive) return;
    this.#ctx.stdout.write(LEAVE);
    if (this.#ctx.stdin.isTTY === true) this.#ctx.stdin.setRawMode(false);
    this.#ctx.stdin.pause();
  }

  #take(event: string, data: unknown): void {
    if (event === 'structure') {
      this.#status = data as Status;
      this.#changes = this.#status.changes.slice(0, KEPT);
      this.#endpoints.clear();
    } else if (event === 'health') this.#changes = [data as HealthChange, ...this.#changes].slice(0, KEPT);
    else if (event === 'changes' && this.#status !== undefined)
      this.#status = { ...this.#status, runtime: data as RuntimeChanges };
    else if (event === 'tick') {
      this.#tick = data as Tick;
      for (const cells of this.#tick.endpoints) this.#endpoints.set(String(cells[0]), rowOf(cells));
      this.#show('');
      if (--this.#left <= 0) this.#abort.abort();
    }
  }

  #show(problem: string): void {
    const { stdout } = this.#ctx;
    if (this.#isJson) {
      if (problem === '')
        stdout.write(`${JSON.stringify({ ...this.#tick, endpoints: [...this.#endpoints.values()] })}\n`);
      return;
    }
    if (this.#status === undefined) {
      if (this.#isLive) stdout.write(`\u001b[H\u001b[J${problem}\n`);
      return;
    }
    const lines = topLines({
      status: this.#status,
      tick: this.#tick,
      endpoints: this.#endpoints,
      changes: this.#changes,
      problem,
      isColoured: this.#isLive,
      columns: this.#isLive ? stdout.columns : 0,
      rows: this.#isLive ? stdout.rows : Number.POSITIVE_INFINITY,
    });
    stdout.write(
      this.#isLive ? `\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\n')}\u001b[J` : `${lines.join('\n')}\n\n`,
    );
  }
}
