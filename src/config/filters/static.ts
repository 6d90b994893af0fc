// Owns the written form of `static`: files of a folder.

import { z } from 'zod';
import { oneOrMore, shorthand } from '../fields.ts';
import type { StaticSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

export const staticFiles: FilterForm<StaticSettings> = {
  name: 'static',
  answers: true,
  schema: shorthand(
    { type: 'string', description: 'a folder' },
    (value) => (typeof value === 'string' ? { root: value } : undefined),
    z.strictObject({
      root: z.string().min(1),
      index: oneOrMore(z.string().regex(/^[^/\\]+$/, 'is no name of a file')).default(['index.html']),
      precompressed: z.boolean().default(true),
      cacheControl: z.string().default('public, max-age=300'),
      fallback: z.string().default(''),
      passMissing: z.boolean().default(false),
      hidden: z.boolean().default(false),
    }),
  ) as unknown as z.ZodType<StaticSettings>,
};
