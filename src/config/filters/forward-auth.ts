// Owns the written form of `forward-auth`: a service that is asked about each request.

import { z } from 'zod';
import { duration, oneOrMore, section } from '../fields.ts';
import type { ForwardAuthSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const names = oneOrMore(
  z
    .string()
    .toLowerCase()
    .regex(/^[a-z0-9-]+$/, 'is no name of a field'),
);

export const forwardAuth: FilterForm<ForwardAuthSettings> = {
  name: 'forward-auth',
  schema: section<ForwardAuthSettings>({
    url: z.string().regex(/^https?:\/\/\S+$/, 'must be an address, such as http://127.0.0.1:9000/verify'),
    timeout: duration(1, 30_000).default(2000),
    send: names.default(['authorization', 'cookie', 'accept', 'user-agent']),
    copy: names.default([]),
    identity: z.string().toLowerCase().default(''),
    cache: duration(0, 3_600_000).default(0),
  }),
  check: ({ copy }, path, findings) => {
    for (const [i, name] of copy.entries()) findings.fieldName(name, [...path, 'copy', i], true);
  },
};
