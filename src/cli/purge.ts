// Owns `evenkeel purge`: asks the running balancer, at its admin address, to forget answers.

import type { CliContext } from './context.ts';
import { failWith, type RemoteCommandOptions, theBalancer } from './remote/command.ts';

export interface PurgeOptions extends RemoteCommandOptions {
  readonly url?: string;
  readonly prefix?: string;
  readonly tag?: string;
  readonly all?: boolean;
}

export async function purge(ctx: CliContext, options: PurgeOptions): Promise<void> {
  const { url, prefix, tag, all } = options;
  const said = Object.entries({ url, prefix, tag, all: all === true ? '1' : undefined }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  if (said.length !== 1) return failWith(ctx, 'say what: one of --url, --prefix, --tag and --all');
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('POST', `/api/v1/cache/purge?${new URLSearchParams(said).toString()}`);
  if (!answer.ok) return failWith(ctx, answer.error);
  const { purged } = answer.value.body as { readonly purged: number };
  ctx.stdout.write(options.json === true ? answer.value.text : `${purged} answer${purged === 1 ? '' : 's'} purged\n`);
}
