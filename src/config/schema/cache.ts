// Owns the written form of caches: how much they may hold, where.

import { z } from 'zod';
import { section, size } from '../fields.ts';
import type { CacheConfig } from '../types.ts';

export const cacheStore = section<CacheConfig>({
  memory: size().default(64 * 1024 * 1024),
  maxObject: size().default(8 * 1024 * 1024),
  disk: section<{ path: string; sizeBytes: number }>({
    path: z.string().min(1),
    size: size().default(1024 * 1024 * 1024),
  }).optional(),
});
