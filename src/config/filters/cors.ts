// Owns the written form of `cors`: which scripts of other origins may ask (Fetch standard).

import { z } from 'zod';
import { duration, oneOrMore, section } from '../fields.ts';
import type { CorsSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const ORIGIN = /^(?:\*|[a-z][a-z0-9+.-]*:\/\/(?:\*\.)?[a-z0-9.[\]:-]+)$/;
const names = z.string().regex(/^(?:\*|[A-Za-z0-9-]+)$/, 'is no name of a field');

export const cors: FilterForm<CorsSettings> = {
  name: 'cors',
  bare: true,
  schema: section<CorsSettings>({
    origins: oneOrMore(z.string().toLowerCase().regex(ORIGIN, 'is no origin; write https://app.example.com')).default([
      '*',
    ]),
    methods: oneOrMore(z.string().toUpperCase()).default(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE']),
    headers: oneOrMore(names).default(['*']),
    expose: oneOrMore(names).default([]),
    credentials: z.boolean().default(false),
    maxAge: duration().default(600_000),
  }),
  check: ({ origins, credentials }, path, findings) => {
    if (credentials && origins.includes('*'))
      findings.add([...path, 'origins'], 'lets every site act with the cookies of your users', 'name the origins');
  },
};
