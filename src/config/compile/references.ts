// Owns finding names that lead nowhere: routes whose pool does not exist. Looks at the raw document, so that other
// mistakes do not hide these.

import { type ConfigIssue, type Path, suggest } from '../issues.ts';

const isGroup = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

export function danglingReferences(document: unknown): ConfigIssue[] {
  if (!isGroup(document) || !isGroup(document.listeners) || !isGroup(document.pools)) return [];
  const pools = Object.keys(document.pools);
  const issues: ConfigIssue[] = [];
  const look = (holder: unknown, path: Path): void => {
    if (!isGroup(holder) || typeof holder.pool !== 'string' || pools.includes(holder.pool)) return;
    const hint = suggest(holder.pool, pools);
    const message = `names the pool "${holder.pool}", which does not exist`;
    issues.push({ path: [...path, 'pool'], message, ...(hint === undefined ? {} : { hint }) });
  };
  for (const [name, listener] of Object.entries(document.listeners)) {
    look(listener, ['listeners', name]);
    const routes = isGroup(listener) ? listener.routes : undefined;
    if (!Array.isArray(routes)) continue;
    for (const [i, route] of routes.entries()) {
      const at = ['listeners', name, 'routes', i];
      look(route, at);
      const variants = isGroup(route) && isGroup(route.split) ? route.split.variants : undefined;
      if (!isGroup(variants)) continue;
      for (const [variant, one] of Object.entries(variants)) look(one, [...at, 'split', 'variants', variant]);
    }
  }
  return issues;
}
