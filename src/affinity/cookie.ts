// Owns session persistence by a cookie of ours: inserted into the first answer, written anew while the client keeps coming, and
// again when the session had to move. It needs no memory to find an endpoint; the table is only for counting sessions.

import {
  type AffinityKind,
  type AffinityParts,
  type AffinityRequest,
  type AnswerFields,
  type HttpAffinity,
  NOBODY,
  type Pin,
} from './affinity.ts';
import { attributesText, valueEnd, valueStart } from './cookies.ts';
import { Tokens } from './token.ts';

/** A cookie is written anew after this part of its time to live. */
const REFRESH = 10;

class CookieAffinity implements HttpAffinity {
  readonly strict: boolean;
  readonly #parts: AffinityParts;
  readonly #tokens: Tokens;
  readonly #attributes: string;

  constructor(parts: AffinityParts) {
    const { config, seal, endpoints } = parts;
    this.strict = config.onDown === 'fail';
    this.#parts = parts;
    this.#tokens = new Tokens(seal!, config.ttlMs, config.maxAgeMs, endpoints);
    this.#attributes = attributesText(config.cookie!);
  }

  find(request: AffinityRequest, pin: Pin): void {
    const field = request.header('cookie');
    if (field === undefined) return;
    const { name } = this.#parts.config;
    for (let nth = 0; ; nth++) {
      const start = valueStart(field, name, nth);
      if (start < 0) return;
      const token = field.slice(start, valueEnd(field, start));
      if (this.#tokens.read(token, this.#second(), pin)) return;
    }
  }

  chosen(pin: Pin, endpointId: string): void {
    const { random, pins, clock } = this.#parts;
    if (pin.slot === NOBODY && pin.created === 0) {
      pin.created = this.#second();
      pin.id = random.u32();
    }
    pins.remember(`${pin.created}.${pin.id}`, endpointId, clock.now());
  }

  answered(
    pin: Pin,
    endpointId: string,
    secure: boolean,
    _cookies: () => readonly string[],
    fields: AnswerFields,
  ): void {
    const { config, endpoints } = this.#parts;
    const second = this.#second();
    const stays = pin.slot >= 0 && endpoints.some(({ id, slot }) => slot === pin.slot && id === endpointId);
    if (stays && second - pin.seen < Math.max(1, config.ttlMs / 1000 / REFRESH)) return;
    fields.append('Set-Cookie', this.#cookie(pin, endpointId, second, secure));
  }

  #cookie(pin: Pin, endpointId: string, second: number, secure: boolean): string {
    const { config, dateText } = this.#parts;
    const { ttlMs, maxAgeMs, name } = config;
    const cookie = config.cookie!;
    let out = `${name}=${this.#tokens.write(endpointId, pin.created, second, pin.id)}`;
    if (cookie.persistent) {
      const left = maxAgeMs === 0 ? ttlMs : Math.min(ttlMs, pin.created * 1000 + maxAgeMs - second * 1000);
      const seconds = Math.max(1, Math.ceil(left / 1000));
      out += `; Max-Age=${seconds}; Expires=${dateText((second + seconds) * 1000)}`;
    }
    out += this.#attributes;
    return cookie.secure === true || (cookie.secure === 'auto' && secure) ? `${out}; Secure` : out;
  }

  #second(): number {
    return Math.floor(this.#parts.clock.epoch() / 1000);
  }
}

export const cookie: AffinityKind = {
  name: 'cookie',
  named: true,
  takes: { cookie: true, secrets: true },
  build: (parts) => new CookieAffinity(parts),
};
