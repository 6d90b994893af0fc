// Owns what the data path knows of tracing: which requests, connections and questions are traced, ids for them, and the plain form
// of a span that it hands out. What becomes of spans is `observe/tracing/`. Undefined in a context: tracing is off.

import type { Random } from './env.ts';

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

/** 16 bits as four hex digits. */
const HEX: readonly string[] = Array.from({ length: 65_536 }, (_, i) => i.toString(16).padStart(4, '0'));
const NO_SPAN = '0'.repeat(16);

const LAPS = HEX.length;
const UNSAMPLED_HEAD = 'traceparent: 00-';

export function idInLine(line: string): string {
  return line.slice(UNSAMPLED_HEAD.length, UNSAMPLED_HEAD.length + 32);
}

export class Tracer {
  readonly propagate: boolean;
  readonly #sample: number;
  readonly #trustClients: boolean;
  readonly #random: Random;
  readonly #out: (span: SpanRecord) => void;
  /** From here on 32 bits belong to the share. */
  readonly #least: number;
  /** The newest trace id belongs to the share, as `inShare` would say. */
  isPicked = false;
  /** Of trace ids: 18 digits at their beginning and 2 at their end, for as long as 4 digits between them count. */
  #head = '';
  #tail = '';
  #lap = 0;
  /** The field of a trace that nobody records, before and behind the digits that change: most requests have one. */
  #lineHead = '';
  #lineTail = '';
  /** Digits of the newest trace id between head and tail. */
  #middle = '';

  constructor({ sample, propagate, trustClients }: TracerTerms, random: Random, out: (span: SpanRecord) => void) {
    this.propagate = propagate;
    this.#sample = sample;
    this.#least = Math.ceil(2 ** 32 * (1 - sample));
    this.#trustClients = trustClients;
    this.#random = random;
    this.#out = out;
  }

  /** For what has no parent and no id yet. */
  get picks(): boolean {
    return this.#sample > 0 && this.#random.unit() < this.#sample;
  }

  /**
   * For what has a parent. `trusted`: the peer is a proxy of ours, whose word holds. Of others the trace goes on, but whether it is
   * recorded is left to chance, as they could choose ids as well as flags.
   */
  follows(sampled: boolean, trusted: boolean): boolean {
    return trusted || this.#trustClients ? sampled : this.picks;
  }

  /**
   * Begins a trace, of which `newest` and `unsampledLine` tell. The 32 bits that decide are chance; the rest makes its id unique, and is
   * made quickly, as most are never recorded.
   */
  begin(): void {
    if (this.#lap === 0 || this.#lap === LAPS) this.#beginLap();
    const word = this.#random.u32();
    this.isPicked = word >= this.#least;
    this.#middle = HEX[word >>> 16] + HEX[word & 0xffff] + HEX[this.#lap++];
  }

  traceId(): string {
    this.begin();
    return this.newest;
  }

  get newest(): string {
    return this.#head + this.#middle + this.#tail;
  }

  /** The first number of a lap is left out: no id is all zeros. */
  #beginLap(): void {
    this.#lap = 1;
    this.#head = this.#hex32() + this.#hex32() + this.#hex32().slice(0, 2);
    this.#tail = this.#hex32().slice(0, 2);
    this.#lineHead = `${UNSAMPLED_HEAD}${this.#head}`;
    this.#lineTail = `${this.#tail}-${this.spanId()}-00\r\n`;
  }

  /** The field for the newest trace, which is not sampled: its id stands where `idInLine` finds it. */
  get unsampledLine(): string {
    return this.#lineHead + this.#middle + this.#lineTail;
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
