// Owns session persistence by a cookie of the application: its value is learnt from the answer that sets it, and looked up in
// the requests that bring it. The client sees nothing of it.

import type { AffinityKind, AffinityParts, AffinityRequest, AnswerFields, Pin } from './affinity.ts';
import { firstValue, setValueStart, valueEnd } from './cookies.ts';
import { StoredAffinity } from './stored.ts';

/** An answer that sets more cookies than this is not read further. */
const MOST_SET = 32;
const MOST_VALUE = 512;

class LearnAffinity extends StoredAffinity {
  readonly #name: string;

  constructor(parts: AffinityParts) {
    super(parts);
    this.#name = parts.config.name;
  }

  protected keyOf(request: AffinityRequest): string {
    return firstValue(request.header('cookie'), this.#name);
  }

  answered(
    _pin: Pin,
    endpointId: string,
    _secure: boolean,
    cookies: () => readonly string[],
    _fields: AnswerFields,
  ): void {
    for (const cookie of cookies().slice(0, MOST_SET)) {
      const start = setValueStart(cookie, this.#name);
      if (start < 0) continue;
      const value = cookie.slice(start, valueEnd(cookie, start));
      // An empty one takes the cookie back.
      if (value !== '' && value.length <= MOST_VALUE) this.keep(value, endpointId, false);
    }
  }
}

export const cookieLearn: AffinityKind = {
  name: 'cookie-learn',
  named: true,
  takes: { store: true },
  build: (parts) => new LearnAffinity(parts),
};
