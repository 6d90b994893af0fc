// Owns the written form of `api-key`: keys by the name of whoever holds them.

import { z } from 'zod';
import type { ApiKeySettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const SHORTEST = 16;

export const apiKey: FilterForm<ApiKeySettings> = {
  name: 'api-key',
  schema: z.strictObject({
    keys: z.record(z.string().min(1), z.string()).default({}),
    file: z.string().default(''),
    header: z
      .string()
      .toLowerCase()
      .regex(/^[a-z0-9-]+$/, 'is no name of a field')
      .default('x-api-key'),
    query: z.string().default(''),
    hide: z.boolean().default(true),
  }) as unknown as z.ZodType<ApiKeySettings>,
  check: ({ keys, file }, path, findings) => {
    for (const [name, key] of Object.entries(keys)) {
      if (!/^sha256:[0-9a-f]{64}$/.test(key) && key.length < SHORTEST)
        findings.add([...path, 'keys', name], `is shorter than ${SHORTEST} characters`, 'openssl rand -hex 32');
    }
    if (Object.keys(keys).length === 0 && file === '') findings.add(path, 'knows no keys', 'file: keys.txt');
  },
  write: ({ keys, ...rest }) => ({
    ...rest,
    keys: Object.fromEntries(Object.keys(keys).map((name) => [name, `sha256:${'0'.repeat(64)}`])),
  }),
};
