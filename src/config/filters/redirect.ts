// Owns the written form of `redirect`: where to, and how.

import { z } from 'zod';
import { shorthand } from '../fields.ts';
import type { RedirectSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const status = z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]);

export const redirect: FilterForm<RedirectSettings> = {
  name: 'redirect',
  answers: true,
  schema: shorthand(
    { type: 'string', description: 'where to, such as https://www.example.com${uri}' },
    (value) => (typeof value === 'string' ? { to: value } : undefined),
    z.strictObject({ to: z.string().min(1), status: status.default(302) }),
  ) as unknown as z.ZodType<RedirectSettings>,
  check: ({ to }, path, findings) => {
    findings.template(to, [...path, 'to']);
    // A host from the request would send people wherever somebody else wants; `${host}` is checked when it is filled in.
    if (!/^(?:https?:\/\/|\/|\$\{)/.test(to))
      findings.add([...path, 'to'], 'is neither a path nor an address', 'write /new/place or https://host/place');
  },
};
