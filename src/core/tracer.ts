// Owns what the data path knows of tracing: which requests, connections and questions are traced, ids for them, and the plain form
// of a span that it hands out. What becomes of spans is `observe/tracing/`. Undefined in a context: tracing is off.

import type { Random } from './env.ts';
import { inShare, parseTraceparent, type TraceParent } from './trace-context.ts';

export type SpanValue = string | number | boolean;

/** Plain data: it goes from thread to thread. */
export interface SpanRecord {
  readonly traceId: string;
  readonly spanId: string;
  /** '' at the root. */
  readonly parentId: string;
  /** `tracestate` as it came; '' for none. */
  readonly state: string;
  readonly name: string;
  readonly kind: 'server' | 'client';
  /** Monotonic ms, as `Clock.now`. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly failed: boolean;
  readonly attributes: Readonly<Record<string, SpanValue>>;
}

export interface TracerTerms {
  /** Share of what is traced, 0 to 1. */
  readonly sample: number;
  readonly propagate: boolean;
  /** Every client may say what is traced, not trusted proxies alone. */
  readonly trustClients: boolean;
}

/** Where a request stands in its trace. */
export interface TraceStart {
  readonly traceId: string;
  /** Undefined at the root. */
  readonly parent: TraceParent | undefined;
  readonly sampled: boolean;
}

/** 16 bits as four hex digits. */
const HEX: readonly string[] = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'));
const NO_SPAN = '0'.repeat(16);

export class Tracer {
  readonly propagate: boolean;
  readonly #sample: number;
  readonly #trustClients: boolean;
  readonly #random: Random;
  readonly #out: (span: SpanRecord) => void;

  constructor({ sample, propagate, trustClients }: TracerTerms, random: Random, out: (span: SpanRecord) => void) {
    this.propagate = propagate;
    this.#sample = sample;
    this.#trustClients = trustClients;
    this.#random = random;
    this.#out = out;
  }

  /** For what has no parent and no id yet. */
  get picks(): boolean {
    return this.#sample > 0 && this.#random.unit() < this.#sample;
  }

  /**
   * `trusted`: the peer is a proxy of ours. Of others the trace is continued, but whether it is recorded is left to chance, as
   * they could choose ids as well as flags. Undefined when there is nothing to record and nothing to pass on.
   */
  begin(traceparent: string | undefined, trusted: boolean): TraceStart | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    if (parent !== undefined) {
      const sampled = trusted || this.#trustClients ? parent.sampled : this.picks;
      return sampled || this.propagate ? { traceId: parent.traceId, parent, sampled } : undefined;
    }
    if (!this.propagate && !this.picks) return undefined;
    const traceId = this.traceId();
    // Without propagation chance has decided already.
    return { traceId, parent: undefined, sampled: !this.propagate || inShare(traceId, this.#sample) };
  }

  traceId(): string {
    return this.#hex32() + this.#hex32() + this.spanId();
  }

  /** Never all zeros. */
  spanId(): string {
    const id = this.#hex32() + this.#hex32();
    return id === NO_SPAN ? '0000000000000001' : id;
  }

  #hex32(): string {
    const word = this.#random.u32();
    return HEX[word >>> 16] + HEX[word & 0xffff];
  }

  record(span: SpanRecord): void {
    this.#out(span);
  }
}
