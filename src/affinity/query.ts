// Owns session persistence by a parameter of the query, for clients without cookies. Who sends none is not pinned.

import { parameterOf } from '../core/query.ts';
import type { AffinityKind, AffinityParts, AffinityRequest } from './affinity.ts';
import { StoredAffinity } from './stored.ts';

class QueryAffinity extends StoredAffinity {
  readonly #name: string;

  constructor(parts: AffinityParts) {
    super(parts);
    this.#name = parts.config.name;
  }

  protected keyOf({ query }: AffinityRequest): string {
    return query === '' ? '' : (parameterOf(query, this.#name) ?? '');
  }
}

export const query: AffinityKind = {
  name: 'query',
  named: true,
  takes: { store: true },
  build: (parts) => new QueryAffinity(parts),
};
