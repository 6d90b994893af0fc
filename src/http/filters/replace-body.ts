// Owns the filter `replace-body`: texts in bodies become others while they stream by. Bodies are looked at as bytes (Latin-1), so a
// piece may end in the middle of anything; up to `window` bytes wait for the rest of a match.

import { compilePattern } from '../../config/regex.ts';
import type { ReplaceBodySettings } from '../../config/types.ts';
import type { BodyStage, Filter, FilterKind } from '../filter.ts';
import { typeMatcher } from '../negotiate.ts';
import { fillingOf, readsHead } from './fill.ts';

/** What speaks about exactly the bytes that the endpoint sent. */
const ABOUT_BYTES = [
  'ETag',
  'Last-Modified',
  'Accept-Ranges',
  'Content-MD5',
  'Digest',
  'Content-Digest',
  'Repr-Digest',
];

export const replaceBody: FilterKind<ReplaceBodySettings> = {
  name: 'replace-body',
  build({ rules, types, windowBytes }): Filter {
    const isMeant = typeMatcher(types);
    const compiled = rules.map(({ find, regex, with: text }) => ({
      pattern: new RegExp(regex ? compilePattern(find).source : escaped(bytesOf(find)), 'g'),
      fill: fillingOf(text),
    }));
    return {
      readsHeadLater: rules.some(({ with: text }) => readsHead(text)),
      onRequest(request) {
        request.edits.remove('Accept-Encoding');
        request.edits.remove('Range');
        return undefined;
      },
      onResponse(request, response) {
        if (!isMeant(response.header('content-type')) || response.header('content-encoding') !== undefined) return;
        for (const name of ABOUT_BYTES) response.edits.remove(name);
        if (request.isHead) response.edits.forgetLength();
        for (const { pattern, fill } of compiled)
          response.through(new Replacement(pattern, bytesOf(fill(request)), windowBytes));
      },
    };
  },
};

/** UTF-8 as bytes, a character each. */
function bytesOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

export class Replacement implements BodyStage {
  readonly #pattern: RegExp;
  readonly #text: string;
  readonly #window: number;
  #held = '';

  /** `pattern` has the flag g. */
  constructor(pattern: RegExp, text: string, window: number) {
    this.#pattern = pattern;
    this.#text = text;
    this.#window = window;
  }

  push(bytes: Buffer, next: (bytes: Buffer) => void): void {
    this.#take(this.#held + bytes.toString('latin1'), false, next);
  }

  end(next: (bytes: Buffer) => void, done: () => void): void {
    this.#take(this.#held, true, next);
    done();
  }

  #take(text: string, last: boolean, next: (bytes: Buffer) => void): void {
    const safe = last ? text.length : Math.max(0, text.length - this.#window);
    let out = '';
    let from = 0;
    this.#pattern.lastIndex = 0;
    for (let match = this.#pattern.exec(text); match !== null; match = this.#pattern.exec(text)) {
      const end = match.index + match[0].length;
      // More bytes could make it longer, or begin one that ends further on.
      if (!last && match.index >= safe) break;
      out += text.slice(from, match.index) + this.#text;
      from = end;
      if (match[0] === '') this.#pattern.lastIndex++;
    }
    const cut = Math.max(from, safe);
    out += text.slice(from, cut);
    this.#held = text.slice(cut);
    if (out !== '') next(Buffer.from(out, 'latin1'));
  }
}
