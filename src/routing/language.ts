// Owns the choice of a language for a client: RFC 4647 §3.4 lookup of what Accept-Language prefers (RFC 9110 §12.5.4) among the
// languages that there are.

import { Recent } from '../core/recent.ts';

const MOST = 1024;
/** Longer fields, and more ranges, are no browser's. */
const LONGEST = 512;
const MOST_RANGES = 32;

export class Languages {
  /** Lower case. */
  readonly #there: ReadonlySet<string>;
  readonly #known = new Recent<string>(MOST);

  constructor(there: Iterable<string>) {
    this.#there = new Set(there);
  }

  /** The one of ours that the client likes best; '' when it likes none. */
  preferred(field: string | undefined): string {
    if (field === undefined || field.length > LONGEST) return '';
    let found = this.#known.get(field);
    if (found === undefined) {
      found = this.#lookUp(field);
      this.#known.set(field, found);
    }
    return found;
  }

  #lookUp(field: string): string {
    for (const range of rangesOf(field)) {
      for (let tag = range; tag !== ''; tag = shorter(tag)) if (this.#there.has(tag)) return tag;
    }
    return '';
  }
}

/** What the client accepts, best first, in lower case; `*` says nothing about which. */
function rangesOf(field: string): readonly string[] {
  const ranges: { tag: string; quality: number }[] = [];
  for (const part of field.split(',', MOST_RANGES)) {
    const match = /^\s*([A-Za-z0-9-]+)\s*(?:;\s*q\s*=\s*([01](?:\.\d{0,3})?))?\s*$/.exec(part);
    if (match === null) continue;
    const quality = match[2] === undefined ? 1 : Math.min(1, Number(match[2]));
    if (quality > 0) ranges.push({ tag: match[1].toLowerCase(), quality });
  }
  return ranges.sort((a, b) => b.quality - a.quality).map(({ tag }) => tag);
}

/** `zh-hant-tw` → `zh-hant` → `zh`; a single letter left at the end goes with what came behind it. */
function shorter(tag: string): string {
  let end = tag.lastIndexOf('-');
  if (end >= 2 && tag[end - 2] === '-') end -= 2;
  return end < 0 ? '' : tag.slice(0, end);
}
