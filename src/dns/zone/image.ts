// Owns the flat form of a zone: one shared buffer with nodes, record sets and a hash table over the names. It is built once
// (`builder.ts`), never changed but for the rotation counters, and read by all workers at the same time without a copy.
//
//   node:  cut u32 · wild u32 · size u32 · sets u8 · name length u8 · 0 u16 · name · sets…
//   set:   type u16 · count u16 · ttl u32 · size u32 · rotate u8 · weighted u8 · answers u16 · slot u32 · weights u16… · (length u16 · data)…

import type { RotateMode } from '../../config/types/dns.ts';

export const NODE_HEADER = 16;
export const SET_HEADER = 20;
/** Place of the first node: 0 means "none" in all links. */
export const FIRST_NODE = 8;

export const ROTATE = { fixed: 0, rotate: 1, shuffle: 2 } as const satisfies Record<RotateMode, number>;

/** A record set whose addresses are chosen when asked. Plain data: it travels to workers. */
export interface SteerSpec {
  /** As the configuration has it. */
  readonly steer: unknown;
  readonly allDown: 'open' | 'closed' | 'fallback';
  readonly fallback: unknown;
}

/** Plain data with one shared buffer. */
export interface ZoneImage {
  /** Wire form, lower case. */
  readonly apex: Uint8Array;
  readonly buffer: SharedArrayBuffer;
  /** Bytes of nodes and sets, from the buffer's start. */
  readonly heapBytes: number;
  /** Slots of the hash table (a power of two) behind the heap, 4 bytes each. */
  readonly tableSlots: number;
  /** Rotation counters behind the table, 4 bytes each. */
  readonly rotations: number;
  readonly nodes: number;
  readonly records: number;
  readonly serial: number;
  /** Of everything but the serial: equal content keeps its serial. */
  readonly fingerprint: string;
  readonly steers: readonly SteerSpec[];
}

/** Of a name's hash to its first slot. */
export function slotOf(hash: number, slots: number): number {
  return (Math.imul(hash, 0x9e3779b1) >>> 7) & (slots - 1);
}
