// Owns ALIAS: the addresses of another name under this one. The target may be in the zone, in another zone of ours, steered, or
// outside, where the control plane looks it up. Also what is chosen at the moment of a transfer.

import { TYPE } from '../wire/types.ts';
import type { Zone, ZoneSet } from '../zone/zone.ts';
import { AliasChain } from './alias-chain.ts';
import type { Owner, SetWriter } from './records.ts';
import { NOBODY, type Steered } from './steered.ts';

export class Aliases {
  readonly #sets: SetWriter;
  readonly #steered: Steered;
  readonly #chain = new AliasChain();

  constructor(sets: SetWriter, steered: Steered) {
    this.#sets = sets;
    this.#steered = steered;
  }

  /** As with sets: 0 when there are no addresses, -1 when they do not fit; undefined when the target cannot be known. */
  write(zones: ZoneSet, from: Zone, set: number, type: number, owner: Owner): number | undefined {
    const chain = this.#chain;
    const end = chain.follow(zones, from, set, type);
    const { zone, ttl } = chain;
    switch (end) {
      case 'addresses':
        return this.#sets.write(zone, chain.set, owner, Math.min(ttl, zone.ttl(chain.set)));
      case 'steered':
        return this.#steered.write(zone, chain.set, type, owner, ttl);
      case 'outside':
        return this.#steered.writeOutside(chain.name, type, owner, ttl);
      case 'nothing':
        return 0;
      default:
        return undefined;
    }
  }

  /**
   * Writes what a steered set or an ALIAS is now, for a client of whom nothing is known. Returns how many records; -1 when they do not
   * fit.
   */
  addressesOf(zones: ZoneSet, zone: Zone, node: number, set: number): number {
    const owner: Owner = { bytes: zone.bytes, at: zone.nameOf(node) };
    this.#steered.client = NOBODY;
    let records = 0;
    for (const type of [TYPE.A, TYPE.AAAA]) {
      this.#steered.reset();
      const steered = zone.type(set) === TYPE.STEER;
      const written = steered
        ? this.#steered.write(zone, set, type, owner, Infinity)
        : (this.write(zones, zone, set, type, owner) ?? 0);
      if (written < 0) return -1;
      records += written;
    }
    return records;
  }
}
