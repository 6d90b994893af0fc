// Owns a first-in-first-out line that mostly holds one: the first has a field of its own, so that the usual case allocates
// nothing (an array that goes from empty to one and back allocates every time).

export class Line<T> {
  first: T | undefined;
  #rest: T[] | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size++ === 0) this.first = item;
    else if (this.#rest === undefined) this.#rest = [item];
    else this.#rest.push(item);
  }

  shift(): void {
    if (this.#size === 0) return;
    this.first = --this.#size === 0 ? undefined : this.#rest!.shift();
  }

  /** From the front. */
  all(): T[] {
    return this.#size === 0 ? [] : [this.first!, ...(this.#rest ?? [])];
  }

  clear(): void {
    this.first = undefined;
    this.#rest = undefined;
    this.#size = 0;
  }

  /** Puts `by` in the item's place, or nothing; false when the item is not there. */
  replace(item: T, by: T | undefined): boolean {
    const items = this.all();
    const index = items.indexOf(item);
    if (index < 0) return false;
    items.splice(index, 1, ...(by === undefined ? [] : [by]));
    this.clear();
    for (const one of items) this.push(one);
    return true;
  }
}
