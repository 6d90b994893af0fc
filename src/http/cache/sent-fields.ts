// Owns the fields of a request as they were when a cache looked for its answer. What an answer varies by is known only when it comes,
// and by then the cache and the filters behind it have changed the request: kept under what they made of it, nobody would find it.

import type { FilterRequest } from '../filter.ts';
import { HeadEdits } from '../head-edits.ts';

export class SentFields {
  /** The client sent credentials, whether or not the endpoint gets to see them. */
  readonly hasCredentials: boolean;
  readonly #values = new Map<string, string>();
  /** For what filters before the cache added. */
  readonly #edits: HeadEdits | undefined;

  constructor(request: FilterRequest) {
    let hasCredentials = false;
    request.eachField((name) => {
      const lower = name.toLowerCase();
      if (lower === 'authorization') hasCredentials = true;
      if (this.#values.has(lower)) return;
      const value = request.header(lower);
      if (value !== undefined) this.#values.set(lower, value);
    });
    this.hasCredentials = hasCredentials;
    if (request.edits.isEmpty) return;
    this.#edits = new HeadEdits();
    this.#edits.add(request.edits);
  }

  /** `name` in lower case. */
  get(name: string): string | undefined {
    return this.#values.get(name) ?? this.#edits?.now(name) ?? undefined;
  }
}

/** Some filter that it has passed found out who asks. */
export function isIdentified(request: FilterRequest): boolean {
  return request.identity !== '' || request.claims !== undefined;
}
