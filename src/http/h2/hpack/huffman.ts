// Owns the Huffman code of HPACK (RFC 7541 §5.2, Appendix B), decoding only: what we send is shorter to make than to code.
// The code is canonical, so that the lengths of the 257 symbols say everything; the machine that reads four bits at a time
// is built from them once.

const LENGTHS = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28, 28,
  28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10,
  13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6,
  5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23,
  22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22,
  23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26,
  20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27,
  27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27,
  27, 27, 27, 26, 30,
];
const END_OF_STRING = 256;
const LONGEST = 30;

const NO_SYMBOL = 0x100;
const FAILS = 0x200;
/** A string may end here: what is left of its last byte is padding (all ones, fewer than eight). */
const MAY_END = 0x400;

interface Machine {
  /** By state × 16 + four bits: the next state. */
  readonly next: Uint16Array;
  /** Likewise: a symbol, or NO_SYMBOL; with FAILS, with MAY_END. */
  readonly out: Uint16Array;
}

const MACHINE = build();

function build(): Machine {
  // A tree in two arrays: children of node n at 2n and 2n + 1; a leaf is -1 - symbol.
  const children: number[] = [0, 0];
  let code = 0;
  for (let length = 1; length <= LONGEST; length++) {
    for (let symbol = 0; symbol <= END_OF_STRING; symbol++) {
      if (LENGTHS[symbol] !== length) continue;
      insert(children, code, length, symbol);
      code++;
    }
    code *= 2;
  }
  const states = children.length / 2;
  const padding = paddingStates(children);
  const next = new Uint16Array(states * 16);
  const out = new Uint16Array(states * 16);
  for (let state = 0; state < states; state++) {
    for (let bits = 0; bits < 16; bits++) {
      let node = state;
      let emitted = NO_SYMBOL;
      for (let i = 3; i >= 0; i--) {
        const child = children[2 * node + ((bits >> i) & 1)];
        if (child < 0 && -1 - child === END_OF_STRING) emitted |= FAILS;
        if (child < 0) {
          emitted = (emitted & FAILS) | (-1 - child);
          node = 0;
        } else node = child;
      }
      next[state * 16 + bits] = node;
      out[state * 16 + bits] = emitted | (padding.has(node) ? MAY_END : 0);
    }
  }
  return { next, out };
}

function insert(children: number[], code: number, length: number, symbol: number): void {
  let node = 0;
  for (let i = length - 1; i > 0; i--) {
    const at = 2 * node + ((code >> i) & 1);
    if (children[at] === 0) {
      children[at] = children.length / 2;
      children.push(0, 0);
    }
    node = children[at];
  }
  children[2 * node + (code & 1)] = -1 - symbol;
}

/** The states after nothing but fewer than eight ones. */
function paddingStates(children: readonly number[]): ReadonlySet<number> {
  const states = new Set([0]);
  let node = 0;
  for (let i = 0; i < 7; i++) {
    node = children[2 * node + 1];
    states.add(node);
  }
  return states;
}

let scratch = Buffer.allocUnsafeSlow(4096);

/** Undefined when it is no such code: a wrong end, or the symbol that must not be sent. */
export function decodeHuffman(buffer: Uint8Array, start: number, end: number): string | undefined {
  const { next, out } = MACHINE;
  // The shortest code has five bits.
  const most = Math.ceil(((end - start) * 8) / 5);
  if (most > scratch.length) scratch = Buffer.allocUnsafeSlow(most * 2);
  const bytes = scratch;
  let length = 0;
  let state = 0;
  let last = MAY_END;
  for (let i = start; i < end; i++) {
    const byte = buffer[i];
    const high = state * 16 + (byte >> 4);
    let emitted = out[high];
    if ((emitted & FAILS) !== 0) return undefined;
    if ((emitted & NO_SYMBOL) === 0) bytes[length++] = emitted;
    const low = next[high] * 16 + (byte & 15);
    emitted = out[low];
    if ((emitted & FAILS) !== 0) return undefined;
    if ((emitted & NO_SYMBOL) === 0) bytes[length++] = emitted;
    state = next[low];
    last = emitted;
  }
  return (last & MAY_END) === 0 ? undefined : bytes.latin1Slice(0, length);
}
