// Owns the conditions of a route besides host and path: method, header, cookie, query parameter, client network. Each knows
// how to name itself, so that an explanation can say which one did not hold.

import type { CertificateMatch, RouteConfig, TextMatch } from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';
import { parameterOf } from '../core/query.ts';
import type { RegexCompiler, RequestHead } from './route.ts';

export { parameterOf };

export interface Condition {
  /** For people: `method`, `header x-user`, ... */
  readonly what: string;
  holds(head: RequestHead): boolean;
}

export function conditionsOf(route: RouteConfig, regex: RegexCompiler): readonly Condition[] {
  const conditions: Condition[] = [];
  if (route.method.length > 0) {
    const methods = new Set(route.method);
    conditions.push({ what: 'method', holds: (head) => methods.has(head.method) });
  }
  if (route.client.length > 0) {
    const networks = CidrSet.of(route.client);
    conditions.push({ what: 'client', holds: (head) => networks.has(head.client) });
  }
  if (route.clientCertificate !== undefined) conditions.push(...certificateConditions(route.clientCertificate, regex));
  for (const [name, match] of Object.entries(route.header)) {
    const field = name.toLowerCase();
    const holds = matcherOf(match, regex);
    conditions.push({ what: `header ${field}`, holds: (head) => holds(head.header(field)) });
  }
  for (const [name, match] of Object.entries(route.cookie)) {
    const holds = matcherOf(match, regex);
    conditions.push({ what: `cookie ${name}`, holds: (head) => holds(cookieOf(head.header('cookie'), name)) });
  }
  for (const [name, match] of Object.entries(route.query)) {
    const holds = matcherOf(match, regex);
    conditions.push({ what: `query ${name}`, holds: (head) => holds(parameterOf(head.query, name)) });
  }
  return conditions;
}

function certificateConditions({ subject, fingerprint }: CertificateMatch, regex: RegexCompiler): Condition[] {
  const conditions: Condition[] = [];
  if (subject !== undefined) {
    const holds = matcherOf(subject, regex);
    conditions.push({ what: 'client certificate', holds: ({ certificate }) => holds(certificate?.subject) });
  }
  if (fingerprint.length > 0) {
    const known = new Set(fingerprint);
    const holds = ({ certificate }: RequestHead): boolean =>
      certificate !== undefined && known.has(certificate.fingerprint);
    conditions.push({ what: 'client certificate fingerprint', holds });
  }
  return conditions;
}

function matcherOf(match: TextMatch, regex: RegexCompiler): (value: string | undefined) => boolean {
  switch (match.kind) {
    case 'present':
      return (value) => value !== undefined;
    case 'absent':
      return (value) => value === undefined;
    case 'exact':
      return (value) => value === match.value;
    case 'prefix':
      return (value) => value?.startsWith(match.value) ?? false;
    case 'regex': {
      const pattern = regex(match.value);
      return (value) => value !== undefined && pattern.test(value);
    }
  }
}

/** Value of the first cookie of that name (RFC 6265 §4.2.1), as it was sent. */
export function cookieOf(field: string | undefined, name: string): string | undefined {
  if (field === undefined) return undefined;
  for (let start = 0; start < field.length; ) {
    let end = field.indexOf(';', start);
    if (end < 0) end = field.length;
    while (field.charCodeAt(start) === 32) start++;
    if (field.startsWith(name, start) && field[start + name.length] === '=') {
      return field.slice(start + name.length + 1, end).trimEnd();
    }
    start = end + 1;
  }
  return undefined;
}
