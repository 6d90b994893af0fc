// Owns the shape of what one process leaves to the one that takes over from it: plain data.

import type { NamedSocket } from './data-plane.ts';
import type { OperatorWords } from './operator-state.ts';

export interface Knowledge {
  readonly words: OperatorWords;
  /** Of active checks, by endpoint. */
  readonly verdicts: readonly (readonly [string, 'up' | 'down'])[];
}

export interface Estate {
  readonly sockets: readonly NamedSocket[];
  readonly knowledge: Knowledge;
  /** Listeners whose packets the kernel forwards: those cannot be handed over. */
  readonly kernel: readonly string[];
}
