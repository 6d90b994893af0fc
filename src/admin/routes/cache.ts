// Owns purging caches.

import type { Purge } from '../../runtime/facade.ts';
import { type AdminApp, type AdminContext, type AdminParts, account, refuse } from '../context.ts';

export function addCacheRoutes(app: AdminApp, parts: AdminParts): void {
  const purge = async (c: AdminContext): Promise<Response> => {
    const said = new URL(c.req.url).searchParams;
    const what = purgeOf(said);
    if (what === undefined)
      return refuse(c, 400, 'say one of url=http://host/path, prefix=http://host/, tag=NAME, all=1');
    const purged = await parts.balancer.purge(what);
    account(parts, c, { action: 'purge', what: said.toString(), before: null, after: { purged }, note: '' }, true);
    return c.body(`${JSON.stringify({ purged })}\n`, 200, { 'content-type': 'application/json' });
  };
  app.openAPIRegistry.registerPath({
    method: 'post',
    path: '/api/v1/cache/purge',
    summary: 'Take answers out of the caches: url, prefix, tag or all=1',
    responses: { 200: { description: 'how many' } },
  });
  app.post('/api/v1/cache/purge', purge);
  app.post('/cache/purge', purge);
}

/** Undefined: it is not said what, or several things are. */
function purgeOf(query: URLSearchParams): Purge | undefined {
  const said = [...query];
  if (said.length !== 1) return undefined;
  const [[name, value]] = said;
  if (value === '') return undefined;
  switch (name) {
    case 'url':
      return { key: addressOf(value) };
    case 'prefix':
      return { prefix: addressOf(value) };
    case 'tag':
      return { tag: value };
    case 'all':
      return value === '1' || value === 'true' ? { all: true } : undefined;
    default:
      return undefined;
  }
}

/** As keys are: the host in lower case, without the usual port. What is no address may be a key of somebody's own. */
function addressOf(text: string): string {
  const match = /^(https?):\/\/(\[[^\]/]*\]|[^/:?#]+)(:\d+)?(\/[^#]*)?(?:#.*)?$/i.exec(text);
  if (match === null) return text;
  const scheme = match[1].toLowerCase();
  const port = match[3] === (scheme === 'https' ? ':443' : ':80') ? '' : (match[3] ?? '');
  return `${scheme}://${match[2].toLowerCase()}${port}${match[4] ?? '/'}`;
}
