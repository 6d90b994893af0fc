// Owns the written form of `cache`: which of the caches, what is kept how long, and what makes requests alike.

import { z } from 'zod';
import { duration, integer, oneOrMore, section, shorthand } from '../fields.ts';
import { suggest } from '../issues.ts';
import type { CacheSettings } from '../types.ts';
import { formatDuration } from '../units.ts';
import type { FilterForm } from './form.ts';

const query = z
  .strictObject({
    ignore: oneOrMore(z.string()).default([]),
    only: oneOrMore(z.string()).default([]),
    sort: z.boolean().default(false),
  })
  .prefault({});

/** `ttl: 5m` is for 200, 301, 308, 404 and 410; statuses and classes may have their own. */
const ttl = z
  .preprocess((value) => (typeof value === 'string' ? { default: value } : value), z.record(z.string(), duration()))
  .transform((given, context) => {
    const out: Record<string, number> = {};
    for (const [key, ms] of Object.entries(given)) {
      if (key === 'default')
        for (const status of ['200', '301', '308', '404', '410']) out[status] ??= Math.floor(ms / 1000);
      else if (/^(?:[2-5]xx|[2-5]\d\d)$/.test(key)) out[key] = Math.floor(ms / 1000);
      else context.issues.push({ code: 'custom', message: 'is no status; write 200 or 2xx', path: [key], input: key });
    }
    return out;
  });

export const cache: FilterForm<CacheSettings> = {
  name: 'cache',
  bare: true,
  schema: shorthand(
    { type: 'string', description: 'how long answers are kept that say nothing about it, such as 5m' },
    (value) => (typeof value === 'string' ? { ttl: value } : undefined),
    section<CacheSettings>({
      in: z.string().default('default'),
      ttl: ttl.default({}),
      key: z.string().default(''),
      bypass: z.string().default(''),
      query,
      collapse: z.boolean().default(true),
      collapseTimeout: duration(1).default(5000),
      minUses: integer(1, 1000).default(1),
      staleWhileRevalidate: duration().default(0),
      staleIfError: duration().default(0),
      tags: z.string().toLowerCase().default('cache-tag'),
      obeyClients: z.boolean().default(false),
      header: z.boolean().default(true),
    }),
  ) as unknown as z.ZodType<CacheSettings>,
  check: ({ in: name, key, bypass, query: { ignore, only } }, path, findings, { caches }) => {
    if (!caches.includes(name))
      findings.add([...path, 'in'], `names the cache "${name}", which does not exist`, suggest(name, caches));
    findings.template(key, [...path, 'key']);
    if (/[\x00-\x1f\x7f]/.test(key)) findings.add([...path, 'key'], 'has control characters', 'write it in one line');
    findings.template(bypass, [...path, 'bypass']);
    if (ignore.length > 0 && only.length > 0)
      findings.add([...path, 'query'], 'has both "ignore" and "only"', 'leave one of them out');
  },
  write: ({ ttl: seconds, collapseTimeoutMs, staleWhileRevalidateMs, staleIfErrorMs, ...rest }) => ({
    ...rest,
    ttl: Object.fromEntries(Object.entries(seconds).map(([key, value]) => [key, formatDuration(value * 1000)])),
    collapseTimeout: formatDuration(collapseTimeoutMs),
    staleWhileRevalidate: formatDuration(staleWhileRevalidateMs),
    staleIfError: formatDuration(staleIfErrorMs),
  }),
};
