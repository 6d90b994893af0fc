// Owns the list of kinds of session persistence. Conformance, schema and docs checks iterate it.

import type { AffinityKind } from './affinity.ts';
import { cookie } from './cookie.ts';
import { cookieLearn } from './cookie-learn.ts';
import { cookiePrefix } from './cookie-prefix.ts';
import { header } from './header.ts';
import { query } from './query.ts';
import { source } from './source.ts';

export const AFFINITIES: readonly AffinityKind[] = [source, cookie, cookiePrefix, cookieLearn, header, query];

export function affinityByName(name: string): AffinityKind | undefined {
  return AFFINITIES.find((kind) => kind.name === name);
}
