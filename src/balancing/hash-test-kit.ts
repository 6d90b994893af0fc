// Owns what the tests of the hash kinds share: where a set of keys goes, and how evenly. Never used in production.

import type { Endpoint } from '../core/endpoint.ts';
import type { BalancerKind } from './balancer.ts';
import { createWorld, requestFor, viewOf, type World } from './world.ts';

/** The id of the endpoint of every key. */
export function placements<C>(
  kind: BalancerKind<C>,
  config: C,
  endpoints: readonly Endpoint[],
  keys: readonly string[],
  world: World = createWorld(1, 256),
): string[] {
  const balancer = kind.build(viewOf(endpoints), config, world.env);
  return keys.map((key) => balancer.pick(requestFor(key))!.id);
}

export function keysOf(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `user-${i}@example.com`);
}

/** Standard deviation of the shares relative to the mean. */
export function spread(placed: readonly string[], endpoints: readonly Endpoint[]): number {
  const counts = new Map(endpoints.map(({ id }) => [id, 0]));
  for (const id of placed) counts.set(id, counts.get(id)! + 1);
  const mean = placed.length / endpoints.length;
  const variance = [...counts.values()].reduce((sum, count) => sum + (count - mean) ** 2, 0) / endpoints.length;
  return Math.sqrt(variance) / mean;
}

/** When `removed` left: how many of its own keys there were, and how many of the others' keys moved. */
export function disruption(before: readonly string[], after: readonly string[], removed: string) {
  let own = 0;
  let collateral = 0;
  before.forEach((id, i) => {
    if (id === removed) own++;
    else if (id !== after[i]) collateral++;
  });
  return { own, collateral };
}
