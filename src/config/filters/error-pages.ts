// Owns the written form of `error-pages`: what people read in place of an error.

import { z } from 'zod';
import { integer, shorthand, statuses } from '../fields.ts';
import type { ErrorPagesSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const page = shorthand(
  { type: 'string', description: 'the page' },
  (value) => (typeof value === 'string' ? { body: value } : undefined),
  z.strictObject({
    body: z.string(),
    type: z.string().default('text/html; charset=utf-8'),
    as: integer(200, 599).optional(),
  }),
);

interface Written {
  readonly pages: Readonly<Record<string, { body: string; type: string; as?: number }>>;
  readonly intercept: boolean;
}

export const errorPages: FilterForm<ErrorPagesSettings> = {
  name: 'error-pages',
  schema: z
    .strictObject({ pages: z.record(z.string(), page), intercept: z.boolean().default(false) })
    .transform((written, context): ErrorPagesSettings => {
      const { pages, intercept } = written as Written;
      const list = Object.entries(pages).map(([key, { body, type, as }]) => {
        const status = statuses().safeParse(key.includes(',') ? key.split(',').map((part) => part.trim()) : key);
        if (!status.success) {
          const message = 'is no status or range of statuses; write 404 or 500-599';
          context.issues.push({ code: 'custom', message, path: ['pages', key], input: key });
        }
        return { status: status.success ? status.data : [], body, type, as: as ?? 0 };
      });
      return { pages: list, intercept };
    }) as unknown as z.ZodType<ErrorPagesSettings>,
  check: ({ pages }, path, findings) => {
    for (const { body, status } of pages) findings.template(body, [...path, 'pages', rangesText(status)]);
  },
  write: ({ pages, intercept }) => ({
    pages: Object.fromEntries(
      pages.map(({ status, as, ...rest }) => [rangesText(status), { ...rest, ...(as === 0 ? {} : { as }) }]),
    ),
    intercept,
  }),
};

function rangesText(status: readonly (readonly [number, number])[]): string {
  return status.map(([low, high]) => (low === high ? `${low}` : `${low}-${high}`)).join(',');
}
