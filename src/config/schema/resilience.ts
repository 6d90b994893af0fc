// Owns the written form of retries, hedging, breakers and adaptive limits.

import { z } from 'zod';
import { duration, integer, isOff, section, share, shorthand, statuses, written } from '../fields.ts';
import type {
  AdaptiveConfig,
  BreakerConfig,
  BreakerLatency,
  HedgeConfig,
  RetryConfig,
  RetryFailure,
  RetryOn,
  RetryPolicy,
} from '../types.ts';
import { parseDuration } from '../units.ts';

const FAILURES: readonly RetryFailure[] = ['connect-failure', 'reset', 'timeout'];
/** Words for statuses, as in Envoy's `retry_on`. */
const STATUS_WORDS: Readonly<Record<string, readonly (readonly [number, number])[]>> = {
  '5xx': [[500, 599]],
  'gateway-error': [[502, 504]],
  'retriable-4xx': [
    [409, 409],
    [425, 425],
    [429, 429],
  ],
};

const retryOn = z.unknown().transform((value, ctx): RetryOn => {
  const failures: RetryFailure[] = [];
  const status: (readonly [number, number])[] = [];
  for (const word of Array.isArray(value) ? value : [value]) {
    const failure = FAILURES.find((name) => name === word);
    const range = /^([45]\d\d)(?:-([45]\d\d))?$/.exec(String(word));
    if (failure !== undefined) failures.push(failure);
    else if (STATUS_WORDS[String(word)] !== undefined) status.push(...STATUS_WORDS[String(word)]);
    else if (range !== null && Number(range[1]) <= Number(range[2] ?? range[1]))
      status.push([Number(range[1]), Number(range[2] ?? range[1])]);
    else {
      const known = [...FAILURES, ...Object.keys(STATUS_WORDS)].join(', ');
      ctx.issues.push({ code: 'custom', message: `knows ${known}, and statuses from 400 to 599`, input: value });
      return z.NEVER;
    }
  }
  return { failures, status };
});
written.add(retryOn, {
  json: {
    type: ['array', 'string', 'integer'],
    items: { type: ['string', 'integer'] },
    description: 'such as [connect-failure, reset, timeout, 502, 5xx, gateway-error, retriable-4xx]',
  },
});

const policy = {
  attempts: integer(0, 10).default(2),
  backoff: duration().default(25),
  maxBackoff: duration(1).default(250),
  on: retryOn.prefault([...FAILURES]),
  methods: z.array(z.string().toUpperCase()).default(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']),
  idempotencyKey: z.boolean().default(false),
  maxRetryAfter: duration().default(1000),
};

const short = (value: unknown): unknown =>
  typeof value === 'number' ? { attempts: value } : isOff(value) ? { attempts: 0 } : undefined;

export const retries = shorthand(
  { type: 'integer', description: 'further attempts' },
  short,
  section<RetryConfig>({ ...policy, budget: share().default(0.2), budgetMin: integer(0, 1_000_000).default(3) }),
);

/** The budget is the pool's, whoever spends it. */
export const routeRetries = shorthand(
  { type: 'integer', description: 'further attempts' },
  short,
  section<RetryPolicy>(policy),
);

const hedgeAfter = z.unknown().transform((value, ctx): HedgeConfig['after'] => {
  const percent = typeof value === 'string' ? /^p(\d{2}(?:\.\d)?)$/.exec(value) : null;
  if (percent !== null) return { kind: 'percentile', percent: Number(percent[1]) };
  const ms = typeof value === 'string' ? parseDuration(value) : undefined;
  if (ms !== undefined && ms > 0) return { kind: 'fixed', ms };
  ctx.issues.push({ code: 'custom', message: 'must be a duration or a percentile; write 200ms or p95', input: value });
  return z.NEVER;
});
written.add(hedgeAfter, { json: { type: 'string', description: 'such as 200ms or p95' } });

export const hedge = shorthand(
  { type: ['string', 'boolean'], description: 'when, such as 200ms or p95' },
  (value) => (isOff(value) ? null : typeof value === 'string' ? { after: value } : undefined),
  section<HedgeConfig>({ after: hedgeAfter, atLeast: duration(1).default(10) }).nullable(),
);

export const breaker = shorthand(
  { type: ['string', 'boolean'], description: 'share of failures, such as 50%; or off' },
  (value) => (isOff(value) ? null : value === true ? {} : typeof value === 'string' ? { errors: value } : undefined),
  section<BreakerConfig>({
    scope: z.enum(['pool', 'endpoint', 'both']).default('both'),
    errors: share().default(0.5),
    status: statuses().default([[500, 599]]),
    minRequests: integer(1, 1_000_000).default(20),
    window: duration(100).default(10_000),
    latency: section<BreakerLatency>({ above: duration(1), share: share().default(0.5) }).optional(),
    open: duration(10).default(5000),
    halfOpen: integer(1, 1000).default(3),
  }).nullable(),
);

export const adaptive = shorthand(
  { type: 'boolean' },
  (value) => (isOff(value) ? null : value === true ? {} : undefined),
  z
    .strictObject({
      min: integer(1, 1_000_000).default(4),
      max: integer(1, 1_000_000).default(1000),
      start: integer(1, 1_000_000).default(20),
      tolerance: z.number().min(1).max(10).default(1.5),
    } satisfies Record<keyof AdaptiveConfig, z.ZodType>)
    .nullable(),
);
