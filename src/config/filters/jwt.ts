// Owns the written form of `jwt`: tokens that somebody else signed (RFC 7519), with keys from a JWKS (RFC 7517).

import { z } from 'zod';
import { duration, oneOrMore, section } from '../fields.ts';
import type { JwtSettings } from '../types.ts';
import type { FilterForm } from './form.ts';

/** No `none`, and nothing that is signed with a secret which the verifier holds as well, unless it is asked for. */
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;

export const jwt: FilterForm<JwtSettings> = {
  name: 'jwt',
  schema: section<JwtSettings>({
    jwks: z.string().min(1),
    issuer: z.string().default(''),
    audience: oneOrMore(z.string()).default([]),
    algorithms: oneOrMore(z.enum([...ALGORITHMS, 'HS256', 'HS384', 'HS512'])).default([...ALGORITHMS]),
    cookie: z.string().default(''),
    identity: z.string().default('sub'),
    require: z.record(z.string(), z.coerce.string()).default({}),
    forward: z.record(z.string(), z.string()).default({}),
    clockTolerance: duration(0, 600_000).default(30_000),
    refresh: duration(1000).default(600_000),
    optional: z.boolean().default(false),
  }),
  check: ({ jwks, issuer, audience, forward, algorithms }, path, findings) => {
    if (/^http:\/\/(?!127\.|localhost|\[::1\])/.test(jwks))
      findings.add([...path, 'jwks'], 'is fetched in the clear: whoever is in between could sign', 'https://…');
    if (issuer === '' && audience.length === 0)
      findings.add(path, 'accepts tokens that are for anybody', 'name "issuer" or "audience"');
    const symmetric = algorithms.some((name) => name.startsWith('HS'));
    if (symmetric && algorithms.some((name) => !name.startsWith('HS')))
      findings.add([...path, 'algorithms'], 'mixes secrets with public keys: a public key would do as a secret');
    for (const name of Object.keys(forward)) findings.fieldName(name, [...path, 'forward', name], true);
  },
};
