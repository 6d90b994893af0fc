// Owns `evenkeel timeline`: what happened to the health of endpoints, with the evidence.

import type { Hindsight } from '../../health/probe-history.ts';
import type { HealthChange } from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import type { RemoteBalancer } from './client.ts';
import { failWith, type RemoteCommandOptions, shortTime, theBalancer } from './command.ts';

export interface TimelineOptions extends RemoteCommandOptions {
  readonly limit: string;
}

export async function timeline(ctx: CliContext, id: string | undefined, options: TimelineOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const query = new URLSearchParams({ limit: options.limit, ...(id === undefined ? {} : { endpoint: id }) });
  const answer = await balancer.get('GET', `/api/v1/timeline?${query.toString()}`);
  if (!answer.ok) return failWith(ctx, answer.error);
  if (options.json === true) {
    ctx.stdout.write(`${answer.value.text}\n`);
    return;
  }
  const changes = [...(answer.value.body as HealthChange[])].reverse();
  for (const { at, id: of, from, to, cause, evidence } of changes) {
    const time = new Date(at).toISOString().slice(0, 19).replace('T', ' ');
    const step = from === to ? `stays ${to}` : `${from} → ${to}`;
    ctx.stdout.write(`${time}  ${of}  ${step}  (${cause}) ${evidence}\n`);
  }
  if (changes.length === 0) ctx.stdout.write('nothing happened\n');
  if (id !== undefined) await tellHindsight(ctx, balancer, id);
}

/** What other thresholds would have done with the same checks. */
async function tellHindsight(ctx: CliContext, balancer: RemoteBalancer, id: string): Promise<void> {
  const status = await balancer.get('GET', `/api/v1/pools/${encodeURIComponent(id.split('/')[0])}`);
  const told = await balancer.get('GET', `/api/v1/hindsight?endpoint=${encodeURIComponent(id)}`);
  if (!told.ok || !status.ok) return;
  const endpoints = status.value.body.endpoints as readonly { readonly id: string; readonly flaps: number }[];
  const flaps = endpoints.find((one) => one.id === id)?.flaps ?? 0;
  ctx.stdout.write(`taken out ${flaps} time${flaps === 1 ? '' : 's'}; with the checks that are remembered\n`);
  for (const { fall, downs, downMs } of told.value.body as readonly Hindsight[])
    ctx.stdout.write(
      `  fall: ${String(fall).padEnd(3)} ${downs} time${downs === 1 ? ' ' : 's'}  ${shortTime(downMs)} out\n`,
    );
}
