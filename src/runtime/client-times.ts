// Owns which round trips are those of our clients, and one time for each of their networks. Pure.

import type { Config } from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';
import { formatIp, readIp } from '../core/ip.ts';
import type { RoundTrip } from '../net/round-trips.ts';

/** A listener that clients connect to. */
export interface Gate {
  /** Text of an IP address; '' for any. */
  readonly host: string;
  readonly port: number;
  /** Peers that speak for others: the time to them is not the client's. */
  readonly proxies: CidrSet;
}

export interface ClientTime {
  /** Of one of them. */
  readonly address: string;
  readonly ms: number;
}

/** `portOf` has the port of a listener that was given any. UDP has no connections; DNS is asked by resolvers. */
export function gatesOf({ listeners, trustedProxies }: Config, portOf: (listener: string) => number): readonly Gate[] {
  return Object.values(listeners).flatMap(({ name, protocol, bind, proxyProtocol }) => {
    const port = bind.port === 0 ? portOf(name) : bind.port;
    if (protocol === 'udp' || port === 0) return [];
    const proxies = CidrSet.of([...trustedProxies, ...(proxyProtocol?.from ?? [])]);
    return [{ host: hostOf(bind.host), port, proxies }];
  });
}

const bytes = new Uint8Array(16);

function hostOf(bind: string): string {
  const length = readIp(bind, bytes);
  const isAny = bytes.subarray(0, length).every((byte) => byte === 0);
  return isAny ? '' : formatIp(bytes, 0, length as 4 | 16);
}

/** The median of each network; of connections that were acknowledged within `newestMs`, because others tell nothing new. */
export function clientTimes(
  trips: readonly RoundTrip[],
  gates: readonly Gate[],
  newestMs: number,
): readonly ClientTime[] {
  const networks = new Map<string, { address: string; times: number[] }>();
  for (const { local, peer, ms, ageMs } of trips) {
    if (ageMs > newestMs) continue;
    const gate = gates.find(({ host, port }) => port === local.port && (host === '' || host === local.host));
    if (gate === undefined || gate.proxies.has(peer.host)) continue;
    const length = readIp(peer.host, bytes);
    const network = bytes.subarray(0, length === 4 ? 3 : 6).join('.');
    const known = networks.get(network);
    if (known === undefined) networks.set(network, { address: peer.host, times: [ms] });
    else known.times.push(ms);
  }
  return Array.from(networks.values(), ({ address, times }) => ({ address, ms: median(times) }));
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[(times.length - 1) >> 1];
}
