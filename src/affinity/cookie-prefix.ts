// Owns session persistence inside a cookie of the application: on its way to the client the value gets a sealed prefix, on its
// way back the prefix is taken off, so that the application sees its own value and the client has no cookie more. A session
// that had to move is kept in the table until the application sets its cookie again.

import {
  type AffinityKind,
  type AffinityParts,
  type AffinityRequest,
  type AnswerFields,
  NOBODY,
  type Pin,
} from './affinity.ts';
import { setValueStart, valueEnd, valueStart } from './cookies.ts';
import { StoredAffinity } from './stored.ts';
import { TOKEN_LENGTH, Tokens } from './token.ts';

/** Between the prefix and the application's value; no part of base64url. */
const MARK = '~';
const MOST_VALUE = 512;

class PrefixAffinity extends StoredAffinity {
  readonly #parts: AffinityParts;
  readonly #tokens: Tokens;

  constructor(parts: AffinityParts) {
    super(parts);
    this.#parts = parts;
    // The cookie is the application's, and so is its life: only the greatest age is ours.
    this.#tokens = new Tokens(parts.seal!, 0, parts.config.maxAgeMs, parts.endpoints);
  }

  protected keyOf(): string {
    return '';
  }

  override find(request: AffinityRequest, pin: Pin): void {
    const field = request.header('cookie');
    if (field === undefined) return;
    const { name } = this.#parts.config;
    for (let nth = 0; ; nth++) {
      const start = valueStart(field, name, nth);
      if (start < 0) return;
      const end = valueEnd(field, start);
      const mark = markIn(field, start, end);
      const value = field.slice(mark < 0 ? start : mark + 1, end);
      // Where a session was moved to counts more than where it began.
      if (value !== '' && value.length <= MOST_VALUE) this.look(value, pin);
      if (pin.slot >= 0) return;
      if (mark >= 0 && this.#tokens.read(field.slice(start, mark), this.#second(), pin)) return;
    }
  }

  override chosen(pin: Pin, endpointId: string): void {
    const { endpoints } = this.#parts;
    const stays = pin.slot >= 0 && endpoints.some(({ id, slot }) => slot === pin.slot && id === endpointId);
    // Counted, and kept for a cookie that still names the endpoint before, or none.
    if (pin.key !== '') this.keep(pin.key, endpointId, pin.slot !== NOBODY && !stays);
  }

  answered(
    _pin: Pin,
    endpointId: string,
    _secure: boolean,
    cookies: () => readonly string[],
    fields: AnswerFields,
  ): void {
    const { config, random } = this.#parts;
    const all = cookies();
    if (!all.some((cookie) => setValueStart(cookie, config.name) >= 0)) return;
    fields.takeOff('Set-Cookie');
    const second = this.#second();
    for (const cookie of all) {
      const start = setValueStart(cookie, config.name);
      const end = start < 0 ? 0 : valueEnd(cookie, start);
      if (start < 0 || end === start) {
        fields.append('Set-Cookie', cookie);
        continue;
      }
      const value = cookie.slice(start, end);
      if (value.length <= MOST_VALUE) this.keep(value, endpointId, true);
      const token = this.#tokens.write(endpointId, second, second, random.u32());
      fields.append('Set-Cookie', `${cookie.slice(0, start)}${token}${MARK}${cookie.slice(start)}`);
    }
  }

  cookieFor(field: string): string {
    const { name } = this.#parts.config;
    let out = '';
    let done = 0;
    for (let nth = 0; ; nth++) {
      const start = valueStart(field, name, nth);
      if (start < 0) return done === 0 ? field : out + field.slice(done);
      const mark = markIn(field, start, valueEnd(field, start));
      if (mark < 0) continue;
      out += field.slice(done, start);
      done = mark + 1;
    }
  }

  #second(): number {
    return Math.floor(this.#parts.clock.epoch() / 1000);
  }
}

/** Offset of the mark behind what has the length of a prefix; -1 when there is none. */
function markIn(field: string, start: number, end: number): number {
  const mark = start + TOKEN_LENGTH;
  return mark < end && field.startsWith(MARK, mark) ? mark : -1;
}

export const cookiePrefix: AffinityKind = {
  name: 'cookie-prefix',
  named: true,
  takes: { secrets: true, store: true },
  build: (parts) => new PrefixAffinity(parts),
};
