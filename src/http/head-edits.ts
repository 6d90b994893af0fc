// Owns changes to a message head that is passed on: fields taken off, fields added. Whatever is added is made harmless first:
// no value can end its line. Framing and hop-by-hop fields belong to the connections, so nobody may touch them here.

import { FRAMING_FIELDS } from '../core/framing-fields.ts';
import type { Fields } from './codec/fields.ts';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]+/g;
const WIDE = /[^\x00-\xff]/;

/** Nothing that `fieldValue` would have to change. */
const PLAIN = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** Text that may stand in a field: one line of bytes. What is no Latin-1 is written in UTF-8. */
export function fieldValue(text: string): string {
  if (PLAIN.test(text)) return text;
  const bytes = WIDE.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
  return bytes.replace(CONTROLS, ' ').trim();
}

/** Names as they are written, in lower case: those of a configuration come again and again. */
const known = new Map<string, string>();
const MOST_KNOWN = 2000;

/** Throws for what is none, and for what nobody may touch. A `*` at the end is looked over. */
function lowerOf(name: string): string {
  const before = known.get(name);
  if (before !== undefined) return before;
  const lower = name.toLowerCase();
  const bare = lower.endsWith('*') ? lower.slice(0, -1) : lower;
  if (!NAME.test(bare)) throw new TypeError('no name of a field');
  if (FRAMING_FIELDS.has(bare)) throw new TypeError(`${name} belongs to the connection`);
  if (known.size < MOST_KNOWN) known.set(name, lower);
  return lower;
}

/** Names that differ in `-` and `_` only are one to many servers (CGI, WSGI, PHP): a client must not get past with the other. */
function folded(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}

export class HeadEdits {
  /** In lower case; one that ends in `*` stands for all that begin so. */
  readonly #removed: string[] = [];
  /** In lower case, and folded; of the message only. */
  readonly #takenOff: string[] = [];
  /** A bit for each length of a removed name, by 32; all of them where there is a `*`. */
  #lengths = 0;
  /** A removed name cannot be compared as it stands: it has a `*` or a `_`. */
  #loose = false;
  #lengthGone = false;
  /** Names in lower case, and the lines with their CRLF. */
  readonly #addedNames: string[] = [];
  readonly #addedLines: string[] = [];
  /** As added, but only where the message has no such field. */
  readonly #fallbackNames: string[] = [];
  readonly #fallbackLines: string[] = [];
  /** Nobody has changed anything since the last `clear`. */
  isEmpty = true;

  /** In place of all fields of that name. */
  set(name: string, value: string): void {
    this.remove(name);
    this.append(name, value);
  }

  append(name: string, value: string): void {
    this.isEmpty = false;
    this.#addedNames.push(lowerOf(name));
    this.#addedLines.push(`${name}: ${fieldValue(value)}\r\n`);
  }

  /** Unless the message has one. */
  fallback(name: string, value: string): void {
    this.isEmpty = false;
    this.#fallbackNames.push(lowerOf(name));
    this.#fallbackLines.push(`${name}: ${fieldValue(value)}\r\n`);
  }

  /** Only what the message itself has of that name: what others add stays. */
  takeOff(name: string): void {
    this.isEmpty = false;
    const lower = lowerOf(name);
    this.#takenOff.push(folded(lower));
    this.#lengths |= 1 << (lower.length & 31);
  }

