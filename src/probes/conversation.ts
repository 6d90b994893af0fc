// Owns a short conversation over one TCP connection: what is said first, what each answer leads to, and that it ends, with a
// verdict, in bounded bytes and at the signal's deadline. What the answers mean is the kind's business.
//
//   connecting ─▶ talking ──verdict──▶ done (a farewell, if any, goes out behind the verdict)
//        └───────────┴── error, end, too much, signal ──▶ done, failed

import { connect } from 'node:net';
import type { Address } from '../core/address.ts';
import type { Clock } from '../core/env.ts';
import type { ProbeResult } from '../health/entry.ts';
import { quote } from './bytes.ts';
import { FAREWELL_MS, failureText, tookText } from './probe.ts';

/** More than that is no answer to a check. */
const MOST_BYTES = 64 * 1024;

const NOTHING = Buffer.alloc(0);

export interface Verdict {
  readonly ok: boolean;
  readonly text: string;
  readonly farewell?: Buffer;
}

/** A verdict; or something to say, after which the first `taken` bytes are forgotten; or undefined: wait for more. */
export type Next = Verdict | { readonly say: Buffer; readonly taken: number } | undefined;

export interface Conversation {
  /** Names the check in the evidence. */
  readonly what: string;
  /** Said as soon as the connection is open, after the prelude. */
  readonly first: Buffer | undefined;
  /** Undefined: that the connection opens is all. */
  readonly listen: ((received: Buffer) => Next) | undefined;
}

export interface Surroundings {
  readonly target: Address;
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** What the port expects in front of everything: a PROXY header. */
  readonly prelude: Buffer | undefined;
}

export function converse(
  { what, first, listen }: Conversation,
  { target, signal, clock, prelude }: Surroundings,
): Promise<ProbeResult> {
  return new Promise((resolve) => {
    const start = clock.now();
    const socket = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    let received: Buffer = Buffer.alloc(0);
    let done = false;
    const finish = ({ ok, text, farewell }: Verdict): void => {
      if (done) return;
      done = true;
      signal.removeEventListener('abort', onAbort);
      if (farewell === undefined) socket.destroy();
      else {
        socket.end(farewell);
        const late = clock.after(FAREWELL_MS, () => socket.destroy());
        socket.once('close', () => late.cancel());
      }
      const tookMs = clock.now() - start;
      resolve({ ok, tookMs, evidence: `${what} → ${text} in ${tookText(tookMs)}` });
    };
    const onAbort = (): void =>
      finish({ ok: false, text: received.length > 0 ? `only ${quote(received)}` : 'no answer' });
    const think = (): void => {
      if (listen === undefined) return;
      const next = listen(received);
      if (next === undefined) {
        if (received.length >= MOST_BYTES) finish({ ok: false, text: 'more than a check reads' });
      } else if ('ok' in next) finish(next);
      else {
        received = received.subarray(next.taken);
        socket.write(next.say);
        // What was said before may have been answered already.
        if (received.length > 0) think();
      }
    };
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('connect', () => {
      const opening = [prelude, first].filter((bytes) => bytes !== undefined);
      if (opening.length > 0) socket.write(Buffer.concat(opening));
      if (listen === undefined) finish({ ok: true, text: 'open', ...(opening.length > 0 && { farewell: NOTHING }) });
    });
    socket.on('data', (chunk) => {
      if (done) return;
      received = received.length === 0 ? chunk : Buffer.concat([received, chunk]);
      think();
    });
    socket.on('end', () => {
      finish({ ok: false, text: received.length > 0 ? `closed after ${quote(received)}` : 'closed without an answer' });
      socket.end();
    });
    // Stays attached: a late error of a destroyed socket must not be thrown.
    socket.on('error', (error) => finish({ ok: false, text: failureText(error, signal) }));
    if (signal.aborted) onAbort();
  });
}

/** The first line, without its end, and how many bytes it takes; undefined while it is not complete. */
export function lineOf(received: Buffer): { readonly text: string; readonly taken: number } | undefined {
  const end = received.indexOf('\n');
  if (end < 0) return undefined;
  return { text: received.toString('latin1', 0, end).replace(/\r$/, ''), taken: end + 1 };
}
