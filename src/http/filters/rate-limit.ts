// Owns the filter `rate-limit`: so many requests of one key in so long, exactly over all workers, or over all balancers that share a
// store. While the store does not answer, each balancer counts by itself.

import type { RateLimitSettings } from '../../config/types.ts';
import { hash32 } from '../../core/hash.ts';
import type { RateAnswer } from '../../limits/rate-table.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';
import { fillingOf } from './fill.ts';

export const rateLimit: FilterKind<RateLimitSettings> = {
  name: 'rate-limit',
  build(settings, { env, rates, place, count, sharedRates }): Filter {
    const { limit, periodMs, burst, cost, headers, dryRun, store } = settings;
    const keyOf = fillingOf(settings.key);
    const name = settings.name === '' ? place : settings.name;
    const space = hash32(name, 0x7a7e);
    const rate = { limit, periodMs, burst };
    const policy = `"default";q=${limit};w=${Math.ceil(periodMs / 1000)}`;
    const judged = (request: FilterRequest, answer: RateAnswer): Verdict => {
      if (headers) {
        request.answer.set('RateLimit-Policy', policy);
        request.answer.set('RateLimit', `"default";r=${answer.remaining};t=${Math.ceil(answer.resetMs / 1000)}`);
      }
      if (answer.allowed) return undefined;
      count('rate-limited');
      if (dryRun) return undefined;
      return { status: 429, code: 'rate-limited', retryAfterSeconds: Math.max(1, Math.ceil(answer.retryMs / 1000)) };
    };
    const here = (request: FilterRequest, key: string): Verdict =>
      judged(request, rates.take(space, key, rate, env.clock.now(), cost));
    if (store === undefined) return { onRequest: (request) => here(request, keyOf(request)) };
    const limiter = sharedRates(store);
    return {
      async onRequest(request) {
        const key = keyOf(request);
        const answer = await limiter.take(`${name}:${key}`, rate, cost);
        if (answer !== undefined) return judged(request, answer);
        count('limit-local');
        return here(request, key);
      },
    };
  },
};
