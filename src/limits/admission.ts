// Owns whether one more connection may come in: the caps of a listener as a whole and of each client address, counted
// over all workers. It closes nothing and answers nobody.

import type { ConnectionLimits } from '../config/types.ts';
import type { CountTicket, KeyedCounts } from './keyed-counts.ts';

/** Which cap was hit. */
export type AdmissionFault = 'too-many-connections' | 'too-many-from-client';

const LISTENERS = 1;
const CLIENTS = 2;

/** A connection's places; given back when it ends. */
export class AdmissionTicket {
  readonly #counts: KeyedCounts;
  readonly #listener: CountTicket;
  #client: CountTicket = 0;

  constructor(counts: KeyedCounts, listener: CountTicket) {
    this.#counts = counts;
    this.#listener = listener;
  }

  /** Once the client's address is known; undefined when it may go on. */
  ofClient(slot: number, address: string, limits: ConnectionLimits, now: number): AdmissionFault | undefined {
    const { connectionsPerClient, connectionRatePerClient } = limits;
    if (connectionsPerClient === 0 && connectionRatePerClient === 0) return undefined;
    const space = CLIENTS + 4 * slot;
    const ticket = this.#counts.begin(space, address, connectionsPerClient, connectionRatePerClient, now);
    if (ticket < 0) return 'too-many-from-client';
    this.#client = ticket;
    return undefined;
  }

  leave(): void {
    this.#counts.end(this.#listener);
    this.#counts.end(this.#client);
  }
}

/** `slot` tells listeners apart. Undefined: there is no room. */
export function admit(
  counts: KeyedCounts,
  slot: number,
  { connections, connectionRate }: ConnectionLimits,
  now: number,
): AdmissionTicket | undefined {
  const ticket = counts.begin(LISTENERS + 4 * slot, '', connections, connectionRate, now);
  return ticket < 0 ? undefined : new AdmissionTicket(counts, ticket);
}
