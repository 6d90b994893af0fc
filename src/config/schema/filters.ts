// Owns the written form of a list of filters: each is one kind's name with its settings, or the bare name.

import { z } from 'zod';
import { shorthand } from '../fields.ts';
import { FILTER_FORMS } from '../filters/index.ts';
import type { FilterEntry } from '../types.ts';

const BARE = FILTER_FORMS.filter(({ bare }) => bare === true).map(({ name }) => name);

const entry = shorthand(
  { type: 'string', enum: BARE },
  (value) => (typeof value === 'string' ? { [value]: {} } : undefined),
  z.strictObject(Object.fromEntries(FILTER_FORMS.map(({ name, schema }) => [name, schema.optional()]))),
).transform((group, context): FilterEntry => {
  const kinds = Object.entries(group as Record<string, unknown>).filter(([, settings]) => settings !== undefined);
  if (kinds.length === 0 && context.issues.length > 0) return z.NEVER;
  if (kinds.length !== 1) {
    const message = kinds.length === 0 ? 'names no filter' : 'names several filters; each is an element of its own';
    context.issues.push({ code: 'custom', message, input: group });
    return z.NEVER;
  }
  return { kind: kinds[0][0], settings: kinds[0][1] };
});

export const filters = z.array(entry).default([]);
