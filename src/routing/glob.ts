// Owns glob patterns over paths: `*` is any characters of one segment, `**` any characters, and `/**/` also nothing at all.
// With `**` it runs as a bit-parallel automaton (Baeza-Yates & Gonnet 1992), without as a greedy scan; neither backtracks
// over more than one star, so time is linear in the path whatever the pattern.

const SLASH = 47;
const STAR = -1;
const DOUBLE_STAR = -2;
/** Bit i of a word array stands for "everything before token i has matched"; words hold 32 bits. */
type Bits = Int32Array;

/** The characters before the first wildcard: every match starts with them. */
export function globPrefix(pattern: string): string {
  const star = pattern.indexOf('*');
  return star < 0 ? pattern : pattern.slice(0, star);
}

export function compileGlob(pattern: string): { test(text: string): boolean } {
  const prefix = globPrefix(pattern);
  if (!pattern.includes('**')) {
    return { test: (text) => text.startsWith(prefix) && matchStars(pattern, text, prefix.length) };
  }
  // The token before the wildcard stays in, for `/**/` needs to see its slash.
  const from = Math.max(0, prefix.length - 1);
  const automaton = new Automaton(tokensOf(pattern.slice(from)));
  return { test: (text) => text.startsWith(prefix) && automaton.test(text, from) };
}

/**
 * Greedy, with single stars only. The earliest place for what follows a star is always the best one, as a star does not
 * leave its segment, so only the newest star is ever extended: at most text × pattern steps.
 */
function matchStars(pattern: string, text: string, from: number): boolean {
  let p = from;
  let t = from;
  let star = -1;
  let starEnd = 0;
  while (t < text.length) {
    const code = p < pattern.length ? pattern.charCodeAt(p) : -1;
    if (code === 42) {
      star = ++p;
      starEnd = t;
    } else if (code === text.charCodeAt(t)) {
      p++;
      t++;
    } else if (star >= 0 && text.charCodeAt(starEnd) !== SLASH) {
      p = star;
      t = ++starEnd;
    } else {
      return false;
    }
  }
  if (pattern.charCodeAt(p) === 42) p++;
  return p === pattern.length;
}

/** Character codes and wildcards, no two wildcards next to each other. */
function tokensOf(pattern: string): readonly number[] {
  // One `/**/` stands for any number of them in a row, so that a jump never lands on another.
  const simple = pattern.replace(/(?:\/\*{2,})+\//g, '/**/');
  return Array.from(simple.matchAll(/\*+|[^*]/gsu), ([text]) => text).flatMap((text) =>
    text.startsWith('*')
      ? [text.length === 1 ? STAR : DOUBLE_STAR]
      : Array.from({ length: text.length }, (_, i) => text.charCodeAt(i)),
  );
}

class Automaton {
  readonly #words: number;
  readonly #byCode = new Map<number, Bits>();
  readonly #nothing: Bits;
  readonly #stars: Bits;
  readonly #doubleStars: Bits;
  /** A double star between slashes may be left out together with the second slash. */
  readonly #jumps: Bits;
  readonly #initial: Bits;
  readonly #state: Bits;
  readonly #final: number;

  constructor(tokens: readonly number[]) {
    const words = (tokens.length >> 5) + 1;
    this.#words = words;
    this.#nothing = new Int32Array(words);
    this.#stars = new Int32Array(words);
    this.#doubleStars = new Int32Array(words);
    this.#jumps = new Int32Array(words);
    for (const [i, token] of tokens.entries()) {
      if (token === STAR) setBit(this.#stars, i);
      else if (token === DOUBLE_STAR) setBit(this.#doubleStars, i);
      else setBit(this.#bitsOf(token), i);
      if (token === DOUBLE_STAR && tokens[i - 1] === SLASH && tokens[i + 1] === SLASH) setBit(this.#jumps, i);
    }
    this.#final = tokens.length;
    this.#initial = new Int32Array(words);
    this.#initial[0] = 1;
    this.#close(this.#initial);
    this.#state = new Int32Array(words);
  }

  test(text: string, from: number): boolean {
    const state = this.#state;
    state.set(this.#initial);
    for (let i = from; i < text.length; i++) {
      if (!this.#step(state, text.charCodeAt(i))) return false;
      this.#close(state);
    }
    return ((state[this.#final >> 5] >>> (this.#final & 31)) & 1) === 1;
  }

  /** Reads one character; false when nothing can match any more. */
  #step(state: Bits, code: number): boolean {
    const literal = this.#byCode.get(code) ?? this.#nothing;
    let carry = 0;
    let jumpCarry = 0;
    let alive = 0;
    for (let w = 0; w < this.#words; w++) {
      const advance = state[w] & literal[w];
      const stay = state[w] & (code === SLASH ? this.#doubleStars[w] : this.#stars[w] | this.#doubleStars[w]);
      const entered = (advance << 1) | carry;
      // Only on the way in: a double star that has read something must read up to a slash.
      const jump = entered & this.#jumps[w];
      state[w] = entered | stay | (jump << 2) | jumpCarry;
      carry = advance >>> 31;
      jumpCarry = jump >>> 30;
      alive |= state[w];
    }
    return alive !== 0;
  }

  /** Adds what is reachable by letting a wildcard stand for nothing. */
  #close(state: Bits): void {
    let carry = 0;
    for (let w = 0; w < this.#words; w++) {
      const skip = state[w] & (this.#stars[w] | this.#doubleStars[w]);
      state[w] |= (skip << 1) | carry;
      carry = skip >>> 31;
    }
  }

  #bitsOf(code: number): Bits {
    let bits = this.#byCode.get(code);
    if (bits === undefined) {
      bits = new Int32Array(this.#words);
      this.#byCode.set(code, bits);
    }
    return bits;
  }
}

function setBit(bits: Bits, i: number): void {
  bits[i >> 5] |= 1 << (i & 31);
}
