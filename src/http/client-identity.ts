// Owns who the client is: the one trust model for forwarding fields. A peer that is not listed as a trusted proxy is the
// client, whatever it claims. Behind trusted ones, the client is the last address that no trusted proxy vouches for.

import { unmapIPv4 } from '../core/address.ts';

export type IsTrusted = (address: string) => boolean;

/** `forwardedFor` is the joined X-Forwarded-For. Walks from the nearest hop outwards; rubbish ends the walk. */
export function clientAddress(peer: string, forwardedFor: string | undefined, isTrusted: IsTrusted): string {
  if (forwardedFor === undefined || !isTrusted(peer)) return peer;
  let client = peer;
  const hops = forwardedFor.split(',');
  for (let i = hops.length - 1; i >= 0; i--) {
    const hop = bareAddress(hops[i].trim());
    if (hop === undefined) return client;
    client = hop;
    if (!isTrusted(hop)) return client;
  }
  return client;
}

const IPV4 = /^\d{1,3}(?:\.\d{1,3}){3}$/;
const IPV6 = /^[0-9a-f:.]{2,45}$/i;

/** Takes off a port and brackets, as some proxies write them. */
function bareAddress(hop: string): string | undefined {
  let text = hop;
  if (text.startsWith('[')) text = text.slice(1, Math.max(1, text.indexOf(']')));
  else if (/^[\d.]+:\d+$/.test(text)) text = text.slice(0, text.indexOf(':'));
  text = unmapIPv4(text);
  if (IPV4.test(text)) return text;
  return text.includes(':') && IPV6.test(text) ? text.toLowerCase() : undefined;
}
