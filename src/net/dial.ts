// Owns opening a connection: on a handle where that works, as a stream elsewhere.

import type { Address } from '../core/address.ts';
import type { Conn, ConnOwner } from './conn.ts';
import { handlesAreKnown } from './handle.ts';
import { HandleConn } from './handle-conn.ts';
import type { NetLoop } from './loop.ts';
import { StreamConn } from './stream-conn.ts';

/** A name is resolved, and its addresses are tried in turn. The owner is told of nothing before this returns. */
export function dial(loop: NetLoop, address: Address, owner: ConnOwner): Conn {
  return handlesAreKnown() ? HandleConn.dial(loop, address, owner) : StreamConn.dial(loop, address, owner);
}
