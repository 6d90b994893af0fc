// Owns the textual form of a network address (`host:port`, `[v6]:port`). Never resolves a name and never does I/O.

import { err, ok, type Result } from './result.ts';

export interface Address {
  /** An IPv4 or IPv6 literal without brackets, or a host name. */
  readonly host: string;
  /** 0-65535; 0 only in a listener's bind, where it means "any free port". */
  readonly port: number;
}

const HOST_NAME = /^(?!-)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?$/;
const IPV6 = /^[0-9A-Fa-f:.]{2,45}(%[A-Za-z0-9_.-]{1,32})?$/;

/** Parses `host:port` or `[v6]:port`. The error text says what is wrong, for a person who wrote the configuration. */
export function parseAddress(text: string): Result<Address, string> {
  let host: string;
  let portText: string;
  if (text.startsWith('[')) {
    const close = text.indexOf(']');
    if (close < 0) return err('has "[" without "]"');
    host = text.slice(1, close);
    if (!host.includes(':') || !IPV6.test(host)) return err('has no IPv6 address between "[" and "]"');
    if (text[close + 1] !== ':') return err('needs a port, as in [::1]:8080');
    portText = text.slice(close + 2);
  } else {
    const colon = text.lastIndexOf(':');
    if (colon < 0) return err('needs a port, as in 10.0.0.1:8080');
    host = text.slice(0, colon);
    if (host.includes(':')) return err('is an IPv6 address without brackets; write [::1]:8080');
    portText = text.slice(colon + 1);
    if (!HOST_NAME.test(host)) return err('has no valid host before the port');
    if (/^[\d.]+$/.test(host) && !isIPv4(host)) return err(`has "${host}", which is no IPv4 address`);
  }
  if (!/^\d{1,5}$/.test(portText)) return err(`has "${portText}" where a port number belongs`);
  const port = Number(portText);
  if (port > 65535) return err(`has port ${port}; the largest is 65535`);
  return ok({ host, port });
}

export function formatAddress(address: Address): string {
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

export function isIPv4(text: string): boolean {
  const parts = text.split('.');
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) <= 255);
}

/** `::ffff:10.0.0.1`, as dual-stack sockets report IPv4 peers, becomes `10.0.0.1`; all else is returned as it came. */
export function unmapIPv4(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address;
}
