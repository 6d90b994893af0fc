// Owns what the page knows: who looks, how the connection is, the newest structure and numbers. Views read signals; `tick` moves once
// a second after all numbers have changed, and not at all while nobody sees the page.

import { batch, computed, signal } from '@preact/signals';
import type { AuditEntry } from '../../src/admin/audit.ts';
import type { Tick } from '../../src/admin/tick-rows.ts';
import type { DrainProgress, HealthChange, RuntimeChanges, Status } from '../../src/runtime/facade.ts';
import { ApiError, ask, token } from './api.ts';
import { type PastColumns, Rows } from './rows.ts';
import { Stream, type StreamState } from './stream.ts';

export interface Who {
  readonly name: string;
  readonly role: 'read' | 'operate';
  /** Tokens are needed here. */
  readonly asks: boolean;
}

const MOST_CHANGES = 1000;

export const rows = new Rows();
export const who = signal<Who | undefined>(undefined);
/** A token is needed, or another one. */
export const needsToken = signal(false);
export const connection = signal<StreamState>('connecting');
/** Performance clock of the newest message; 0 before the first. */
export const heardAt = signal(0);
export const status = signal<Status | undefined>(undefined);
export const tick = signal(0);
/** Wall-clock ms, moved every second while somebody looks. */
export const clock = signal(Date.now());
export const changes = signal<RuntimeChanges | undefined>(undefined);
/** Newest first. */
export const timeline = signal<readonly HealthChange[]>([]);
export const audit = signal<readonly AuditEntry[]>([]);
export const drains = signal<readonly DrainProgress[]>([]);
/** Moves with every configuration that comes into effect, and when one is saved. */
export const configRevision = signal(0);
let configVersion = 0;

export const mayOperate = computed(() => who.value?.role === 'operate');
/** How old the numbers are, in ms; 0 while they are fresh. */
export const staleMs = computed(() => {
  void clock.value;
  const age = heardAt.value === 0 ? 0 : performance.now() - heardAt.value;
  return connection.value === 'live' && age < 12_000 ? 0 : age;
});

const stream = new Stream({
  onEvent,
  onState(state) {
    connection.value = state;
    if (state === 'refused') askForToken();
  },
});

/** Also after somebody gave a token. */
export async function begin(): Promise<void> {
  needsToken.value = false;
  // Not one after the other: the sooner something is seen.
  stream.start();
  try {
    who.value = await ask<Who>('/api/v1/whoami');
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) askForToken();
    else if (error instanceof ApiError && error.status !== 0) {
      problem.value = error.message;
    } else setTimeout(() => void begin(), 1000);
  }
}

/** What of the configuration is needed in every view. */
export interface ConfigState {
  readonly saved: boolean;
  /** Of listeners without routes (UDP), where they go. */
  readonly pools: Readonly<Record<string, string>>;
}

export const config = signal<ConfigState | undefined>(undefined);

function newConfig(): void {
  configRevision.value++;
  void loadConfig();
}

async function loadConfig(): Promise<void> {
  try {
    const { saved, document } = await ask<{
      saved: boolean;
      document: { listeners?: Record<string, { pool?: unknown }> };
    }>('/api/v1/config');
    const pools = Object.entries(document.listeners ?? {}).flatMap(([name, { pool }]) =>
      typeof pool === 'string' ? [[name, pool] as const] : [],
    );
    config.value = { saved, pools: Object.fromEntries(pools) };
  } catch {
    // Told where somebody opens it.
  }
}

function askForToken(): void {
  token.forget();
  needsToken.value = true;
}

/** Why nothing can be shown at all. */
export const problem = signal('');

export function leave(): void {
  token.forget();
  location.reload();
}

function onEvent(event: string, data: unknown): void {
  batch(() => {
    heardAt.value = performance.now();
    if (event === 'structure') onStructure(data as Status);
    else if (event === 'tick') onTick(data as Tick);
    else if (event === 'health') onHealth(data as HealthChange);
    else if (event === 'changes') changes.value = data as RuntimeChanges;
    else if (event === 'audit') {
      audit.value = [data as AuditEntry, ...audit.value].slice(0, 500);
      const { action } = data as AuditEntry;
      if (action === 'drain') void loadDrains();
      if (action === 'apply-config' || action === 'roll-back') newConfig();
    }
  });
}

function onStructure(next: Status): void {
  rows.structure(next.pools);
  status.value = next;
  changes.value = next.runtime;
  if (next.configVersion !== configVersion || config.value === undefined) newConfig();
  configVersion = next.configVersion;
  const known = new Set(timeline.value.map(keyOf));
  const missed = next.changes.filter((change) => !known.has(keyOf(change)));
  timeline.value = [...missed, ...timeline.value].sort((a, b) => b.at - a.at).slice(0, MOST_CHANGES);
  tick.value++;
  void loadDrains();
}

const keyOf = ({ at, id, to, evidence }: HealthChange): string => `${at} ${id} ${to} ${evidence}`;

function onTick(data: Tick): void {
  rows.tick(data);
  if (!document.hidden) tick.value++;
}

function onHealth(change: HealthChange): void {
  rows.health(change);
  timeline.value = [change, ...timeline.value].slice(0, MOST_CHANGES);
  if (change.to === 'draining') void loadDrains();
  if (!document.hidden) tick.value++;
}

/** Once: what was before this page was opened. */
export async function loadPast(pool: string): Promise<void> {
  const row = rows.pools.get(pool);
  if (row === undefined || row.past.filled) return;
  row.past.filled = true;
  try {
    rows.fill(pool, await ask<PastColumns>(`/api/v1/pools/${encodeURIComponent(pool)}/past`));
    tick.value++;
  } catch {
    row.past.filled = false;
  }
}

export async function loadTimeline(): Promise<void> {
  const all = await ask<HealthChange[]>('/api/v1/timeline?limit=1000');
  timeline.value = all;
}

let drainTimer: ReturnType<typeof setTimeout> | undefined;

/** Followed until all of them have ended. */
export async function loadDrains(): Promise<void> {
  clearTimeout(drainTimer);
  try {
    const all = await ask<DrainProgress[]>('/api/v1/drains');
    drains.value = all;
    const runs = all.some(({ phase }) => phase === 'draining' || phase === 'late');
    if (runs) drainTimer = setTimeout(() => void loadDrains(), 1000);
  } catch {
    // The stream says that the balancer is not reached; it asks again when it is.
  }
}

setInterval(() => {
  if (!document.hidden) clock.value = Date.now();
}, 1000);
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return;
  clock.value = Date.now();
  tick.value++;
});
