// Owns handing what was read straight from a socket's handle to its connection, past the stream object. The stream would
// look at itself and at its two state objects first, and for a proxy with many connections those are cold memory each time.
//
// Only data takes the short way: the end, errors and everything else go on to Node's own function. Where this version of
// Node does not look as known, nothing is changed and data comes through the stream (see docs/decisions/0003).

import type { Socket } from 'node:net';

/** Takes `count` bytes from the buffer that the connection reads into; returns the buffer to read into next, if another. */
export interface DirectReader {
  onDirectRead(count: number): Buffer | undefined;
}

type OnRead = (this: Handle, arrayBuffer: unknown) => unknown;

interface Handle {
  onread: OnRead;
  directReader?: DirectReader;
}

interface StreamBinding {
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
}

let binding: StreamBinding | undefined = lookUp();

function lookUp(): StreamBinding | undefined {
  try {
    const found = (process as unknown as { binding(name: string): Partial<StreamBinding> }).binding('stream_wrap');
    const known = found.streamBaseState instanceof Int32Array && typeof found.kReadBytesOrError === 'number';
    return known ? (found as StreamBinding) : undefined;
  } catch {
    return undefined;
  }
}

/** Everything through the streams: for tests of that path. */
export function disableDirectReads(): void {
  binding = undefined;
}

/** Node's own function, the same for every socket. */
let ordinary: OnRead | undefined;

function onRead(this: Handle, arrayBuffer: unknown): unknown {
  const count = binding!.streamBaseState[binding!.kReadBytesOrError];
  if (count > 0) return this.directReader!.onDirectRead(count);
  return ordinary!.call(this, arrayBuffer);
}

/** Call once the socket is connected, and only for one that was built with `onread`. */
export function readDirectly(socket: Socket, reader: DirectReader): void {
  const handle = (socket as unknown as { _handle?: Handle | null })._handle;
  if (binding === undefined || handle === null || handle === undefined) return;
  if (typeof handle.onread !== 'function' || (ordinary !== undefined && handle.onread !== ordinary)) return;
  ordinary = handle.onread;
  handle.directReader = reader;
  handle.onread = onRead;
}
