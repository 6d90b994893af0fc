// Owns everything this project knows of Node's inner TLS handle, which nobody documents: how to lay it over a connection's TCP
// handle, and what it tells while the two sides agree. Whether what is known is still true is found out by
// `handle-check.ts`; where it is not, TLS runs on Node's own sockets (`onSocket` in `secure.ts`). See docs/decisions/0003.

import type { SecureContext } from 'node:tls';
import type { TcpHandle } from '../net/handle.ts';

/** The context of a SecureContext, which only Node looks into. */
type InnerContext = unknown;

export interface TlsHandle extends TcpHandle {
  onhandshakestart: () => void;
  /** Called from within the reading of what completed it: what follows it is read in the same turn. */
  onhandshakedone: () => void;
  onerror: (error: NodeJS.ErrnoException) => void;
  onnewsession?: (id: Buffer, session: Buffer) => void;
  _parent?: TcpHandle;
  _secureContext?: SecureContext;
  enableSessionCallbacks(): void;
  setVerifyMode(request: boolean, reject: boolean): void;
  verifyError(): Error | null;
  setALPNProtocols(wire: Uint8Array): void;
  setOCSPResponse(response: Uint8Array): void;
  setServername(name: string): void;
  setSession(session: Uint8Array): void;
  getALPNNegotiatedProtocol(): string | false;
  getProtocol(): string;
  getPeerCertificate(detailed: boolean): { readonly raw?: Buffer } | undefined;
  isSessionReused(): boolean;
  /** Ciphertext that was read before the layer was there. */
  receive(bytes: Uint8Array): void;
  /** Begins the handshake; clients only. */
  start(): void;
  destroySSL(): void;
}

type Wrap = (handle: TcpHandle, context: InnerContext, isServer: boolean, activeWrite: boolean) => TlsHandle;

const METHODS = ['setVerifyMode', 'verifyError', 'setALPNProtocols', 'setOCSPResponse', 'receive', 'start'];

let wrap: Wrap | undefined = lookUp();

function lookUp(): Wrap | undefined {
  try {
    const { binding } = process as unknown as { binding(name: string): unknown };
    const found = binding('tls_wrap') as { wrap?: Wrap; TLSWrap?: { prototype: Record<string, unknown> } };
    const methods = found.TLSWrap?.prototype ?? {};
    return METHODS.every((name) => typeof methods[name] === 'function') ? found.wrap : undefined;
  } catch {
    return undefined;
  }
}

/** They look as known. */
export function tlsHandlesAreKnown(): boolean {
  return wrap !== undefined;
}

/** From now on TLS of this thread runs on Node's own sockets. */
export function forgetTlsHandles(): void {
  wrap = undefined;
}

/** What TLS was laid over. */
export function below(handle: TcpHandle): TcpHandle {
  return (handle as TlsHandle)._parent ?? handle;
}

/** Lays TLS over a connected handle. What goes through the result is plain text. */
export function tlsOver(inner: TcpHandle, context: SecureContext, isServer: boolean): TlsHandle {
  const handle = wrap!(inner, context.context, isServer, false);
  handle._parent = inner;
  handle._secureContext = context;
  // The secrets are wiped once nothing can use them any more; within a callback of the handle they still may be.
  const wiped = (done: unknown) => (): void => {
    handle.destroySSL();
    if (typeof done === 'function') done();
  };
  const { close, reset } = inner as unknown as Record<'close' | 'reset', (done: () => void) => number>;
  Object.assign(handle, {
    close: (done: unknown) => close.call(inner, wiped(done)),
    reset: (done: unknown) => reset.call(inner, wiped(done)),
  });
  return handle;
}
