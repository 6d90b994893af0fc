// Owns the written form of `mirror`: copies of requests to a pool whose answers nobody sees.

import { z } from 'zod';
import { duration, integer, section, share, shorthand } from '../fields.ts';
import { suggest } from '../issues.ts';
import type { MirrorSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

export const mirror: FilterForm<MirrorSettings> = {
  name: 'mirror',
  schema: shorthand(
    { type: 'string', description: 'the name of a pool' },
    (value) => (typeof value === 'string' ? { pool: value } : undefined),
    section<MirrorSettings>({
      pool: z.string().min(1),
      percent: share().default(1),
      maxInFlight: integer(1, 100_000).default(100),
      timeout: duration(1, 600_000).default(5000),
    }),
  ),
  check: ({ pool }, path, findings, { pools }) => {
    if (pools.includes(pool)) return;
    findings.add([...path, 'pool'], `names the pool "${pool}", which does not exist`, suggest(pool, pools));
  },
  pools: ({ pool }) => [pool],
};
