// Owns the written form of `respond`: one fixed answer.

import { z } from 'zod';
import { integer, shorthand } from '../fields.ts';
import type { RespondSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

export const respond: FilterForm<RespondSettings> = {
  name: 'respond',
  answers: true,
  schema: shorthand(
    { type: ['integer', 'string'], description: 'a status, or a text' },
    (value) =>
      typeof value === 'number' ? { status: value } : typeof value === 'string' ? { body: value } : undefined,
    z.strictObject({
      status: integer(200, 599).default(200),
      body: z.string().default(''),
      type: z.string().default('text/plain; charset=utf-8'),
      headers: z.record(z.string(), z.coerce.string()).default({}),
    }),
  ) as unknown as z.ZodType<RespondSettings>,
  check: ({ body, headers }, path, findings) => {
    findings.template(body, [...path, 'body']);
    for (const [name, text] of Object.entries(headers)) {
      findings.fieldName(name, [...path, 'headers', name], false);
      findings.template(text, [...path, 'headers', name]);
    }
  },
};
