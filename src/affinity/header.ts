// Owns session persistence by the value of a request's field: an API key, a tenant. Who sends none is not pinned.

import type { AffinityKind, AffinityParts, AffinityRequest } from './affinity.ts';
import { StoredAffinity } from './stored.ts';

class HeaderAffinity extends StoredAffinity {
  readonly #name: string;

  constructor(parts: AffinityParts) {
    super(parts);
    this.#name = parts.config.name;
  }

  protected keyOf(request: AffinityRequest): string {
    return request.header(this.#name) ?? '';
  }
}

export const header: AffinityKind = {
  name: 'header',
  named: true,
  takes: { store: true },
  build: (parts) => new HeaderAffinity(parts),
};
