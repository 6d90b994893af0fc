// Owns session persistence by client address: everybody behind one address is one session.

import type { AffinityKind, AffinityRequest } from './affinity.ts';
import { StoredAffinity } from './stored.ts';

class SourceAffinity extends StoredAffinity {
  protected keyOf({ client }: AffinityRequest): string {
    return client;
  }
}

export const source: AffinityKind = {
  name: 'source',
  named: false,
  takes: { store: true },
  build: (parts) => new SourceAffinity(parts),
};
