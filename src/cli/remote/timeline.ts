// Owns `evenkeel timeline`: what happened to the health of endpoints, with the evidence.

import type { HealthChange } from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import { failWith, type RemoteCommandOptions, theBalancer } from './command.ts';

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
}
