// Owns telling IPv4 and IPv6 texts apart where both are known to be addresses, or names that are neither.

import { isIPv4 } from '../core/address.ts';

export function isOfFamily(host: string, family: 4 | 6): boolean {
  return family === 4 ? isIPv4(host) : host.includes(':');
}
