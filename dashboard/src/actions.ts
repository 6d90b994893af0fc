// Owns what an operator does: which dialog is open, the calls behind it, and what is said when one is refused.

import { signal } from '@preact/signals';
import type { DrainProgress } from '../../src/runtime/facade.ts';
import { ApiError, ask, endpointPath } from './api.ts';
import { loadDrains } from './store.ts';

export type Dialog =
  | { readonly kind: 'drain' | 'maintenance' | 'ready' | 'weight' | 'remove' | 'take-back'; readonly id: string }
  | { readonly kind: 'add'; readonly pool: string }
  | { readonly kind: 'site'; readonly site: string; readonly to: 'drain' | 'ready' }
  | { readonly kind: 'split'; readonly split: string }
  | { readonly kind: 'apply'; readonly text: string; readonly etag: string; readonly plan: readonly PlanLine[] }
  | { readonly kind: 'roll-back'; readonly version: number; readonly etag: string; readonly at: number }
  | { readonly kind: 'help' };

export interface PlanLine {
  readonly action: 'add' | 'remove' | 'change';
  readonly what: string;
  readonly detail: string;
}

export const dialog = signal<Dialog | undefined>(undefined);
/** Said politely, and shown for a while. */
export const said = signal('');
let silence: ReturnType<typeof setTimeout> | undefined;

export function say(text: string): void {
  said.value = text;
  clearTimeout(silence);
  silence = setTimeout(() => {
    said.value = '';
  }, 6000);
}

export const explainError = (error: unknown): string =>
  error instanceof ApiError ? error.message : 'something went wrong in this page';

const change = (id: string, body: object) => ask<{ saved: boolean }>(endpointPath(id), { method: 'PATCH', body });

export async function drain(id: string, deadlineMs: number, note: string): Promise<void> {
  await ask<DrainProgress>(`${endpointPath(id)}/drain`, { method: 'POST', body: { deadlineMs, note } });
  await loadDrains();
  say(`${id} drains`);
}

export async function setMode(id: string, mode: 'ready' | 'maintenance', note: string): Promise<void> {
  await change(id, { mode, note });
  say(mode === 'ready' ? `${id} is ready for work again` : `${id} is in maintenance`);
}

export async function setWeight(id: string, weight: number, note: string): Promise<void> {
  await change(id, { weight, note });
  say(`${id} has weight ${weight} now`);
}

export async function remove(id: string, note: string): Promise<void> {
  await ask(`${endpointPath(id)}?note=${encodeURIComponent(note)}`, { method: 'DELETE' });
  say(`${id} was removed`);
}

export async function takeBack(id: string, note: string): Promise<void> {
  await ask(`${endpointPath(id)}/changes?note=${encodeURIComponent(note)}`, { method: 'DELETE' });
  say(`${id} is as configured again`);
}

export async function add(pool: string, endpoint: string, weight: number, note: string): Promise<void> {
  const written = weight === 1 ? endpoint : { address: endpoint, weight };
  await ask(`/api/v1/pools/${encodeURIComponent(pool)}/endpoints`, {
    method: 'POST',
    body: { endpoint: written, note },
  });
  say(`${endpoint} was added to ${pool}`);
}

export async function site(name: string, to: 'drain' | 'ready', note: string): Promise<void> {
  const done = await ask<{ seconds?: number }>(`/api/v1/sites/${encodeURIComponent(name)}/${to}`, {
    method: 'POST',
    body: { note },
  });
  say(
    to === 'ready' ? `${name} is in use again` : `${name} is out of answers; its endpoints drain in ${done.seconds} s`,
  );
}

const splitPath = (name: string): string => {
  const at = name.indexOf('/');
  return `/api/v1/splits/${encodeURIComponent(name.slice(0, at))}/${encodeURIComponent(name.slice(at + 1))}`;
};

export async function setSplit(name: string, weights: Record<string, number>, note: string): Promise<void> {
  await ask(splitPath(name), { method: 'PUT', body: { weights, note } });
  say(`${name} is split anew`);
}

export async function resetSplit(name: string, note: string): Promise<void> {
  await ask(`${splitPath(name)}?note=${encodeURIComponent(note)}`, { method: 'DELETE' });
  say(`${name} is split as configured again`);
}

const query = (save: boolean, note: string): string => `?save=${save}&note=${encodeURIComponent(note)}`;

export async function apply(text: string, etag: string, save: boolean, note: string): Promise<void> {
  await ask(`/api/v1/config${query(save, note)}`, { method: 'PUT', body: text, ifMatch: etag });
  say('The new configuration is in effect');
}

export async function rollBack(version: number, etag: string, save: boolean, note: string): Promise<void> {
  await ask(`/api/v1/config/versions/${version}/rollback${query(save, note)}`, { method: 'POST', ifMatch: etag });
  say(`Version ${version} is in effect again`);
}
