// Owns writing short text straight to a socket's handle, past the stream machinery. A stream write costs a request
// object, a callback and a trip through the tick queue, though nearly every write of a proxy is taken by the kernel at
// once; measured, that is a quarter of the CPU that JavaScript takes per proxied request.
//
// Nothing here is documented by Node, so nothing is assumed: the first ordinary write of the process is watched to learn
// how this version calls its handle, and when that looks unlike what is known, every write stays an ordinary one.
// Order is kept in any case, because libuv queues all writes of a handle, whoever made them.

import type { Socket } from 'node:net';

interface WriteRequest {
  oncomplete: ((this: WriteRequest, status: number) => void) | undefined;
  waiter?: DirectWaiter;
}

export interface Handle {
  writeLatin1String(request: WriteRequest | null, text: string): number | WriteRequest;
  readonly writeQueueSize: number;
}

/** Told when a write that the kernel did not take at once is over. `status` < 0 is a system error. */
export interface DirectWaiter {
  onDirectWritten(status: number): void;
}

type Dialect =
  | { readonly kind: 'unknown' }
  | { readonly kind: 'none' }
  /** Node 24: the caller brings the request; it stays unused when the kernel took everything. */
  | { readonly kind: 'brought'; readonly Request: new () => WriteRequest }
  /** Node 26: the callee returns one when it needs one. */
  | { readonly kind: 'returned' };

let dialect: Dialect = { kind: 'unknown' };
let spare: WriteRequest | undefined;

/** Every write an ordinary one: for tests of that path. */
export function disableDirectWrites(): void {
  dialect = { kind: 'none' };
}

/** The handle when it can be written to directly. Call once the socket is connected. */
export function directHandle(socket: Socket): Handle | undefined {
  if (dialect.kind === 'none') return undefined;
  const handle = (socket as unknown as { _handle?: Partial<Handle> | null })._handle;
  if (typeof handle?.writeLatin1String !== 'function' || typeof handle.writeQueueSize !== 'number') {
    dialect = { kind: 'none' };
    return undefined;
  }
  if (dialect.kind === 'unknown') watchFirstWrite(handle as Handle);
  return handle as Handle;
}

/** Learns from the next ordinary write, which goes its way unchanged. */
function watchFirstWrite(handle: Handle): void {
  if (Object.hasOwn(handle, 'writeLatin1String')) return;
  handle.writeLatin1String = function (this: Handle, request, text) {
    Reflect.deleteProperty(this, 'writeLatin1String');
    if (request === null) dialect = { kind: 'returned' };
    else if (typeof request === 'object' && request.constructor?.name === 'WriteWrap') {
      dialect = { kind: 'brought', Request: request.constructor as new () => WriteRequest };
    } else dialect = { kind: 'none' };
    return this.writeLatin1String(request, text);
  };
}

export const TAKEN = 0;
export const PENDING = 1;
export const ORDINARY = 2;

function onComplete(this: WriteRequest, status: number): void {
  this.waiter?.onDirectWritten(status);
}

/** TAKEN, PENDING (the waiter will be told), ORDINARY (write it through the stream), or a negative system error. */
export function writeDirect(handle: Handle, text: string, waiter: DirectWaiter): number {
  if (dialect.kind === 'brought') {
    if (spare === undefined) spare = new dialect.Request();
    const status = handle.writeLatin1String(spare, text) as number;
    if (status !== 0) return status;
    if (handle.writeQueueSize === 0) return TAKEN;
    completeTo(spare, waiter);
    spare = undefined;
    return PENDING;
  }
  if (dialect.kind === 'returned') {
    const result = handle.writeLatin1String(null, text);
    if (typeof result === 'number') return result;
    completeTo(result, waiter);
    return PENDING;
  }
  return ORDINARY;
}

function completeTo(request: WriteRequest, waiter: DirectWaiter): void {
  request.waiter = waiter;
  request.oncomplete = onComplete;
}
