// Owns the list of filters, in the order of the alphabet. A kind is one file here, one in `http/filters/`, a line in each list.

import { compress } from './compress.ts';
import { cors } from './cors.ts';
import { errorPages } from './error-pages.ts';
import type { FilterForm } from './form.ts';
import { headers } from './headers.ts';
import { redirect } from './redirect.ts';
import { replaceBody } from './replace-body.ts';
import { respond } from './respond.ts';
import { rewrite } from './rewrite.ts';
import { securityHeaders } from './security-headers.ts';
import { use } from './use.ts';

// biome-ignore lint/suspicious/noExplicitAny: each kind has its own type of settings
export const FILTER_FORMS: readonly FilterForm<any>[] = [
  compress,
  cors,
  errorPages,
  headers,
  redirect,
  replaceBody,
  respond,
  rewrite,
  securityHeaders,
  use,
];

const BY_NAME = new Map(FILTER_FORMS.map((form) => [form.name, form]));

export function filterForm(name: string): FilterForm | undefined {
  return BY_NAME.get(name);
}
