// Owns patterns with captures: `/users/{id}/*` and `{tenant}.example.com`. They are matched as regular expressions, and what
// stands for the names is read only when somebody asks.

import type { RouteConfig } from '../config/types.ts';
import type { Pattern, RegexCompiler } from './route.ts';

const NAME = /\{([A-Za-z_][A-Za-z0-9_]*)(\*\*)?\}/;

export const hasCapture = (text: string): boolean => text.includes('{');

/** Names in the order of the pattern; undefined when a brace is no capture. */
export function captureNames(text: string): readonly string[] | undefined {
  const names: string[] = [];
  const rest = text.replace(new RegExp(NAME, 'g'), (_, name: string) => {
    names.push(name);
    return '';
  });
  return /[{}]/.test(rest) ? undefined : names;
}

const quoted = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/**
 * Of a path: `{id}` one or more characters within a segment, `{rest**}` anything, `*` and `**` as in a glob, and a star at the
 * very end anything at all, as in a prefix.
 */
export function templateExpression(template: string): string {
  const parts = template.split(/(\{[^}]*\}|(?<=\/)\*\*+\/|\*+)/);
  // Split by a group: odd places hold what it found.
  const body = parts.map((part, i) => {
    if (i % 2 === 0) return quoted(part);
    const name = NAME.exec(part);
    if (name !== null) return name[2] === undefined ? `(?<${name[1]}>[^/]+)` : `(?<${name[1]}>.*)`;
    if (part.endsWith('/')) return '(?:.*/)?';
    const isLast = parts.slice(i + 1).every((later) => later === '');
    return part.length > 1 || isLast ? '.*' : '[^/]*';
  });
  return `^${body.join('')}$`;
}

/** What a matching path begins with. */
export function templateLiteral(template: string): string {
  const end = template.search(/[{*]/);
  return end < 0 ? template : template.slice(0, end);
}

/** Of a host: each `{name}` is one label. A star in front is any number of labels. */
export function hostExpression(host: string): string {
  const labels = host.split('.').map((label) => {
    if (label === '*') return '(?:[^.]+\\.)*[^.]+';
    const name = NAME.exec(label);
    return name !== null && name[0] === label ? `(?<${name[1]}>[^.]+)` : quoted(label);
  });
  return `^${labels.join('\\.')}$`;
}

/** The wildcard that a host with captures is below: `{a}.eu.example.com` is below `*.eu.example.com`, `{a}` below any. */
export function hostTable(host: string): string {
  const labels = host.split('.');
  const last = labels.findLastIndex((label) => hasCapture(label) || label === '*');
  return last === labels.length - 1 ? '*' : `*.${labels.slice(last + 1).join('.')}`;
}

const NOTHING: Readonly<Record<string, string>> = {};

/** What stands for the names in a route's patterns, of a request that the route took. */
export function capturesOf(
  { host, path }: Pick<RouteConfig, 'host' | 'path'>,
  regex: RegexCompiler,
): (host: string, path: string) => Readonly<Record<string, string>> {
  const hosts = host.filter(hasCapture).map((one) => regex(hostExpression(one)));
  const paths =
    path?.kind === 'template'
      ? [regex(templateExpression(path.value))]
      : path?.kind === 'regex' && path.value.includes('(?')
        ? [regex(path.value)]
        : [];
  if (hosts.length + paths.length === 0) return () => NOTHING;
  return (name, where) => {
    const found: Record<string, string> = { __proto__: null } as never;
    take(hosts, name, found);
    take(paths, where, found);
    return found;
  };
}

/** The names that a route's patterns capture: all that templates may ask for. */
export function namesCaptured({ host, path }: Pick<RouteConfig, 'host' | 'path'>): ReadonlySet<string> {
  const names = host.flatMap((one) => captureNames(one) ?? []);
  if (path?.kind === 'template') names.push(...(captureNames(path.value) ?? []));
  if (path?.kind === 'regex') for (const [, name] of path.value.matchAll(/\(\?P?<([A-Za-z_]\w*)>/g)) names.push(name);
  return new Set(names);
}

function take(patterns: readonly Pattern[], text: string, into: Record<string, string>): void {
  for (const pattern of patterns) {
    const groups = pattern.exec(text)?.groups;
    if (groups === undefined) continue;
    for (const name in groups) into[name] = groups[name] ?? '';
    return;
  }
}
