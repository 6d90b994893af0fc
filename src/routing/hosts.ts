// Owns the choice by host: the exact name, then wildcards from the longest suffix to the shortest, then routes for any host.
// When no route of a more specific host accepts the request, the next less specific one is asked.

import type { PathTable } from './paths.ts';
import type { RequestHead, Router } from './route.ts';

export class HostTable<R> implements Router<R> {
  readonly #exact: ReadonlyMap<string, PathTable<R>>;
  /** By what follows `*.`. */
  readonly #wildcard: ReadonlyMap<string, PathTable<R>>;
  readonly #any: PathTable<R> | undefined;

  /** Keys are host patterns as configured: `example.com`, `*.example.com`, or `*` for any host. */
  constructor(tables: ReadonlyMap<string, PathTable<R>>) {
    const exact = new Map<string, PathTable<R>>();
    const wildcard = new Map<string, PathTable<R>>();
    for (const [host, table] of tables) {
      if (host === '*') continue;
      if (host.startsWith('*.')) wildcard.set(host.slice(2), table);
      else exact.set(host, table);
    }
    this.#exact = exact;
    this.#wildcard = wildcard;
    this.#any = tables.get('*');
  }

  match(head: RequestHead): R | undefined {
    const { host } = head;
    const found = this.#exact.get(host)?.find(head);
    if (found !== undefined) return found;
    if (this.#wildcard.size > 0) {
      // At least one label stands for the star, so example.com itself is not below *.example.com.
      for (let dot = host.indexOf('.', 1); dot >= 0; dot = host.indexOf('.', dot + 1)) {
        const below = this.#wildcard.get(host.slice(dot + 1))?.find(head);
        if (below !== undefined) return below;
      }
    }
    return this.#any?.find(head);
  }
}
