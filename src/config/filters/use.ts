// Owns the written form of `use`: a filter that a TypeScript configuration brings along, by name.

import { z } from 'zod';
import { duration, integer, section, shorthand } from '../fields.ts';
import { suggest } from '../issues.ts';
import type { UseSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

export const use: FilterForm<UseSettings> = {
  name: 'use',
  schema: shorthand(
    { type: 'string', description: 'the name of one of "filters"' },
    (value) => (typeof value === 'string' ? { name: value } : undefined),
    section<UseSettings>({
      name: z.string().min(1),
      options: z.record(z.string(), z.unknown()).default({}),
      timeout: duration(1, 30_000).default(1000),
      onFailure: z.enum(['refuse', 'skip']).default('refuse'),
      failures: integer(1, 1_000_000).default(50),
      rest: duration(1).default(10_000),
    }),
  ),
  check: ({ name }, path, findings, { own }) => {
    if (!own.includes(name))
      findings.add(
        [...path, 'name'],
        `names the filter "${name}", which "filters" does not bring along`,
        suggest(name, own),
      );
  },
};
