// Owns how the control plane talks to one worker, whether it is a thread or this thread. The hot path never waits for it.

import { Worker } from 'node:worker_threads';
import { err, ok, type Result } from '../core/result.ts';
import type { SpanRecord } from '../core/tracer.ts';
import type { Purge } from '../http/cache/memory.ts';
import type { DataPlane, NamedSocket } from './data-plane.ts';
import type { Explanation, Question } from './explain/explanation.ts';
import type { Facts } from './facts.ts';
import type { OnNotice } from './filter-notices.ts';
import type { SharedMemory } from './shared-memory.ts';
import type { Blueprint } from './snapshot.ts';

export interface Open {
  readonly requests: number;
  readonly streams: number;
}

export interface WorkerLink {
  readonly dead: boolean;
  prepare(blueprint: Blueprint): Promise<Result<void, string>>;
  commit(): Promise<void>;
  abort(): Promise<void>;
  learn(facts: Facts): Promise<void>;
  drain(): Promise<void>;
  open(): Promise<Open>;
  /** Ends the requests that are left; streams go on. */
  cutRequests(): Promise<void>;
  /** Ends everything that is left and says what that was. */
  cut(): Promise<Open>;
  port(listener: string): Promise<number>;
  sockets(): Promise<readonly NamedSocket[]>;
  reopenLog(): Promise<void>;
  /** How many answers were taken out of the caches. */
  purge(what: Purge): Promise<number>;
  explain(question: Question): Promise<Result<Explanation, string>>;
  close(): Promise<void>;
}

export function localLink(plane: DataPlane): WorkerLink {
  return {
    dead: false,
    prepare: (blueprint) => plane.prepare(blueprint),
    commit: async () => plane.commit(),
    abort: async () => plane.abort(),
    learn: async (facts) => plane.learn(facts),
    drain: async () => plane.drain(),
    open: async () => plane.open(),
    cutRequests: async () => plane.cutRequests(),
    cut: async () => plane.cut(),
    port: async (listener) => plane.port(listener),
    sockets: async () => plane.sockets(),
    reopenLog: async () => plane.reopenLog(),
    purge: async (what) => plane.purge(what),
    explain: async (question) => plane.explain(question),
    close: async () => undefined,
  };
}

/** What the main thread asks a worker, by name, and what each answers. */
export interface Calls {
  prepare: [Blueprint, Result<void, string>];
  commit: [undefined, undefined];
  abort: [undefined, undefined];
  learn: [Facts, undefined];
  drain: [undefined, undefined];
  open: [undefined, Open];
  cutRequests: [undefined, undefined];
  cut: [undefined, Open];
  port: [string, number];
  sockets: [undefined, readonly NamedSocket[]];
  reopenLog: [undefined, undefined];
  purge: [Purge, number];
  explain: [Question, Result<Explanation, string>];
}

export type CallName = keyof Calls;
export type ToWorker = { readonly id: number; readonly call: CallName; readonly argument: unknown };
export type FromWorker =
  | { readonly id: number; readonly answer: unknown }
  | { readonly notice: string; readonly fields: Readonly<Record<string, unknown>> | undefined }
  | { readonly spans: readonly SpanRecord[] }
  | 'signal'
  | 'ready';

export interface WorkerData {
  readonly memory: SharedMemory;
  readonly worker: number;
}

export interface ThreadLinkOptions extends WorkerData {
  readonly onSignal: () => void;
  readonly onNotice: OnNotice;
  readonly onSpans: (spans: readonly SpanRecord[]) => void;
  /** The thread ended without being told to. */
  readonly onDeath: (error: Error | undefined) => void;
}

const ENTRY = new URL(import.meta.url.endsWith('.ts') ? './worker.ts' : './worker.js', import.meta.url);

export class ThreadLink implements WorkerLink {
  readonly #thread: Worker;
  readonly #waiting = new Map<number, (answer: unknown) => void>();
  #nextId = 1;
  #closing = false;
  #dead = false;

  constructor({ memory, worker, onSignal, onNotice, onSpans, onDeath }: ThreadLinkOptions) {
    let failure: Error | undefined;
    this.#thread = new Worker(ENTRY, { workerData: { memory, worker } satisfies WorkerData, name: `worker-${worker}` });
    this.#thread.on('message', (message: FromWorker) => {
      if (message === 'signal') onSignal();
      else if (message === 'ready') return;
      else if ('spans' in message) onSpans(message.spans);
      else if ('notice' in message) onNotice(message.notice, message.fields);
      else this.#settle(message.id, message.answer);
    });
    this.#thread.on('error', (error) => {
      failure = error instanceof Error ? error : new Error(String(error));
    });
    this.#thread.on('exit', () => {
      this.#dead = true;
      for (const id of this.#waiting.keys()) this.#settle(id, undefined);
      if (!this.#closing) onDeath(failure);
    });
  }

  #settle(id: number, answer: unknown): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(answer);
  }

  /** Resolves to undefined when the worker dies before it answers. */
  #ask<N extends CallName>(call: N, argument: Calls[N][0]): Promise<Calls[N][1] | undefined> {
    if (this.#dead) return Promise.resolve(undefined);
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve as (answer: unknown) => void);
      this.#thread.postMessage({ id, call, argument } satisfies ToWorker);
    });
  }

  /** Replaced soon, with whatever is current then. */
  get dead(): boolean {
    return this.#dead;
  }

  async prepare(blueprint: Blueprint): Promise<Result<void, string>> {
    return (
      (await this.#ask('prepare', slim(blueprint))) ??
      (this.#dead ? err('the worker died while it prepared') : ok(undefined))
    );
  }
  async commit(): Promise<void> {
    await this.#ask('commit', undefined);
  }
  async abort(): Promise<void> {
    await this.#ask('abort', undefined);
  }
  async learn(facts: Facts): Promise<void> {
    await this.#ask('learn', facts);
  }
  async drain(): Promise<void> {
    await this.#ask('drain', undefined);
  }
  async open(): Promise<Open> {
    return (await this.#ask('open', undefined)) ?? { requests: 0, streams: 0 };
  }
  async cutRequests(): Promise<void> {
    await this.#ask('cutRequests', undefined);
  }
  async cut(): Promise<Open> {
    return (await this.#ask('cut', undefined)) ?? { requests: 0, streams: 0 };
  }
  async port(listener: string): Promise<number> {
    return (await this.#ask('port', listener)) ?? 0;
  }
  async sockets(): Promise<readonly NamedSocket[]> {
    return (await this.#ask('sockets', undefined)) ?? [];
  }
  async reopenLog(): Promise<void> {
    await this.#ask('reopenLog', undefined);
  }
  async purge(what: Purge): Promise<number> {
    return (await this.#ask('purge', what)) ?? 0;
  }
  async explain(question: Question): Promise<Result<Explanation, string>> {
    return (await this.#ask('explain', question)) ?? err('the worker that was asked died');
  }
  async close(): Promise<void> {
    this.#closing = true;
    await this.#thread.terminate();
  }

  /** Ends the thread as a crash would: for tests of what happens then. */
  async kill(): Promise<void> {
    await this.#thread.terminate();
  }
}

/** Endpoints stand in the blueprint with their slots; the configuration's own would be copied and read for nothing. */
function slim(blueprint: Blueprint): Blueprint {
  const { config } = blueprint;
  const pools = Object.values(config.pools).map((pool) => [pool.name, { ...pool, endpoints: [] }]);
  return { ...blueprint, config: { ...config, pools: Object.fromEntries(pools) } };
}
