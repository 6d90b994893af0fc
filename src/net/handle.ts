// Owns everything this project knows of Node's inner TCP handles, which nobody documents: how to make one, connect it, read
// into a given buffer, write past the stream machinery, and end it. Whether what is known is still true is found out by
// `handle-check.ts`; where it is not, connections are streams (`stream-conn.ts`). See docs/decisions/0003.
//
// Order is kept whatever is mixed, because libuv queues all writes of a handle.

import { isIPv6 } from 'node:net';
import type { Address } from '../core/address.ts';

export interface TcpHandle {
  /** Whoever is told what happens. */
  conn?: HandleUser;
  onread: (this: TcpHandle) => Buffer | undefined;
  useUserBuffer(buffer: Uint8Array): void;
  readStart(): number;
  readStop(): number;
  writeLatin1String(request: WriteRequest | null, text: string): number | WriteRequest | undefined;
  writeBuffer(request: WriteRequest | null, bytes: Uint8Array): number | WriteRequest | undefined;
  writev(request: WriteRequest | null, parts: Uint8Array[], allBuffers: true): number | WriteRequest | undefined;
  readonly writeQueueSize: number;
  shutdown(request: Request): number;
  connect(request: Request, host: string, port: number): number;
  connect6(request: Request, host: string, port: number): number;
  getpeername(out: object): number;
  getsockname(out: object): number;
  setNoDelay(on: boolean): number;
  close(): void;
  reset(): number;
}

/** Statuses below 0 are system errors. */
export interface HandleUser {
  /** `count` > 0: bytes read into the buffer in use; returns the buffer to use from now on, if another. */
  onRead(count: number): Buffer | undefined;
  onWritten(status: number): void;
  onShutdown(status: number): void;
  onConnected(status: number): void;
}

interface Request {
  oncomplete: (this: this, status: number) => void;
  user?: HandleUser;
}

interface WriteRequest extends Request {
  /** Keeps the bytes alive while the kernel reads them. */
  bytes?: unknown;
}

interface StreamBinding {
  readonly WriteWrap: new () => WriteRequest;
  readonly ShutdownWrap: new () => Request;
  readonly streamBaseState: Int32Array;
  readonly kReadBytesOrError: number;
  readonly kLastWriteWasAsync: number;
  /** Node 26: the write functions make a request themselves when they need one, and errors are told here. */
  readonly kLastWriteErr?: number;
}

interface TcpBinding {
  readonly TCP: new (type: number) => TcpHandle;
  readonly TCPConnectWrap: new () => Request;
  readonly constants: { readonly SOCKET: number };
}

export const END_OF_FILE = -4095;

interface Bindings {
  readonly stream: StreamBinding;
  readonly tcp: TcpBinding;
}

let bindings: Bindings | undefined = lookUp();

function lookUp(): Bindings | undefined {
  try {
    const { binding } = process as unknown as { binding(name: string): unknown };
    const stream = binding('stream_wrap') as Partial<StreamBinding>;
    const tcp = binding('tcp_wrap') as Partial<TcpBinding>;
    const known =
      stream.streamBaseState instanceof Int32Array &&
      [stream.kReadBytesOrError, stream.kLastWriteWasAsync, tcp.constants?.SOCKET].every(Number.isInteger) &&
      [stream.WriteWrap, stream.ShutdownWrap, tcp.TCP, tcp.TCPConnectWrap].every((one) => typeof one === 'function');
    return known ? { stream: stream as StreamBinding, tcp: tcp as TcpBinding } : undefined;
  } catch {
    return undefined;
  }
}

/** They look as known. */
export function handlesAreKnown(): boolean {
  return bindings !== undefined;
}

/** From now on every new connection of this thread is a stream. */
export function forgetHandles(): void {
  bindings = undefined;
}

export function newHandle(): TcpHandle {
  const { tcp } = bindings!;
  return new tcp.TCP(tcp.constants.SOCKET);
}

function onRead(this: TcpHandle): Buffer | undefined {
  const { stream } = found!;
  return this.conn!.onRead(stream.streamBaseState[stream.kReadBytesOrError]);
}

/** Kept beside `bindings`: connections that are open go on after `forgetHandles`. */
const found = bindings;

export function startReading(handle: TcpHandle, user: HandleUser, buffer: Buffer): number {
  handle.conn = user;
  handle.onread = onRead;
  handle.useUserBuffer(buffer);
  return handle.readStart();
}

function onConnected(this: Request, status: number): void {
  this.user!.onConnected(status);
}

/** The address is an IP literal. Returns a system error below 0 when it fails at once. */
export function connectHandle(handle: TcpHandle, { host, port }: Address, user: HandleUser): number {
  const request = new found!.tcp.TCPConnectWrap();
  request.user = user;
  request.oncomplete = onConnected;
  return isIPv6(host) ? handle.connect6(request, host, port) : handle.connect(request, host, port);
}

function onShutdown(this: Request, status: number): void {
  this.user!.onShutdown(status);
}

/** FIN once everything before it is written. */
export function shutdownHandle(handle: TcpHandle, user: HandleUser): number {
  const request = new found!.stream.ShutdownWrap();
  request.user = user;
  request.oncomplete = onShutdown;
  return handle.shutdown(request);
}

/** The kernel took everything. */
export const TAKEN = 0;
/** It did not; the user will be told. */
export const PENDING = 1;

function onWritten(this: WriteRequest, status: number): void {
  this.bytes = undefined;
  this.user!.onWritten(status);
}

/** In Node 24 the caller brings the request; it stays unused when the kernel took everything. */
let spare: WriteRequest | undefined;
function takeSpare(): WriteRequest | null {
  const { stream } = found!;
  if (stream.kLastWriteErr !== undefined) return null;
  if (spare === undefined) spare = new stream.WriteWrap();
  return spare;
}

/** TAKEN, PENDING, or a system error below 0. */
function outcome(result: number | WriteRequest | undefined, user: HandleUser, bytes: unknown): number {
  const { streamBaseState, kLastWriteWasAsync, kLastWriteErr } = found!.stream;
  const status = kLastWriteErr === undefined ? (result as number) : streamBaseState[kLastWriteErr];
  if (status !== 0) return status;
  if (streamBaseState[kLastWriteWasAsync] === 0) return TAKEN;
  const request = kLastWriteErr === undefined ? spare! : (result as WriteRequest);
  spare = undefined;
  request.user = user;
  request.bytes = bytes;
  request.oncomplete = onWritten;
  return PENDING;
}

export function writeText(handle: TcpHandle, text: string, user: HandleUser): number {
  return outcome(handle.writeLatin1String(takeSpare(), text), user, undefined);
}

export function writeBytes(handle: TcpHandle, bytes: Buffer, user: HandleUser): number {
  return outcome(handle.writeBuffer(takeSpare(), bytes), user, bytes);
}

export function writeParts(handle: TcpHandle, parts: Buffer[], user: HandleUser): number {
  return outcome(handle.writev(takeSpare(), parts, true), user, parts);
}
