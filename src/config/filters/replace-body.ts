// Owns the written form of `replace-body`: texts in the bodies of answers that become others.

import { z } from 'zod';
import { oneOrMore, section, size } from '../fields.ts';
import type { ReplaceBodySettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const rule = z.strictObject({
  find: z.string().min(1),
  regex: z.boolean().default(false),
  with: z.string().default(''),
});

export const replaceBody: FilterForm<ReplaceBodySettings> = {
  name: 'replace-body',
  schema: section<ReplaceBodySettings>({
    rules: oneOrMore(rule),
    types: oneOrMore(z.string().toLowerCase()).default(['text/html', 'text/css', 'application/javascript']),
    window: size().default(4096),
  }),
  check: ({ rules, windowBytes }, path, findings) => {
    for (const [i, { find, regex, with: text }] of rules.entries()) {
      if (regex) findings.pattern(find, [...path, 'rules', i, 'find']);
      else if (Buffer.byteLength(find) > windowBytes)
        findings.add([...path, 'rules', i, 'find'], 'is longer than "window"');
      findings.template(text, [...path, 'rules', i, 'with']);
    }
    if (windowBytes < 64 || windowBytes > 1024 * 1024) findings.add([...path, 'window'], 'must be 64 to 1m');
  },
};
