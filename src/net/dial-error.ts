// Owns telling whose fault it is that a connection could not be opened.

import type { ErrorCode } from '../core/error.ts';

/** Too many open files, no free local port, no memory: no endpoint is to blame. */
const OURS = new Set(['EMFILE', 'ENFILE', 'EADDRNOTAVAIL', 'ENOBUFS', 'ENOMEM', 'EPERM']);

export function dialErrorCode(error: NodeJS.ErrnoException | undefined): ErrorCode {
  return error?.code !== undefined && OURS.has(error.code) ? 'out-of-sockets' : 'connect-failed';
}
