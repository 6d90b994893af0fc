// Owns handing a connection over to Node's HTTP/2, which wants a socket: whatever carries the bytes is wrapped into one, and
// what was read already is put back.

import { Socket } from 'node:net';
import type { Conn, ConnOwner } from '../../net/conn.ts';
import { HandleConn } from '../../net/handle-conn.ts';
import type { StreamConn } from '../../net/stream-conn.ts';

const NOBODY: ConnOwner = {
  onConnect(): void {},
  onData(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClose(): void {},
  onDeadline(): void {},
};

/** The connection is over for its owner, who is not told. Whoever takes the socket gives its ticket back. */
export function socketOf(conn: Conn, early: Buffer | undefined): Socket {
  conn.ticket = undefined;
  conn.owner = NOBODY;
  const socket = conn instanceof HandleConn ? wrapped(conn) : (conn as StreamConn).giveUp();
  socket.on('error', () => undefined);
  if (early !== undefined && early.length > 0) socket.unshift(early);
  return socket;
}

function wrapped(conn: HandleConn): Socket {
  const handle = conn.giveUp() as unknown as { reading?: boolean };
  // It is: a socket that believed otherwise would try to begin, and fail.
  handle.reading = true;
  const socket = new Socket({ handle, manualStart: true } as never);
  socket.setNoDelay(true);
  return socket;
}
