// Owns the short form in which numbers of a second go to one listener: arrays in a fixed order, and of endpoints only those whose
// row is another one than he was sent before.

import type { EndpointSample, LiveSample } from './live.ts';

type Cell = number | string | null;

export interface Tick {
  readonly at: number;
  /** [name, rate, errors, open] */
  readonly listeners: readonly (readonly Cell[])[];
  /** [listener, name, rate, errors, pools joined by a blank] */
  readonly routes: readonly (readonly Cell[])[];
  /** [name, mode, rate, errors, inFlight, p50, p95, p99] */
  readonly pools: readonly (readonly Cell[])[];
  /** [id, state, weight, inFlight, streams, rate, errors, p50, p95, share] */
  readonly endpoints: readonly (readonly Cell[])[];
}

/** Rates with one digit, shares with three, times with two: more is noise. */
const round = (value: number, digits: number): number => Math.round(value * 10 ** digits) / 10 ** digits;
const time = (ms: number | undefined): number | null => (ms === undefined ? null : round(ms, 2));

function rowOf(one: EndpointSample): readonly Cell[] {
  const { id, state, weight, inFlight, streams, rate, errors, p50, p95, share } = one;
  return [
    id,
    state,
    weight,
    inFlight,
    streams,
    round(rate, 1),
    round(errors, 3),
    time(p50),
    time(p95),
    round(share, 3),
  ];
}

export class TickRows {
  #sent = new Map<string, string>();

  /** Everything is sent again next time. */
  forget(): void {
    this.#sent.clear();
  }

  of({ at, listeners, routes, pools, endpoints }: LiveSample): Tick {
    const sent = new Map<string, string>();
    const changed: (readonly Cell[])[] = [];
    for (const one of endpoints) {
      const row = rowOf(one);
      const text = row.join(' ');
      sent.set(one.id, text);
      if (this.#sent.get(one.id) !== text) changed.push(row);
    }
    this.#sent = sent;
    return {
      at,
      listeners: listeners.map(({ name, rate, errors, open }) => [name, round(rate, 1), round(errors, 3), open]),
      routes: routes.map((one) => [
        one.listener,
        one.name,
        round(one.rate, 1),
        round(one.errors, 3),
        one.pools.join(' '),
      ]),
      pools: pools.map(({ name, mode, rate, errors, inFlight, p50, p95, p99 }) => {
        return [name, mode, round(rate, 1), round(errors, 3), inFlight, time(p50), time(p95), time(p99)];
      }),
      endpoints: changed,
    };
  }
}
