// Owns taking the functions out of a program's configuration: what is left is plain data that names them. They stand under
// `predicates` by name, or in a route itself, where their name is that of the listener and the route's place.

import type { Predicate } from '../routing/route.ts';

type Group = Record<string, unknown>;

const isGroup = (value: unknown): value is Group =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export interface Lifted {
  readonly document: Group;
  readonly predicates: ReadonlyMap<string, Predicate>;
}

export function liftPredicates(given: Group): Lifted {
  const { predicates: named, ...document } = given;
  const predicates = new Map<string, Predicate>();
  for (const [name, one] of Object.entries(isGroup(named) ? named : {}))
    if (typeof one === 'function') predicates.set(name, one as Predicate);
  if (!isGroup(document.listeners)) return { document, predicates };
  const listeners = Object.entries(document.listeners).map(([name, listener]) => {
    if (!isGroup(listener) || !Array.isArray(listener.routes)) return [name, listener];
    const routes = listener.routes.map((route: unknown, i) => {
      if (!isGroup(route) || typeof route.when !== 'function') return route;
      const own = `${name}[${i}]`;
      predicates.set(own, route.when as Predicate);
      return { ...route, when: own };
    });
    return [name, { ...listener, routes }];
  });
  return { document: { ...document, listeners: Object.fromEntries(listeners) as Group }, predicates };
}
