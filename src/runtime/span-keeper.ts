// Owns what becomes of the spans that workers post: they go to the collector of the configuration in effect, and are counted.
// Main thread only.

import { randomBytes } from 'node:crypto';
import type { TracingConfig } from '../config/types.ts';
import { type Counters, W } from '../core/counters.ts';
import type { Clock } from '../core/env.ts';
import type { SpanRecord } from '../core/tracer.ts';
import type { Log } from '../observe/log.ts';
import { SpanExport } from '../observe/tracing/span-export.ts';

export interface SpanKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly version: string;
  /** The control plane's own. */
  readonly control: Counters;
  /** Of each worker. */
  readonly counters: readonly Counters[];
}

export class SpanKeeper {
  readonly #options: SpanKeeperOptions;
  readonly #instance = randomBytes(8).toString('hex');
  #config: TracingConfig | undefined;
  #export: SpanExport | undefined;

  constructor(options: SpanKeeperOptions) {
    this.#options = options;
  }

  applied(config: TracingConfig | undefined): void {
    if (JSON.stringify(config) === JSON.stringify(this.#config)) return;
    this.#config = config;
    void this.#export?.close();
    this.#export = undefined;
    if (config === undefined) return;
    const { clock, log, version, control } = this.#options;
    const { otlp: url, service, headers } = config;
    const options = {
      clock,
      log,
      version,
      instance: this.#instance,
      onSent: (spans: number) => control.addWorker(W.spansSent, spans),
      onDrop: (spans: number) => control.addWorker(W.spansDropped, spans),
    };
    this.#export = new SpanExport(options, { url, service, headers });
  }

  take(worker: number, spans: readonly SpanRecord[]): void {
    const { counters, control } = this.#options;
    counters[worker].addWorker(W.spansTaken, spans.length);
    if (this.#export === undefined) control.addWorker(W.spansDropped, spans.length);
    else this.#export.add(spans);
  }

  async close(): Promise<void> {
    await this.#export?.close();
  }
}
