// Owns the filter `fault`: delays and refusals on purpose, for a share of the requests or for those that ask for it and may.

import type { FaultSettings } from '../../config/types.ts';
import { parseDuration } from '../../config/units.ts';
import { CidrSet } from '../../core/cidr.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';

interface Fault {
  readonly delayMs: number;
  /** Status. */
  readonly abort: number | undefined;
}

/** A filter that holds a request for longer has failed. */
const LONGEST_MS = 20_000;

export const fault: FilterKind<FaultSettings> = {
  name: 'fault',
  build({ percent, delay, abort, header, from, maxActive }, { env, count }): Filter {
    const trusted = CidrSet.of(from);
    let active = 0;
    const wished = (request: FilterRequest): Fault | undefined => {
      if (header === '') return undefined;
      const value = request.header(header);
      return value !== undefined && trusted.has(request.client) ? faultIn(value) : undefined;
    };
    const drawn = (): Fault | undefined => {
      if ((delay === undefined && abort === undefined) || (percent < 1 && env.random.unit() >= percent))
        return undefined;
      const delayMs = delay === undefined ? 0 : delay.minMs + env.random.unit() * (delay.maxMs - delay.minMs);
      return { delayMs, abort };
    };
    return {
      onRequest(request): Verdict | Promise<Verdict> {
        const injected = wished(request) ?? drawn();
        if (injected === undefined || (injected.delayMs > 0 && active >= maxActive)) return undefined;
        count('fault-injected');
        const verdict: Verdict = injected.abort === undefined ? undefined : { status: injected.abort };
        if (injected.delayMs === 0) return verdict;
        active++;
        return new Promise((resolve) => {
          env.clock.after(injected.delayMs, () => {
            active--;
            resolve(verdict);
          });
        });
      },
    };
  },
};

/** `delay=200ms`, `abort=503`, or both with a comma between; undefined for what is neither. */
function faultIn(value: string): Fault | undefined {
  let delayMs = 0;
  let abort: number | undefined;
  for (const part of value.split(',')) {
    const [, name, said] = /^\s*(delay|abort)=([\w.]{1,16})\s*$/.exec(part) ?? [];
    const number = name === 'delay' ? parseDuration(said) : /^[45]\d\d$/.test(said ?? '') ? Number(said) : undefined;
    if (number === undefined) return undefined;
    if (name === 'delay') delayMs = Math.min(number, LONGEST_MS);
    else abort = number;
  }
  return { delayMs, abort };
}