  /** `x-internal-*` takes off all that begin so. */
  remove(name: string): void {
    this.isEmpty = false;
    const lower = lowerOf(name);
    if (lower.charCodeAt(lower.length - 1) === 42) {
      this.#loose = true;
      this.#lengths = -1;
    } else {
      if (lower.includes('_')) this.#loose = true;
      this.#lengths |= 1 << (lower.length & 31);
    }
    this.#removed.push(lower);
    if (this.#addedNames.length > 0) forget(lower, this.#addedNames, this.#addedLines);
    if (this.#fallbackNames.length > 0) forget(lower, this.#fallbackNames, this.#fallbackLines);
  }

  /** The field of the message is not passed on. */
  takes(fields: Fields, index: number): boolean {
    if (this.#lengths === 0) return false;
    const o = index << 2;
    const length = fields.at[o + 1] - fields.at[o];
    if (((this.#lengths >>> (length & 31)) & 1) === 0) return false;
    const name = fields.name(index).toLowerCase();
    return this.removes(name) && !FRAMING_FIELDS.has(name);
  }

  /** `name` in lower case. */
  removes(name: string): boolean {
    const plain = folded(name);
    if (this.#takenOff.includes(plain)) return true;
    return this.#loose
      ? this.#removed.some((removed) => covers(folded(removed), plain))
      : this.#removed.includes(plain);
  }

  /** An answer to HEAD does not tell a length: nobody knows how long the body would become. */
  forgetLength(): void {
    this.isEmpty = false;
    this.#lengthGone = true;
  }

  get forgetsLength(): boolean {
    return this.#lengthGone;
  }

  /** What the field is now: null when it is gone, undefined when nothing was done to it. `name` in lower case. */
  now(name: string): string | null | undefined {
    if (this.isEmpty) return undefined;
    let value: string | undefined;
    for (const [i, added] of this.#addedNames.entries()) {
      if (added !== name) continue;
      const one = this.#addedLines[i].slice(name.length + 2, -2);
      value = value === undefined ? one : `${value}, ${one}`;
    }
    return value ?? (this.removes(name) ? null : undefined);
  }

  /** Lines to add to a message that has `fields`. */
  lines(fields: Fields): string {
    let out = '';
    for (const line of this.#addedLines) out += line;
    for (let i = 0; i < this.#fallbackNames.length; i++) {
      const name = this.#fallbackNames[i];
      if (this.#addedNames.includes(name) || (fields.get(name) !== undefined && !this.removes(name))) continue;
      out += this.#fallbackLines[i];
    }
    return out;
  }

  /** Lines to add to a message of `lines`. */
  linesBeside(lines: string): string {
    let out = '';
    for (const line of this.#addedLines) out += line;
    const text = this.#fallbackNames.length === 0 ? '' : `\n${lines.toLowerCase()}`;
    for (const [i, name] of this.#fallbackNames.entries()) {
      if (this.#addedNames.includes(name) || (text.includes(`\n${name}:`) && !this.removes(name))) continue;
      out += this.#fallbackLines[i];
    }
    return out;
  }

  /** Undoes whatever was done to a field of that name. */
  forget(name: string): void {
    if (this.isEmpty) return;
    forget(name, this.#addedNames, this.#addedLines);
    forget(name, this.#fallbackNames, this.#fallbackLines);
    for (let i = this.#removed.length - 1; i >= 0; i--) if (this.#removed[i] === name) this.#removed.splice(i, 1);
  }

  /** Does what `others` would do, after what it does itself. */
  add(others: HeadEdits): void {
    if (others.isEmpty) return;
    this.isEmpty = false;
    for (const name of others.#removed) this.remove(name);
    this.#takenOff.push(...others.#takenOff);
    this.#lengths |= others.#lengths;
    if (others.#lengthGone) this.#lengthGone = true;
    this.#addedNames.push(...others.#addedNames);
    this.#addedLines.push(...others.#addedLines);
    this.#fallbackNames.push(...others.#fallbackNames);
    this.#fallbackLines.push(...others.#fallbackLines);
  }

  clear(): void {
    if (this.isEmpty) return;
    this.isEmpty = true;
    this.#lengths = 0;
    this.#loose = false;
    this.#lengthGone = false;
    for (const list of [this.#removed, this.#takenOff, this.#addedNames, this.#addedLines]) list.length = 0;
    this.#fallbackNames.length = 0;
    this.#fallbackLines.length = 0;
  }
}

function covers(removed: string, name: string): boolean {
  return removed.endsWith('*') ? name.startsWith(removed.slice(0, -1)) : removed === name;
}

function forget(removed: string, names: string[], lines: string[]): void {
  for (let i = names.length - 1; i >= 0; i--) {
    if (!covers(removed, names[i])) continue;
    names.splice(i, 1);
    lines.splice(i, 1);
  }
}

/** What is done to a request on its way: fields, and where it goes. */
export class RequestEdits extends HeadEdits {
  /** Undefined: as it came. Already normalized and escaped. */
  query: string | undefined;

  override clear(): void {
    super.clear();
    this.query = undefined;
  }
}
