// Owns chance that can be looked at ahead: what is peeked at is what is drawn next, so that an explanation tells what a request
// would meet. Without a peek it costs one comparison.

import type { Random } from './env.ts';

interface Drawn {
  readonly kind: 'u32' | 'unit';
  readonly value: number;
}

export class PeekableRandom implements Random {
  readonly #source: Random;
  #ahead: Drawn[] = [];
  /** Draws go here while somebody only looks. */
  #looking: Random | undefined;
  /** Nothing was looked at and nobody looks: the usual case. */
  #plain = true;

  constructor(source: Random) {
    this.#source = source;
  }

  u32(): number {
    return this.#plain ? this.#source.u32() : this.#next('u32');
  }

  unit(): number {
    return this.#plain ? this.#source.unit() : this.#next('unit');
  }

  /** Draws in order what the next ones will draw. */
  peek(): Random {
    let at = 0;
    const draw = (kind: Drawn['kind']): number => {
      const known = this.#ahead[at];
      if (known !== undefined && known.kind !== kind) this.#ahead.length = at;
      if (at === this.#ahead.length) this.#ahead.push({ kind, value: this.#source[kind]() });
      this.#plain = false;
      return this.#ahead[at++].value;
    };
    return { u32: () => draw('u32'), unit: () => draw('unit') };
  }

  /** Whatever draws during this work only looks ahead. */
  looking<T>(work: () => T): T {
    this.#looking = this.peek();
    this.#plain = false;
    try {
      return work();
    } finally {
      this.#looking = undefined;
      this.#plain = this.#ahead.length === 0;
    }
  }

  #next(kind: Drawn['kind']): number {
    if (this.#looking !== undefined) return this.#looking[kind]();
    const [first] = this.#ahead;
    if (first === undefined) {
      this.#plain = true;
      return this.#source[kind]();
    }
    if (first.kind === kind) {
      this.#ahead.shift();
      return first.value;
    }
    // Somebody else drew meanwhile: what was looked at does not come to pass.
    this.#ahead.length = 0;
    return this.#source[kind]();
  }
}
