// Owns `evenkeel restart`: a new process takes over from the running one, without a gap.

import type { CliContext } from '../context.ts';
import type { ChangeOptions } from './change.ts';
import { failWith, theBalancer } from './command.ts';

export async function restart(ctx: CliContext, options: ChangeOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('POST', '/api/v1/restart', { body: { note: options.note } });
  if (!answer.ok) return failWith(ctx, answer.error);
  const { pid } = answer.value.body as { readonly pid: number };
  ctx.stdout.write(
    options.json === true ? `${answer.value.text}\n` : `process ${pid} serves now; the old one finishes what runs\n`,
  );
}
