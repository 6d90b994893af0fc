// Owns the filter `rewrite`: path, query and host as the endpoint is to see them. A request whose path would come to have `.` or
// `..` among its parts is refused, so that no capture can climb out of where it was put.

import { compilePattern } from '../../config/regex.ts';
import type { RewriteSettings } from '../../config/types.ts';
import { normalizePath } from '../../routing/normalize.ts';
import type { Variables } from '../../routing/template.ts';
import type { Filter, FilterKind, FilterRequest } from '../filter.ts';
import { fillingOf, inQuery, inUri } from './fill.ts';

const GROUP = /\$(?:(\d{1,2})|<([A-Za-z_][A-Za-z0-9_]*)>|(\$))/g;

/** A part of a path that stands for another folder, as some server or other reads it. */
const DOTS = /(?:^|[/\\]|%2f|%5c)(?:\.|%2e){1,2}(?:$|[/\\;]|%2f|%5c|%3b)/i;

export const rewrite: FilterKind<RewriteSettings> = {
  name: 'rewrite',
  build(settings, { count }): Filter {
    const path = pathChange(settings);
    const { host, query } = settings;
    const fillHost = host === '' ? undefined : fillingOf(host);
    const set = Object.entries(query.set).map(([name, text]) => [inQuery(name), fillingOf(text, inQuery)] as const);
    const gone = new Set([...query.remove.map(inQuery), ...set.map(([name]) => name)]);
    return {
      onRequest(request) {
        const changed = path?.(request);
        if (changed !== undefined && changed !== request.path) {
          const [to, more] = splitQuery(changed);
          if (DOTS.test(to) || normalizePath(to) === undefined) return { status: 400, code: 'bad-request' };
          request.path = to;
          if (more !== undefined) request.query = request.query === '' ? more : `${more}&${request.query}`;
          count('rewritten');
        }
        if (gone.size > 0) request.query = queryWith(request, gone, set);
        const name = fillHost?.(request) ?? '';
        if (/^[A-Za-z0-9.:[\]_-]+$/.test(name)) request.edits.set('Host', name);
        return undefined;
      },
    };
  },
};

/** Undefined: paths stay as they are. The function returns undefined for one that is not meant. */
function pathChange({
  path,
  to,
  stripPrefix,
  addPrefix,
}: RewriteSettings): ((request: FilterRequest) => string | undefined) | undefined {
  if (to !== '' && path !== '') {
    const pattern = compilePattern(path);
    const fill = fillingOf(to, inUri);
    return (request) => {
      const match = pattern.exec(request.path);
      return match === null ? undefined : withGroups(fill(request), request.path, match);
    };
  }
  if (to !== '') return fillingOf(to, inUri) as (from: Variables) => string;
  if (stripPrefix === '' && addPrefix === '') return undefined;
  const prefix = stripPrefix.replace(/\/$/, '');
  return ({ path: was }) => {
    const isBelow =
      prefix !== '' && was.startsWith(prefix) && (was.length === prefix.length || was[prefix.length] === '/');
    const rest = isBelow ? was.slice(prefix.length) : was;
    return `${addPrefix.replace(/\/$/, '')}${rest === '' ? '/' : rest}`;
  };
}

/** The path with what was matched replaced. */
function withGroups(to: string, path: string, match: RegExpExecArray): string {
  const filled = to.replace(GROUP, (_, index?: string, name?: string, dollar?: string) => {
    if (dollar !== undefined) return '$';
    return (index !== undefined ? match[Number(index)] : match.groups?.[name!]) ?? '';
  });
  return path.slice(0, match.index) + filled + path.slice(match.index + match[0].length);
}

function splitQuery(target: string): [string, string | undefined] {
  const question = target.indexOf('?');
  return question < 0 ? [target, undefined] : [target.slice(0, question), target.slice(question + 1)];
}

function queryWith(
  request: FilterRequest,
  gone: ReadonlySet<string>,
  set: readonly (readonly [string, (from: Variables) => string])[],
): string {
  const kept = request.query.split('&').filter((pair) => pair !== '' && !gone.has(pair.split('=', 1)[0]));
  return [...kept, ...set.map(([name, fill]) => `${name}=${fill(request)}`)].join('&');
}
