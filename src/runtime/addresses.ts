// Owns the list of addresses that a configuration listens on, whatever is spoken there.

import type { Config, Protocol } from '../config/types.ts';
import type { Address } from '../core/address.ts';
import { dnsListenerNames } from './dns-handler.ts';

export interface ListenerAddress {
  readonly name: string;
  readonly bind: Address;
  /** DNS takes the port of UDP and of TCP. */
  readonly protocol: Protocol | 'dns';
}

export function listenerAddresses({ listeners, dns }: Config): readonly ListenerAddress[] {
  const named = dnsListenerNames(dns).map((name, i) => ({ name, bind: dns!.bind[i], protocol: 'dns' as const }));
  return [...Object.values(listeners), ...named];
}

/** The port numbers that are taken. */
export function transportsOf(protocol: ListenerAddress['protocol']): readonly ('tcp' | 'udp')[] {
  return protocol === 'dns' ? ['udp', 'tcp'] : [protocol === 'udp' ? 'udp' : 'tcp'];
}
