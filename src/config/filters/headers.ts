// Owns the written form of `headers`: fields set, appended and removed, both ways.

import { z } from 'zod';
import type { Findings } from '../compile/findings.ts';
import { oneOrMore } from '../fields.ts';
import type { Path } from '../issues.ts';
import type { FieldChanges, HeadersSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const values = z.record(z.string(), z.coerce.string()).default({});
const changes = z.strictObject({ set: values, append: values, remove: oneOrMore(z.string()).default([]) }).prefault({});

function checkChanges(given: FieldChanges, path: Path, findings: Findings, isRequest: boolean): void {
  for (const key of ['set', 'append'] as const) {
    for (const [name, text] of Object.entries(given[key])) {
      findings.fieldName(name, [...path, key, name], isRequest);
      findings.template(text, [...path, key, name]);
    }
  }
  for (const [i, name] of given.remove.entries()) findings.fieldName(name, [...path, 'remove', i], isRequest);
}

export const headers: FilterForm<HeadersSettings> = {
  name: 'headers',
  schema: z.strictObject({ request: changes, response: changes }) as unknown as z.ZodType<HeadersSettings>,
  check: ({ request, response }, path, findings) => {
    checkChanges(request, [...path, 'request'], findings, true);
    checkChanges(response, [...path, 'response'], findings, false);
  },
};
