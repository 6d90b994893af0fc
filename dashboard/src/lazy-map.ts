// Owns loading the map, with its outlines of land, when somebody opens it first.

import type { ComponentChild } from 'preact';
import type { WorldReport } from '../../src/runtime/facade.ts';

export type ComponentType = (props: { readonly world: WorldReport }) => ComponentChild;

export async function lazyMap(): Promise<ComponentType> {
  const { WorldMap } = await import('./parts/world-map.tsx');
  return WorldMap;
}
