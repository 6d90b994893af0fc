// Owns the seam between a worker and its listeners, whatever protocol they speak. No logic.

import type { Address } from '../core/address.ts';
import type { SocketFd } from './inherited-sockets.ts';

export interface ListenOptions {
  /** Several threads bind the same address; the kernel spreads connections over them (SO_REUSEPORT). */
  readonly shared: boolean;
  /** False forces the portable path. */
  readonly adopt?: boolean;
  readonly backlog?: number;
  /** Sockets that listen there already, given to this process: taken instead of binding. */
  readonly given?: GivenSockets;
}

export interface GivenSockets {
  readonly tcp: readonly number[];
  readonly udp: readonly number[];
}

/** `H` is what a reload swaps: the compiled configuration of this listener. */
export interface Listener<H> {
  readonly handler: H;
  /** Resolves when bound; rejects with the system's error (EADDRINUSE, EACCES, ...). */
  listen(address: Address, options: ListenOptions): Promise<void>;
  readonly port: number;
  /** What listens, for a process that takes over. */
  readonly sockets: readonly SocketFd[];
  /** Requests under way: what a drain waits for first. */
  readonly requests: number;
  /** What may go on for long: upgraded connections, TCP connections, flows. */
  readonly streams: number;
  /** New work goes by this; what runs keeps what it began with. */
  swap(handler: H): void;
  /** Takes no new work, closes what is idle, lets the rest finish. */
  drain(): void;
  cutRequests(): void;
  cutStreams(): void;
}
