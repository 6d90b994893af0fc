// Owns what the kernel path is asked for: listeners whose packets the kernel forwards, their routes, and the pools behind
// them. Plain data, compiled from the configuration; which endpoints may be picked now is asked for apart from it.

import type { BalanceConfig, Config, ListenerConfig, TcpListenerConfig, UdpListenerConfig } from '../config/types.ts';
import type { Address } from '../core/address.ts';
import { parseCidr } from '../core/cidr.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { formatIp, readIp } from '../core/ip.ts';

export interface NatService {
  /** The listener's name. */
  readonly name: string;
  readonly protocol: 'tcp' | 'udp';
  readonly bind: Address;
  /** Backends see the balancer's address. */
  readonly masquerade: boolean;
  /** The first that matches a client is taken. */
  readonly routes: readonly NatRoute[];
}

export interface NatRoute {
  /** CIDRs; empty for everybody. */
  readonly client: readonly string[];
  readonly pool: NatPool;
}

export interface NatPool {
  readonly name: string;
  readonly balance: BalanceConfig;
  /** All that are configured, whatever their health. */
  readonly endpoints: readonly Endpoint[];
}

/** What may be picked of a pool right now, with the weights of right now. */
export type Pickable = (pool: string) => readonly Endpoint[];

export type Family = 4 | 6;

export function familyOf(host: string): Family {
  return host.includes(':') ? 6 : 4;
}

/** As sockets do it, `[::]` takes IPv4 as well. */
export function familiesOf(bind: Address): readonly Family[] {
  return bind.host === '::' ? [4, 6] : [familyOf(bind.host)];
}

export function isEveryAddress(host: string): boolean {
  return host === '0.0.0.0' || host === '::';
}

type Layer4 = TcpListenerConfig | UdpListenerConfig;

export function isLayer4(listener: ListenerConfig): listener is Layer4 {
  return listener.protocol !== 'http';
}

/** `endpointsOf` gives what the pool has configured, whatever its health. */
export function serviceOf(
  listener: Layer4,
  config: Pick<Config, 'pools'>,
  endpointsOf: (pool: string) => readonly Endpoint[],
): NatService {
  const { name, protocol, bind, snat } = listener;
  const pool = (of: string): NatPool => ({ name: of, balance: config.pools[of].balance, endpoints: endpointsOf(of) });
  const routes: NatRoute[] =
    listener.protocol === 'tcp'
      ? listener.routes.map((route) => ({ client: route.client.map(network), pool: pool(route.pool) }))
      : [{ client: [], pool: pool(listener.pool) }];
  // As in `routing/tcp.ts`: a route with a condition comes before one without.
  routes.sort((a, b) => Number(a.client.length === 0) - Number(b.client.length === 0));
  return { name, protocol, bind: { ...bind, host: literal(bind.host) }, masquerade: snat === 'auto', routes };
}

/** The one way to write an address: others would be told apart where the kernel tells nothing apart. */
export function literal(host: string): string {
  const bytes = new Uint8Array(16);
  const length = readIp(host, bytes);
  return length === 0 ? host : formatIp(bytes, 0, length);
}

/** Texts were checked when the configuration was compiled. */
function network(text: string): string {
  const cidr = parseCidr(text);
  if (!cidr.ok) throw new TypeError(`"${text}" ${cidr.error}`);
  const { bytes, prefix } = cidr.value;
  return `${formatIp(bytes, 0, bytes.length === 4 ? 4 : 16)}/${prefix}`;
}
