// Owns Maglev hashing (Eisenbud et al., NSDI 2016, §3.4): endpoints take turns filling a table of prime size, each along its
// own permutation; a pick is one look into the table. The table is the same on every instance, whatever the input order.

import type { Endpoint } from '../core/endpoint.ts';
import { hash32 } from '../core/hash.ts';
import type { Balancer, BalancerKind, PickRequest } from './balancer.ts';
import { hashKey, inPlaceOrder, placeOf } from './keys.ts';
import { firstAllowed } from './scan.ts';

export interface MaglevConfig {
  /** Entries of the table; the next prime is taken. */
  readonly table: number;
}

const OFFSET_SEED = 0x6d61676c;
const SKIP_SEED = 0x65760001;
const TRIES = 32;

/** Which of `endpoints` (in place order) owns each of `size` entries; `size` is prime. */
export function maglevTable(endpoints: readonly Endpoint[], size: number): Uint32Array {
  const n = endpoints.length;
  const table = new Uint32Array(size).fill(n);
  const at = new Uint32Array(n);
  const skip = new Uint32Array(n);
  const credit = new Float64Array(n);
  const share = new Float64Array(n);
  const largest = endpoints.reduce((max, endpoint) => Math.max(max, endpoint.weight), 0);
  for (let i = 0; i < n; i++) {
    at[i] = hash32(placeOf(endpoints[i]), OFFSET_SEED) % size;
    skip[i] = (hash32(placeOf(endpoints[i]), SKIP_SEED) % (size - 1)) + 1;
    share[i] = endpoints[i].weight / largest;
  }
  for (let filled = 0; filled < size; ) {
    for (let i = 0; i < n && filled < size; i++) {
      // The heaviest takes a turn in every round, a lighter one when its share has added up to a whole turn.
      credit[i] += share[i];
      if (credit[i] < 1) continue;
      credit[i] -= 1;
      let entry = at[i];
      while (table[entry] !== n) {
        entry += skip[i];
        if (entry >= size) entry -= size;
      }
      table[entry] = i;
      at[i] = entry;
      filled++;
    }
  }
  return table;
}

export function nextPrime(atLeast: number): number {
  let candidate = Math.max(2, Math.ceil(atLeast));
  while (!isPrime(candidate)) candidate++;
  return candidate;
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return n >= 2;
}

class Maglev implements Balancer {
  readonly #endpoints: readonly Endpoint[];
  readonly #table: Uint32Array;

  constructor(endpoints: readonly Endpoint[], size: number) {
    this.#endpoints = inPlaceOrder(endpoints);
    this.#table = endpoints.length === 0 ? new Uint32Array(1) : maglevTable(this.#endpoints, nextPrime(size));
  }

  pick(request: PickRequest): Endpoint | undefined {
    const table = this.#table;
    const endpoints = this.#endpoints;
    let owner = table[hashKey(request.key) % table.length];
    if (!request.excluding) return endpoints[owner];
    for (let seed = 1; seed <= TRIES && owner < endpoints.length && request.excludes(endpoints[owner]); seed++) {
      owner = table[hashKey(request.key, seed) % table.length];
    }
    owner = firstAllowed(endpoints, owner, request);
    return owner < 0 ? undefined : endpoints[owner];
  }
}

export const maglev: BalancerKind<MaglevConfig> = {
  name: 'maglev',
  needs: 'key',
  schema: {
    table: {
      type: 'number',
      integer: true,
      min: 3,
      max: 10_000_019,
      default: 65537,
      doc: 'Entries of the table, rounded up to a prime. At least 100 times the number of endpoints keeps shares within 1 %.',
    },
  },
  build: (view, config) => new Maglev(view.endpoints, config.table),
};
