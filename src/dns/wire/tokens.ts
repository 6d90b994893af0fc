// Owns the words of zone files (RFC 1035 §5.1): blanks, quotes, escapes, comments and parentheses. It walks a text line by line
// and says where each word stands, without cutting it out.

export class Tokens {
  readonly text: string;
  /** Words of the entry: [starts, ends) in the text, without quotes. */
  readonly starts: number[] = [];
  readonly ends: number[] = [];
  readonly quoted: boolean[] = [];
  count = 0;
  /** The entry's first line begins with a blank: it has the owner of the one before. */
  indented = false;
  /** 1-based line of the entry. */
  line = 0;
  #at = 0;
  #line = 1;
  /** What is wrong, where; '' when nothing is. */
  fault = '';
  faultAt = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** Reads the next entry that has words. False at the end of the text, or at a fault. */
  next(): boolean {
    const { text } = this;
    const length = text.length;
    let depth = 0;
    let opened = 0;
    let i = this.#at;
    this.count = 0;
    this.line = this.#line;
    this.indented = isBlank(text.charCodeAt(i));
    for (;;) {
      if (i >= length) {
        this.#at = i;
        if (depth > 0) return this.#fail('is never closed', opened);
        return this.count > 0;
      }
      const code = text.charCodeAt(i);
      if (code === 10) {
        i++;
        this.#line++;
        if (depth > 0) continue;
        if (this.count > 0) {
          this.#at = i;
          return true;
        }
        this.line = this.#line;
        this.indented = isBlank(text.charCodeAt(i));
      } else if (code === 32 || code === 9 || code === 13) i++;
      else if (code === 59) while (i < length && text.charCodeAt(i) !== 10) i++;
      else if (code === 40) {
        opened = i++;
        depth++;
      } else if (code === 41) {
        if (depth === 0) return this.#fail('has no "(" before it', i);
        depth--;
        i++;
      } else if (code === 34) {
        const end = this.#quotedEnd(i + 1);
        if (end < 0) return this.#fail('is a quote that is never closed', i);
        this.#push(i + 1, end, true);
        i = end + 1;
      } else {
        const start = i;
        i = wordEnd(text, i);
        this.#push(start, i, false);
      }
    }
  }

  #push(start: number, end: number, quoted: boolean): void {
    this.starts[this.count] = start;
    this.ends[this.count] = end;
    this.quoted[this.count++] = quoted;
  }

  #quotedEnd(from: number): number {
    const { text } = this;
    for (let i = from; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code === 34) return i;
      if (code === 92) i++;
      if (code === 10) this.#line++;
    }
    return -1;
  }

  #fail(fault: string, at: number): boolean {
    this.fault = fault;
    this.faultAt = at;
    return false;
  }

  word(index: number): string {
    return this.text.slice(this.starts[index], this.ends[index]);
  }

  is(index: number, word: string): boolean {
    const length = this.ends[index] - this.starts[index];
    return length === word.length && !this.quoted[index] && this.word(index).toUpperCase() === word;
  }

  /** 1-based. */
  columnOf(at: number): number {
    return at - this.text.lastIndexOf('\n', at - 1);
  }

  lineOf(at: number): number {
    let line = 1;
    for (let i = this.text.indexOf('\n'); i >= 0 && i < at; i = this.text.indexOf('\n', i + 1)) line++;
    return line;
  }
}

const isBlank = (code: number): boolean => code === 32 || code === 9;

function wordEnd(text: string, from: number): number {
  let i = from;
  for (; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 92) i++;
    else if (code === 34 && i > from && text.charCodeAt(i - 1) === 61) {
      // A quoted value of a parameter (`alpn="h2,h3"`) belongs to its word.
      i++;
      while (i < text.length && text.charCodeAt(i) !== 34 && text.charCodeAt(i) !== 10) i += text[i] === '\\' ? 2 : 1;
    } else if (code <= 32 || code === 59 || code === 40 || code === 41 || code === 34) break;
  }
  return Math.min(i, text.length);
}
