// Owns the reading of the kernel's counters: what was added since the last look. Kernel counters only grow, until the
// table is made anew. Pure.

import type { CounterMeaning } from './ruleset.ts';

export interface Count extends CounterMeaning {
  readonly packets: number;
  readonly bytes: number;
}

interface Seen {
  readonly packets: number;
  readonly bytes: number;
}

const NOTHING: Seen = { packets: 0, bytes: 0 };

export class Counts {
  readonly #seen = new Map<string, Seen>();

  /** `listing` is what `nft -j list counters` wrote; throws when it is none. Only counters that moved are returned. */
  take(listing: string, meanings: ReadonlyMap<string, CounterMeaning>): Count[] {
    const moved: Count[] = [];
    for (const { name, packets, bytes } of readCounters(listing)) {
      const meaning = meanings.get(name);
      if (meaning === undefined) continue;
      const before = this.#seen.get(name) ?? NOTHING;
      this.#seen.set(name, { packets, bytes });
      // Fewer than before: the table is another one.
      const from = packets < before.packets || bytes < before.bytes ? NOTHING : before;
      if (packets === from.packets) continue;
      moved.push({ ...meaning, packets: packets - from.packets, bytes: bytes - from.bytes });
    }
    for (const name of this.#seen.keys()) if (!meanings.has(name)) this.#seen.delete(name);
    return moved;
  }

  /** The table was made anew: everything starts from nothing. */
  reset(): void {
    this.#seen.clear();
  }
}

interface Listed extends Seen {
  readonly name: string;
}

function readCounters(listing: string): Listed[] {
  const { nftables } = JSON.parse(listing) as { nftables?: readonly { readonly counter?: Listed }[] };
  if (!Array.isArray(nftables)) throw new TypeError('nft listed no counters');
  return (nftables as readonly { readonly counter?: Listed }[]).flatMap(({ counter }) =>
    counter === undefined ? [] : [counter],
  );
}
