// Owns the filter `concurrency-limit`: so many requests of one key at once, over all workers.

import type { ConcurrencyLimitSettings } from '../../config/types.ts';
import { hash32 } from '../../core/hash.ts';
import type { Filter, FilterKind } from '../filter.ts';
import { fillingOf } from './fill.ts';

/** Apart from the connections that are counted in the same table. */
const SPACE = 0x40000000;

export const concurrencyLimit: FilterKind<ConcurrencyLimitSettings> = {
  name: 'concurrency-limit',
  build({ key, max, status, name }, { env, counts, place, count }): Filter {
    const keyOf = fillingOf(key);
    const space = SPACE | (hash32(name === '' ? place : name, 0xc0c0) & 0x3fffffff);
    const filter: Filter = {
      onRequest(request) {
        const ticket = counts.begin(space, keyOf(request), max, 0, env.clock.now());
        if (ticket < 0) {
          count('concurrency-refused');
          return { status, code: status === 429 ? 'rate-limited' : 'overloaded', retryAfterSeconds: 1 };
        }
        request.keep(filter, ticket);
        return undefined;
      },
      onDone(request) {
        counts.end(request.kept(filter) as number);
      },
    };
    return filter;
  },
};
