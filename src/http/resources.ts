// Owns what filters of one worker keep across reloads, by name: caches, counts, connections to stores. Something that a new
// configuration does not ask for any more is closed once it is in use.

export interface Resource {
  /** Nobody will use it any more. */
  close(): void;
}

export class Resources {
  #kept = new Map<string, Resource>();
  #asked = new Map<string, Resource>();

  /** The same as before for the same key; made when there is none. */
  get<T extends Resource>(key: string, make: () => T): T {
    const resource = this.#asked.get(key) ?? this.#kept.get(key) ?? make();
    this.#asked.set(key, resource);
    return resource as T;
  }

  *[Symbol.iterator](): Iterator<Resource> {
    yield* this.#kept.values();
  }

  /** What was asked for since the last call is in use; the rest is not. */
  commit(): void {
    for (const [key, resource] of this.#kept) if (this.#asked.get(key) !== resource) resource.close();
    this.#kept = this.#asked;
    this.#asked = new Map();
  }

  /** What was asked for is not going to be used. */
  abort(): void {
    for (const [key, resource] of this.#asked) if (this.#kept.get(key) !== resource) resource.close();
    this.#asked = new Map();
  }

  /** Nothing is used any more. */
  close(): void {
    this.abort();
    this.commit();
  }
}
