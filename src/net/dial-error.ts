// Owns telling whose fault it is that a socket or a connection could not be opened.

import type { ErrorCode } from '../core/error.ts';

/** Too many open files, no free local port, no memory, forbidden by this machine: no endpoint is to blame. */
const OURS = new Set(['EMFILE', 'ENFILE', 'EADDRINUSE', 'EADDRNOTAVAIL', 'EAGAIN', 'ENOBUFS', 'ENOMEM', 'EPERM']);

/** `code` is the system's word for why a socket could not be opened, bound or connected. */
export function isOurs(code: string | undefined): boolean {
  return code !== undefined && OURS.has(code);
}

export function dialErrorCode(error: NodeJS.ErrnoException | undefined): ErrorCode {
  const code = error?.code;
  if (isOurs(code)) return 'out-of-sockets';
  return code === 'EPROTO' || code?.startsWith('ERR_') === true ? 'upstream-tls' : 'connect-failed';
}
