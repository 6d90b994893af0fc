// Owns the contract of a kind of active check, and the words in which failures are told. A probe does one check and always
// answers; it never decides a verdict (health/machine.ts) and never repeats itself (runner.ts).

import type { ProbeConfig } from '../config/types.ts';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/env.ts';
import type { ProbeResult } from '../health/entry.ts';

export interface Probe {
  /** Never rejects. When `signal` aborts, the check ends at once and counts as failed. */
  run(target: Address, signal: AbortSignal): Promise<ProbeResult>;
}

/** One kind: one file, and one line in `index.ts`. */
export interface ProbeKind<C extends ProbeConfig = ProbeConfig> {
  readonly name: C['kind'];
  /** `prelude` goes out in front of everything: of the connection, or of the datagram. */
  build(config: C, clock: Clock, prelude?: Buffer): Probe;
}

/** How long a server may take to close once the check has said goodbye. */
export const FAREWELL_MS = 1000;

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'the name does not resolve',
  EAI_AGAIN: 'the name does not resolve',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'no route to the network',
  ETIMEDOUT: 'no answer',
};

/** What went wrong, for people. */
export function failureText(error: unknown, signal: AbortSignal): string {
  if (signal.aborted) return 'no answer';
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== 'string') return 'failed';
  return WORDS[code] ?? (code.startsWith('HPE_') ? 'malformed answer' : code);
}

export function tookText(ms: number): string {
  return `${ms < 10 ? Math.round(ms * 10) / 10 : Math.round(ms)} ms`;
}
