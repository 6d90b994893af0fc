// Owns the order of flows by their last datagram: doubly linked lists threaded through arrays, so that joining, leaving and
// finding the oldest are constant time and cost no object. A flow is in one list at a time. It knows no time and no keys.

const NONE = -1;
const NOWHERE = 255;

export class FlowLists {
  #previous: Int32Array<ArrayBuffer>;
  #next: Int32Array<ArrayBuffer>;
  #list: Uint8Array<ArrayBuffer>;
  readonly #heads: Int32Array;
  readonly #tails: Int32Array;
  readonly #sizes: Int32Array;

  /** `lists` is how many there are; `capacity` how many flows may be in them together. */
  constructor(lists: number, capacity: number) {
    this.#previous = new Int32Array(capacity);
    this.#next = new Int32Array(capacity);
    this.#list = new Uint8Array(capacity).fill(NOWHERE);
    this.#heads = new Int32Array(lists).fill(NONE);
    this.#tails = new Int32Array(lists).fill(NONE);
    this.#sizes = new Int32Array(lists);
  }

  grow(capacity: number): void {
    const from = this.#list.length;
    this.#previous = longer(this.#previous, capacity);
    this.#next = longer(this.#next, capacity);
    const list = new Uint8Array(capacity);
    list.set(this.#list);
    this.#list = list.fill(NOWHERE, from);
  }

  /** The oldest; -1 when the list is empty. */
  first(list: number): number {
    return this.#heads[list];
  }

  size(list: number): number {
    return this.#sizes[list];
  }

  /** Makes the flow the newest of the list, wherever it was before. */
  append(list: number, flow: number): void {
    if (this.#list[flow] !== NOWHERE) this.remove(flow);
    const tail = this.#tails[list];
    this.#previous[flow] = tail;
    this.#next[flow] = NONE;
    this.#list[flow] = list;
    if (tail === NONE) this.#heads[list] = flow;
    else this.#next[tail] = flow;
    this.#tails[list] = flow;
    this.#sizes[list]++;
  }

  remove(flow: number): void {
    const list = this.#list[flow];
    if (list === NOWHERE) return;
    const previous = this.#previous[flow];
    const next = this.#next[flow];
    if (previous === NONE) this.#heads[list] = next;
    else this.#next[previous] = next;
    if (next === NONE) this.#tails[list] = previous;
    else this.#previous[next] = previous;
    this.#list[flow] = NOWHERE;
    this.#sizes[list]--;
  }

  /** The list of the flow; undefined when it is in none. */
  of(flow: number): number | undefined {
    const list = this.#list[flow];
    return list === NOWHERE ? undefined : list;
  }

  /** From the oldest to the newest. */
  *walk(list: number): Generator<number> {
    for (let flow = this.#heads[list]; flow !== NONE; flow = this.#next[flow]) yield flow;
  }
}

function longer(array: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  const out = new Int32Array(length);
  out.set(array);
  return out;
}
