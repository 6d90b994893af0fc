// Owns the written form of `access`: who may come in at all.

import { z } from 'zod';
import { oneOrMore } from '../fields.ts';
import type { AccessSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const who = z
  .strictObject({
    networks: oneOrMore(z.string()).default([]),
    countries: oneOrMore(
      z
        .string()
        .toUpperCase()
        .regex(/^[A-Z]{2}$/, 'is no country; write its two letters'),
    ).default([]),
    userAgents: oneOrMore(z.enum(['mobile', 'desktop', 'bot'])).default([]),
    methods: oneOrMore(z.string().toUpperCase()).default([]),
  })
  .prefault({});

export const access: FilterForm<AccessSettings> = {
  name: 'access',
  schema: z.strictObject({ allow: who, deny: who }) as unknown as z.ZodType<AccessSettings>,
  check: (settings, path, findings) => {
    let count = 0;
    for (const key of ['allow', 'deny'] as const) {
      findings.cidrs(settings[key].networks, [...path, key, 'networks']);
      for (const list of Object.values(settings[key])) count += (list as readonly unknown[]).length;
    }
    if (count === 0) findings.add(path, 'lets everybody in', 'allow: { networks: [10.0.0.0/8] }');
  },
};
