// Owns changes to a message head that is passed on: fields taken off, fields added. Whatever is added is made harmless first:
// no value can end its line. Framing and hop-by-hop fields belong to the connections, so nobody may touch them here.

import type { Fields } from './codec/fields.ts';

const NAME = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const CONTROLS = /[\x00-\x08\x0a-\x1f\x7f]+/g;
const WIDE = /[^\x00-\xff]/;

/** Fields that say how a message travels (RFC 9110 §7.6.1, RFC 9112 §6). */
export const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Text that may stand in a field: one line of bytes. What is no Latin-1 is written in UTF-8. */
export function fieldValue(text: string): string {
  const bytes = WIDE.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
  return bytes.replace(CONTROLS, ' ').trim();
}

export function isFieldName(text: string): boolean {
  return NAME.test(text);
}

export class HeadEdits {
  /** In lower case; one that ends in `*` stands for all that begin so. */
  readonly #removed: string[] = [];
  /** In lower case; of the message only. */
  readonly #takenOff: string[] = [];
  #wild = false;
  /** Name in lower case, and the line with its CRLF. */
  readonly #added: (readonly [string, string])[] = [];
  /** As `#added`, but only where the message has no such field. */
  readonly #fallbacks: (readonly [string, string])[] = [];

  /** Nobody has changed anything since the last `clear`. */
  isEmpty = true;

  /** In place of all fields of that name. */
  set(name: string, value: string): void {
    this.remove(name);
    this.append(name, value);
  }

  append(name: string, value: string): void {
    this.#check(name);
    this.#added.push([name.toLowerCase(), `${name}: ${fieldValue(value)}\r\n`]);
  }

  /** Unless the message has one. */
  fallback(name: string, value: string): void {
    this.#check(name);
    this.#fallbacks.push([name.toLowerCase(), `${name}: ${fieldValue(value)}\r\n`]);
  }

  /** Only what the message itself has of that name: what others add stays. */
  takeOff(name: string): void {
    this.#check(name);
    this.#takenOff.push(name.toLowerCase());
  }

  /** `x-internal-*` takes off all that begin so. */
  remove(name: string): void {
    const lower = name.toLowerCase();
    this.#check(lower.endsWith('*') ? lower.slice(0, -1) : lower);
    if (lower.endsWith('*')) this.#wild = true;
    this.#removed.push(lower);
    for (const list of [this.#added, this.#fallbacks]) {
      for (let i = list.length - 1; i >= 0; i--) if (covers(lower, list[i][0])) list.splice(i, 1);
    }
  }

  #check(name: string): void {
    this.isEmpty = false;
    if (!NAME.test(name)) throw new TypeError('no name of a field');
    if (FRAMING_FIELDS.has(name.toLowerCase())) throw new TypeError(`${name} belongs to the connection`);
  }

  /** The field of the message is not passed on. */
  takes(fields: Fields, index: number): boolean {
    if (this.#removed.length === 0 && this.#takenOff.length === 0) return false;
    return this.removes(fields.name(index).toLowerCase());
  }

  removes(name: string): boolean {
    if (this.#takenOff.includes(name)) return true;
    return this.#wild ? this.#removed.some((removed) => covers(removed, name)) : this.#removed.includes(name);
  }

  /** What the field is now: null when it is gone, undefined when nothing was done to it. `name` in lower case. */
  now(name: string): string | null | undefined {
    if (this.isEmpty) return undefined;
    let value: string | undefined;
    for (const [added, line] of this.#added) {
      if (added !== name) continue;
      const one = line.slice(name.length + 2, -2);
      value = value === undefined ? one : `${value}, ${one}`;
    }
    return value ?? (this.removes(name) ? null : undefined);
  }

  /** Lines to add to a message that has `fields`. */
  lines(fields: Fields): string {
    return this.#lines((name) => fields.get(name) !== undefined);
  }

  /** Lines to add to a message of `lines`. */
  linesBeside(lines: string): string {
    const text = `\n${lines.toLowerCase()}`;
    return this.#lines((name) => text.includes(`\n${name}:`));
  }

  #lines(has: (name: string) => boolean): string {
    let out = '';
    for (const [, line] of this.#added) out += line;
    for (const [name, line] of this.#fallbacks) {
      const isThere = (has(name) && !this.removes(name)) || this.#added.some(([added]) => added === name);
      if (!isThere) out += line;
    }
    return out;
  }

  /** Does what `others` would do, after what it does itself. */
  add(others: HeadEdits): void {
    if (others.isEmpty) return;
    this.isEmpty = false;
    for (const name of others.#removed) this.remove(name);
    this.#takenOff.push(...others.#takenOff);
    this.#added.push(...others.#added);
    this.#fallbacks.push(...others.#fallbacks);
  }

  clear(): void {
    if (this.isEmpty) return;
    this.isEmpty = true;
    this.#removed.length = 0;
    this.#takenOff.length = 0;
    this.#added.length = 0;
    this.#fallbacks.length = 0;
    this.#wild = false;
  }
}

function covers(removed: string, name: string): boolean {
  return removed.endsWith('*') ? name.startsWith(removed.slice(0, -1)) : removed === name;
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
