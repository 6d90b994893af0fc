// Owns the words for a socket that cannot be opened: what happened, and what to do about it; and which addresses exclude
// each other.

import { type Address, formatAddress } from '../core/address.ts';
import type { ListenerAddress } from './addresses.ts';

/** What `ss` calls the sockets of a protocol. */
const LETTERS = { http: 't', tcp: 't', udp: 'u', dns: 'tu' } as const;

export function bindError(
  what: string,
  address: Address,
  error: NodeJS.ErrnoException,
  protocol: ListenerAddress['protocol'] = 'tcp',
): string {
  const place = `${what}: cannot listen on ${formatAddress(address)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return `${place}: the port is in use by another process (ss -l${LETTERS[protocol]}np 'sport = :${address.port}' names it)`;
    case 'EACCES':
      return `${place}: permission denied; ports below 1024 need root or CAP_NET_BIND_SERVICE`;
    case 'EADDRNOTAVAIL':
      return `${place}: this machine has no such address`;
    case 'EMFILE':
    case 'ENFILE':
      return `${place}: too many open files; raise the limit (ulimit -n)`;
    case 'ENOTFOUND':
      return `${place}: the host name does not resolve`;
    default:
      return `${place}: ${error.code ?? error.message}`;
  }
}

const EVERY = new Set(['0.0.0.0', '::']);

/** Two sockets of one protocol cannot have both. */
export function overlaps(a: Address, b: Address): boolean {
  return a.port === b.port && (a.host === b.host || EVERY.has(a.host) || EVERY.has(b.host));
}
