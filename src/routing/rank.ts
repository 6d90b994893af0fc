// Owns which of several matching routes is the most specific. Host comes first and is decided in hosts.ts; within a host:
// exact path, then patterns and prefixes by the length of what they fix (longest first; at equal length a pattern before a
// plain prefix), then no path; then more conditions before fewer; then the order in the file.

import type { PathPattern, RouteConfig } from '../config/types.ts';
import { hostExpression, templateExpression, templateLiteral } from './captures.ts';
import { type Condition, conditionsOf } from './conditions.ts';
import { compileGlob, globPrefix } from './glob.ts';
import type { Languages } from './language.ts';
import type { RegexCompiler, RequestHead, RoutingFacts } from './route.ts';

/** A route ready to be tried. */
export interface Candidate<R> {
  readonly target: R;
  readonly path: PathPattern | undefined;
  /** What a matching path must begin with; '' when nothing is fixed. */
  readonly literal: string;
  /** Undefined when `literal`, or equality for an exact path, says it all. */
  readonly pattern: { test(path: string): boolean } | undefined;
  readonly conditions: readonly Condition[];
  /** Place in the file. */
  readonly order: number;
}

export function candidateOf<R>(
  route: RouteConfig,
  target: R,
  order: number,
  facts: RoutingFacts,
  languages: Languages,
): Candidate<R> {
  const { path } = route;
  return {
    target,
    path,
    literal: path === undefined ? '' : literalOf(path),
    pattern: path === undefined ? undefined : patternOf(path, facts.regex),
    conditions: conditionsOf(route, facts, languages),
    order,
  };
}

/** The same route for a host with captures: that the labels are as many is one condition more. */
export function withHost<R>(candidate: Candidate<R>, host: string, regex: RegexCompiler): Candidate<R> {
  const pattern = regex(hostExpression(host));
  const condition = { what: 'host', holds: (head: RequestHead) => pattern.test(head.host) };
  return { ...candidate, conditions: [condition, ...candidate.conditions] };
}

/** For candidates of one host: negative when `a` is to be tried before `b`. */
export function compareCandidates<R>(a: Candidate<R>, b: Candidate<R>): number {
  return (
    pathClass(a) - pathClass(b) ||
    b.literal.length - a.literal.length ||
    Number(a.pattern === undefined) - Number(b.pattern === undefined) ||
    b.conditions.length - a.conditions.length ||
    a.order - b.order
  );
}

/** Whether everything beside host and literal holds. A loop and no `every`: this runs for each request. */
export function accepts<R>(candidate: Candidate<R>, head: RequestHead): boolean {
  if (candidate.pattern !== undefined && !candidate.pattern.test(head.path)) return false;
  const { conditions } = candidate;
  for (let i = 0; i < conditions.length; i++) if (!conditions[i].holds(head)) return false;
  return true;
}

function pathClass<R>({ path }: Candidate<R>): number {
  if (path === undefined) return 2;
  return path.kind === 'exact' ? 0 : 1;
}

function patternOf(path: PathPattern, regex: RegexCompiler): { test(path: string): boolean } | undefined {
  if (path.kind === 'glob') return compileGlob(path.value);
  if (path.kind === 'template') return regex(templateExpression(path.value));
  return path.kind === 'regex' ? regex(path.value) : undefined;
}

function literalOf(path: PathPattern): string {
  if (path.kind === 'glob') return globPrefix(path.value);
  if (path.kind === 'template') return templateLiteral(path.value);
  return path.kind === 'regex' ? regexPrefix(path.value) : path.value;
}

/** The literal text that an anchored regular expression begins with; '' when in doubt. */
export function regexPrefix(pattern: string): string {
  if (!pattern.startsWith('^') || pattern.includes('|')) return '';
  let prefix = '';
  for (let i = 1; i < pattern.length; ) {
    let char = pattern[i];
    let next = i + 1;
    if (char === '\\') {
      char = pattern[next++] ?? '';
      // \d, \x2f and the like are no literals; \. and \/ are.
      if (char === '' || /[A-Za-z0-9]/.test(char)) break;
    } else if ('.[](){}*+?^$'.includes(char)) {
      break;
    }
    // A quantifier makes the character before it optional or repeated.
    if ('*?+{'.includes(pattern[next] ?? ' ')) break;
    prefix += char;
    i = next;
  }
  return prefix;
}
