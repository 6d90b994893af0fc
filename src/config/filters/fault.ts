// Owns the written form of `fault`: delays and refusals on purpose, for drills.

import { z } from 'zod';
import { duration, integer, oneOrMore, section, share, shorthand } from '../fields.ts';
import type { FaultSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

/** A filter that holds a request for longer has failed. */
const LONGEST_MS = 20_000;

const delay = shorthand(
  { type: 'string', description: 'such as 2s' },
  (value) => (typeof value === 'string' ? { min: value, max: value } : undefined),
  section<{ minMs: number; maxMs: number }>({ min: duration(0, LONGEST_MS).default(0), max: duration(1, LONGEST_MS) }),
);

export const fault: FilterForm<FaultSettings> = {
  name: 'fault',
  schema: section<FaultSettings>({
    percent: share().default(1),
    delay: delay.optional(),
    abort: integer(400, 599).optional(),
    header: z.string().toLowerCase().default(''),
    from: oneOrMore(z.string()).default([]),
    maxActive: integer(1, 100_000).default(100),
  }),
  check: ({ delay: held, abort, header, from }, path, findings) => {
    if (held === undefined && abort === undefined && header === '')
      findings.add(path, 'does nothing', 'delay: 2s, or abort: 503');
    if (held !== undefined && held.minMs > held.maxMs) findings.add([...path, 'delay', 'min'], 'is above "max"');
    if (header !== '') findings.fieldName(header, [...path, 'header'], true);
    findings.cidrs(from, [...path, 'from']);
    if (header !== '' && from.length === 0)
      findings.add([...path, 'header'], 'could be sent by anybody', 'from: [10.0.0.0/8] names who may ask for faults');
  },
};
