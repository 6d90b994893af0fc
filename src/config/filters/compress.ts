// Owns the written form of `compress`: codings in order of preference, and what is worth it.

import { z } from 'zod';
import { integer, oneOrMore, section, size } from '../fields.ts';
import type { CompressSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const TYPES = [
  'text/*',
  'application/javascript',
  'application/json',
  'application/ld+json',
  'application/manifest+json',
  'application/rss+xml',
  'application/wasm',
  'application/xml',
  'application/xhtml+xml',
  'image/svg+xml',
];

export const compress: FilterForm<CompressSettings> = {
  name: 'compress',
  bare: true,
  schema: section<CompressSettings>({
    encodings: oneOrMore(z.enum(['zstd', 'br', 'gzip'])).default(['zstd', 'br', 'gzip']),
    levels: z
      .strictObject({
        gzip: integer(1, 9).default(5),
        br: integer(0, 11).default(4),
        zstd: integer(1, 19).default(3),
      })
      .prefault({}),
    min: size().default(1024),
    types: oneOrMore(z.string().toLowerCase()).default(TYPES),
  }),
};
