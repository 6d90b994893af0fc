// Owns the written form of `waf`: a web application firewall, what it looks at, and what it does about it.

import { z } from 'zod';
import { duration, integer, isOff, oneOrMore, section, shorthand, size } from '../fields.ts';
import type { WafSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const TYPES = ['json', 'form', 'multipart', 'text'] as const;

const exclusion = z.strictObject({
  rule: z.string().default(''),
  path: z.string().default(''),
  parameter: z.string().default(''),
});

export const waf: FilterForm<WafSettings> = {
  name: 'waf',
  schema: shorthand(
    { type: 'string', enum: ['detect', 'block', 'off'] },
    (value) => (value === false ? { mode: 'off' } : typeof value === 'string' ? { mode: value } : undefined),
    section<WafSettings>({
      mode: z.enum(['detect', 'block', 'off']),
      rules: z.string().min(1).default('recommended'),
      exclude: oneOrMore(exclusion).default([]),
      body: shorthand(
        { type: ['string', 'boolean'], enum: ['off', false], description: 'bodies are not looked at' },
        (value) => (isOff(value) ? { max: 0 } : undefined),
        section<WafSettings['body']>({
          max: size().default(16_384),
          types: oneOrMore(z.enum(TYPES)).default([...TYPES]),
        }),
      ).prefault({}),
      budget: duration(1, 1000).default(20),
      onTimeout: z.enum(['pass', 'block']).default('pass'),
      status: integer(400, 599).default(403),
    }),
  ) as unknown as z.ZodType<WafSettings>,
  check: ({ exclude, body, onTimeout, mode }, path, findings) => {
    for (const [i, { rule, path: at, parameter }] of exclude.entries()) {
      if (rule === '' && at === '' && parameter === '')
        findings.add([...path, 'exclude', i], 'exempts everything', 'leave it out, or write "mode: off"');
      if (at !== '' && !at.startsWith('/') && !at.startsWith('*'))
        findings.add([...path, 'exclude', i, 'path'], 'is no path; it begins with a slash', `/${at}`);
    }
    if (body.maxBytes > 1_048_576)
      findings.add([...path, 'body', 'max'], 'would hold more than 1 MiB of every request in memory', '64k');
    if (mode === 'detect' && onTimeout === 'block')
      findings.add([...path, 'onTimeout'], 'would refuse requests that "mode: detect" lets pass');
  },
};
