// Owns sending spans to a collector (OTLP over HTTP, as JSON), in the main thread: a bounded queue, one batch on its way at a time,
// drops counted. A collector that is down costs its spans and nothing else. What it needs is loaded when tracing is first used.
//
//   idle ──spans──▶ sending ──taken or lost──▶ sending what came meanwhile | idle        queue full ──▶ dropped

import type { SpanExporter } from '@opentelemetry/sdk-trace';
import type { Clock, Timer } from '../../core/env.ts';
import type { SpanRecord } from '../../core/tracer.ts';
import type { Log } from '../log.ts';
import { readableSpan, resourceOf, type Sender } from './otlp.ts';

export interface SpanTarget {
  /** Where batches are posted to. */
  readonly url: string;
  readonly service: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface SpanExportOptions extends Omit<Sender, 'service'> {
  readonly clock: Clock;
  readonly log: Log;
  readonly onSent: (spans: number) => void;
  readonly onDrop: (spans: number) => void;
}

export const MOST_QUEUED = 4096;
const BATCH = 512;
/** For one batch, with what the exporter tries again by itself. */
const TIMEOUT_MS = 5000;
/** At the end, for what is left. */
const LAST_MS = 2000;
const SAY_AGAIN_MS = 60_000;

export class SpanExport {
  readonly #options: SpanExportOptions;
  readonly #target: SpanTarget;
  readonly #resource: ReturnType<typeof resourceOf>;
  #exporter: Promise<SpanExporter> | undefined;
  #queue: SpanRecord[] = [];
  #sending: Promise<void> | undefined;
  #closed = false;
  /** When it was last said that spans cannot be sent. */
  #saidAt = Number.NEGATIVE_INFINITY;
  #failing = false;

  constructor(options: SpanExportOptions, target: SpanTarget) {
    this.#options = options;
    this.#target = target;
    this.#resource = resourceOf({ ...options, service: target.service });
  }

  add(spans: readonly SpanRecord[]): void {
    const room = this.#closed ? 0 : MOST_QUEUED - this.#queue.length;
    if (spans.length > room) this.#options.onDrop(spans.length - room);
    for (let i = 0; i < Math.min(room, spans.length); i++) this.#queue.push(spans[i]);
    this.#send();
  }

  #send(): void {
    if (this.#sending !== undefined || this.#queue.length === 0) return;
    const batch = this.#queue.slice(0, BATCH);
    this.#queue = this.#queue.slice(BATCH);
    this.#sending = this.#post(batch).then((sent) => {
      this.#sending = undefined;
      if (sent) this.#options.onSent(batch.length);
      else this.#options.onDrop(batch.length);
      this.#send();
    });
  }

  async #post(batch: readonly SpanRecord[]): Promise<boolean> {
    const { clock, version } = this.#options;
    const offset = clock.epoch() - clock.now();
    try {
      this.#exporter ??= openExporter(this.#target);
      const exporter = await this.#exporter;
      const spans = batch.map((span) => readableSpan(span, offset, this.#resource, version));
      const error = await new Promise<Error | undefined>((resolve) =>
        exporter.export(spans, (result) => resolve(result.code === 0 ? undefined : (result.error ?? UNKNOWN))),
      );
      this.#tell(error);
      return error === undefined;
    } catch (error) {
      this.#tell(error as Error);
      return false;
    }
  }

  #tell(error: Error | undefined): void {
    const { clock, log } = this.#options;
    if (error === undefined) {
      if (this.#failing) log.info('spans reach their collector again');
      this.#failing = false;
      this.#saidAt = Number.NEGATIVE_INFINITY;
      return;
    }
    this.#failing = true;
    if (clock.now() - this.#saidAt < SAY_AGAIN_MS) return;
    this.#saidAt = clock.now();
    log.warn('spans do not reach their collector and are dropped', { collector: this.#target.url, why: whyOf(error) });
  }

  /** Sends what is left, for a moment; then nothing more. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    const { clock } = this.#options;
    let over = false;
    let limit: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      limit = clock.after(LAST_MS, resolve);
    });
    // The end of one batch begins the next.
    const rest = async (): Promise<void> => {
      while (this.#sending !== undefined && !over) await this.#sending;
    };
    if (this.#queue.length > 0 || this.#sending !== undefined) await Promise.race([rest(), late]);
    over = true;
    limit?.cancel();
    if (this.#queue.length > 0) this.#options.onDrop(this.#queue.length);
    this.#queue = [];
    void this.#exporter?.then((exporter) => exporter.shutdown()).catch(() => undefined);
  }
}

const UNKNOWN = new Error('no reason was given');

/** A code where there is one: messages of the network are long, and say the same. */
function whyOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' || typeof code === 'number' ? String(code) : error.message.slice(0, 200);
}

async function openExporter({ url, headers }: SpanTarget): Promise<SpanExporter> {
  const { OTLPTraceExporter } = await import('@opentelemetry/exporter-trace-otlp-http');
  return new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: TIMEOUT_MS, concurrencyLimit: 1 });
}
