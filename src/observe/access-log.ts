// Owns the access log of one worker: one JSON object a line, chosen fields, sampled if asked. Lines are handed to an
// asynchronous writer with a bound; when the disk is slower than traffic, lines are dropped and counted, never waited for.

import SonicBoomModule from 'sonic-boom';
import type { Random } from '../core/env.ts';

export interface AccessLogOptions {
  /** `stdout`, `stderr` or a path. */
  readonly to: string;
  readonly fields: readonly string[];
  readonly sample: number;
  readonly epoch: () => number;
  readonly random: Random;
  readonly onDrop: (total: number) => void;
}

// A CommonJS module whose default export is the class and its namespace at once.
const { SonicBoom } = SonicBoomModule;

const BATCH_BYTES = 4096;
const MOST_WAITING_BYTES = 8 * 1024 * 1024;
const FLUSH_MS = 500;
const MS_FIELDS = new Set(['durationMs', 'firstByteMs']);

export class AccessLog {
  readonly #options: AccessLogOptions;
  readonly #out: InstanceType<typeof SonicBoom>;
  readonly #timer: NodeJS.Timeout;
  #dropped = 0;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    const { to } = options;
    const target = to === 'stdout' ? { fd: 1 } : to === 'stderr' ? { fd: 2 } : { dest: to };
    this.#out = new SonicBoom({ ...target, sync: false, minLength: BATCH_BYTES, maxLength: MOST_WAITING_BYTES });
    this.#out.on('drop', () => options.onDrop(++this.#dropped));
    // A full disk must not end the process; the dropped lines are counted.
    this.#out.on('error', () => options.onDrop(++this.#dropped));
    this.#timer = setInterval(() => this.#out.flush(), FLUSH_MS);
    this.#timer.unref();
  }

  write(record: object): void {
    const { sample, random } = this.#options;
    // Layer 4 has no status.
    const { status = 0, error } = record as { status?: number; error: string };
    if (sample < 1 && status < 500 && error === '' && random.unit() >= sample) return;
    this.#out.write(`${accessLine(record, this.#options.fields, this.#options.epoch())}\n`);
  }

  /** After the file was moved away (log rotation). */
  reopen(): void {
    if (this.#options.to !== 'stdout' && this.#options.to !== 'stderr') this.#out.reopen();
  }

  close(): void {
    clearInterval(this.#timer);
    try {
      this.#out.flushSync();
    } catch {
      // The destination went away; there is nobody left to tell.
    }
    if (this.#options.to !== 'stdout' && this.#options.to !== 'stderr') this.#out.end();
  }
}

/** JSON escapes C0 controls; DEL and C1 controls, which steer terminals too, are replaced. */
export function accessLine(record: object, fields: readonly string[], epoch: number): string {
  const line: Record<string, unknown> = {};
  for (const field of fields) {
    const value = field === 'time' ? new Date(epoch).toISOString() : (record as Record<string, unknown>)[field];
    if (typeof value === 'string') line[field] = value.replace(/[\x7f-\x9f]/g, '\ufffd');
    else line[field] = MS_FIELDS.has(field) ? Math.round((value as number) * 1000) / 1000 : value;
  }
  return JSON.stringify(line);
}
