// Owns the choice of the listener that speaks a handler's protocol.

import type { HttpContext } from '../http/context.ts';
import { HttpListener } from '../http/listener.ts';
import type { Listener } from '../net/listener.ts';
import type { Handler } from './handlers.ts';

/** What the data paths of one worker share, by protocol. */
export interface Contexts {
  readonly http: HttpContext;
}

/** `slot` is the listener's row of the counters. */
export function openListener(contexts: Contexts, slot: number, handler: Handler): Listener<Handler> {
  return new HttpListener(contexts.http, slot, handler);
}
