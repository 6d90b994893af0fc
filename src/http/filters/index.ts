// Owns the list of filters, in the order of the alphabet. A kind is one file here, one in `config/filters/`, a line in each list.

import type { FilterKind } from '../filter.ts';
import { access } from './access.ts';
import { apiKey } from './api-key.ts';
import { basicAuth } from './basic-auth.ts';
import { bodyLimit } from './body-limit.ts';
import { cache } from './cache.ts';
import { compress } from './compress.ts';
import { concurrencyLimit } from './concurrency-limit.ts';
import { cors } from './cors.ts';
import { errorPages } from './error-pages.ts';
import { fault } from './fault.ts';
import { forwardAuth } from './forward-auth.ts';
import { headers } from './headers.ts';
import { jwt } from './jwt.ts';
import { mirror } from './mirror.ts';
import { rateLimit } from './rate-limit.ts';
import { redirect } from './redirect.ts';
import { replaceBody } from './replace-body.ts';
import { respond } from './respond.ts';
import { rewrite } from './rewrite.ts';
import { securityHeaders } from './security-headers.ts';
import { staticFiles } from './static.ts';
import { useOf } from './use.ts';
import { waf } from './waf.ts';

// biome-ignore lint/suspicious/noExplicitAny: each kind has its own type of settings
const KINDS: readonly FilterKind<any>[] = [
  access,
  apiKey,
  basicAuth,
  bodyLimit,
  cache,
  compress,
  concurrencyLimit,
  cors,
  errorPages,
  fault,
  forwardAuth,
  headers,
  jwt,
  mirror,
  rateLimit,
  redirect,
  replaceBody,
  respond,
  rewrite,
  securityHeaders,
  staticFiles,
  waf,
];

/** By name; `own` are those that a configuration brings along. */
export function filterKinds(own: readonly FilterKind[]): ReadonlyMap<string, FilterKind> {
  return new Map<string, FilterKind>([...KINDS, useOf(own) as FilterKind].map((kind) => [kind.name, kind]));
}
