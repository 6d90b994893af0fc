// Owns the written form of `rewrite`: where a request goes instead, as the endpoint sees it.

import { z } from 'zod';
import { oneOrMore } from '../fields.ts';
import type { RewriteSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

const prefix = z
  .string()
  .regex(/^(?:\/[^?#]*)?$/, 'must begin with "/"')
  .default('');

export const rewrite: FilterForm<RewriteSettings> = {
  name: 'rewrite',
  schema: z.strictObject({
    path: z
      .string()
      .default('')
      .transform((text) => (text.startsWith('~') ? text.slice(1) : text)),
    to: z.string().default(''),
    stripPrefix: prefix,
    addPrefix: prefix,
    query: z
      .strictObject({
        set: z.record(z.string(), z.coerce.string()).default({}),
        remove: oneOrMore(z.string()).default([]),
      })
      .prefault({}),
    host: z.string().default(''),
  }) as unknown as z.ZodType<RewriteSettings>,
  check: ({ path: pattern, to, stripPrefix, addPrefix, query, host }, path, findings) => {
    if (pattern !== '') findings.pattern(pattern, [...path, 'path']);
    if (pattern !== '' && to === '') findings.add([...path, 'path'], 'has no "to" to become', 'to: /new/$1');
    if (to !== '' && pattern === '' && !/^[/$]/.test(to)) findings.add([...path, 'to'], 'must begin with "/"');
    for (const [key, text] of [['to', to] as const, ['host', host] as const]) findings.template(text, [...path, key]);
    for (const [name, text] of Object.entries(query.set)) findings.template(text, [...path, 'query', 'set', name]);
    const does = [to, stripPrefix, addPrefix, host].some((text) => text !== '');
    if (!does && Object.keys(query.set).length + query.remove.length === 0)
      findings.add(path, 'changes nothing', 'give it "to", "stripPrefix", "addPrefix", "query" or "host"');
  },
  write: (settings) => ({ ...settings, path: settings.path === '' ? '' : `~${settings.path}` }),
};
