// Owns the conditions of a route besides host and path: method, header, cookie, query parameter, where the client is and what
// it is, its language, its TLS, what tables and the configuration's own program say. Each knows how to name itself, so that
// an explanation can say which one did not hold.

import type { CertificateMatch, RouteConfig, TextMatch, TlsMatch } from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';
import { parameterOf } from '../core/query.ts';
import { agentClass } from './agent.ts';
import type { Languages } from './language.ts';
import { predicateHolds } from './predicate.ts';
import type { RegexCompiler, RequestHead, RoutingFacts } from './route.ts';
import { cookieOf, matcherOf } from './text.ts';

export { cookieOf, parameterOf };

export interface Condition {
  /** For people: `method`, `header x-user`, ... */
  readonly what: string;
  holds(head: RequestHead): boolean;
}

/** `languages`: all that routes beside this one name, too. */
export function conditionsOf(route: RouteConfig, facts: RoutingFacts, languages: Languages): readonly Condition[] {
  const { regex } = facts;
  const conditions: Condition[] = [];
  if (route.method.length > 0) {
    const methods = new Set(route.method);
    conditions.push({ what: 'method', holds: (head) => methods.has(head.method) });
  }
  if (route.client.length > 0) {
    const networks = CidrSet.of(route.client);
    conditions.push({ what: 'client', holds: (head) => networks.has(head.client) });
  }
  if (route.tls !== undefined) conditions.push(...tlsConditions(route.tls));
  if (route.clientCertificate !== undefined) conditions.push(...certificateConditions(route.clientCertificate, regex));
  conditions.push(...textConditions(route, regex), ...clientConditions(route, facts, languages));
  for (const [name, match] of Object.entries(route.map)) {
    const holds = matcherOf(match, regex);
    conditions.push({ what: `map ${name}`, holds: (head) => holds(facts.table(name, head)) });
  }
  // Last: it may cost more than all the others.
  if (route.when !== '') conditions.push({ what: `when ${route.when}`, holds: predicateHolds(route.when, facts) });
  return conditions;
}

/** Those of text that the client wrote. */
export function textConditions(
  { header, cookie, query }: Readonly<Record<'header' | 'cookie' | 'query', Readonly<Record<string, TextMatch>>>>,
  regex: RegexCompiler,
): Condition[] {
  const conditions: Condition[] = [];
  for (const [name, match] of Object.entries(header)) {
    const field = name.toLowerCase();
    const holds = matcherOf(match, regex);
    conditions.push({ what: `header ${field}`, holds: (head) => holds(head.header(field)) });
  }
  for (const [name, match] of Object.entries(cookie)) {
    const holds = matcherOf(match, regex);
    conditions.push({ what: `cookie ${name}`, holds: (head) => holds(cookieOf(head.header('cookie'), name)) });
  }
  for (const [name, match] of Object.entries(query)) {
    const holds = matcherOf(match, regex);
    conditions.push({ what: `query ${name}`, holds: (head) => holds(parameterOf(head.query, name)) });
  }
  return conditions;
}

/** What the client is, where, and who. */
function clientConditions(route: RouteConfig, facts: RoutingFacts, languages: Languages): Condition[] {
  const conditions: Condition[] = [];
  if (route.userAgent.length > 0) {
    const classes = new Set<string>(route.userAgent);
    conditions.push({ what: 'userAgent', holds: (head) => classes.has(agentClass(head)) });
  }
  if (route.country.length > 0) {
    const countries = new Set(route.country);
    conditions.push({ what: 'country', holds: (head) => countries.has(facts.place(head.client).country) });
  }
  if (route.continent.length > 0) {
    const continents = new Set(route.continent);
    conditions.push({ what: 'continent', holds: (head) => continents.has(facts.place(head.client).continent) });
  }
  if (route.language.length > 0) {
    const wanted = new Set(route.language);
    const holds = (head: RequestHead): boolean => wanted.has(languages.preferred(head.header('accept-language')));
    conditions.push({ what: 'language', holds });
  }
  if (route.identity !== undefined) {
    const holds = matcherOf(route.identity, facts.regex);
    conditions.push({ what: 'identity', holds: ({ identity }) => holds(identity === '' ? undefined : identity) });
  }
  return conditions;
}

function tlsConditions({ sni, version, alpn }: TlsMatch): Condition[] {
  const conditions: Condition[] = [];
  if (sni.length > 0) {
    const exact = new Set(sni);
    const below = sni.filter((name) => name.startsWith('*.')).map((name) => name.slice(1));
    const isNamed = (name: string): boolean =>
      exact.has(name) || below.some((suffix) => name.length > suffix.length && name.endsWith(suffix));
    conditions.push({ what: 'tls sni', holds: ({ tls }) => tls !== undefined && isNamed(tls.serverName) });
  }
  if (version.length > 0) {
    const versions = new Set(version.map((one) => `TLSv${one}`));
    conditions.push({ what: 'tls version', holds: ({ tls }) => tls !== undefined && versions.has(tls.version) });
  }
  if (alpn.length > 0) {
    const protocols = new Set(alpn);
    conditions.push({ what: 'tls alpn', holds: ({ tls }) => tls !== undefined && protocols.has(tls.alpn) });
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
