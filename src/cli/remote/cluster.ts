// Owns `evenkeel cluster`: who is there, and one configuration for all, with what became of it on each.

import { readFile } from 'node:fs/promises';
import type { ClusterNode, ClusterStatus } from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import type { RemoteBalancer } from './client.ts';
import { failWith, type RemoteCommandOptions, shortTime, theBalancer } from './command.ts';

export interface PublishOptions extends RemoteCommandOptions {
  readonly note: string;
}

const ANSWERS_MS = 15_000;
const LOOK_MS = 200;
const WHERE = '/api/v1/cluster';

export async function cluster(ctx: CliContext, options: RemoteCommandOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('GET', WHERE);
  if (!answer.ok) return failWith(ctx, noCluster(answer.error));
  if (options.json === true) return void ctx.stdout.write(`${answer.value.text}\n`);
  const status = answer.value.body as ClusterStatus;
  const { state, redis, node, since, config, health, notes } = status;
  const now = ctx.env.clock.epoch();
  ctx.stdout.write(`${node}: ${state} for ${shortTime(now - since)}, ${redis}\n`);
  for (const line of nodeLines(status)) ctx.stdout.write(`${line}\n`);
  if (health !== undefined)
    ctx.stdout.write(
      `health: ${health.agreed} targets agreed on, ${health.probed} probed here, ${health.local} decided here alone\n`,
    );
  if (config.version > 0)
    ctx.stdout.write(
      `published: version ${config.version} of ${config.author}${config.note === '' ? '' : `: ${config.note}`}\n`,
    );
  for (const note of notes) ctx.stdout.write(`note: ${note}\n`);
}

export async function publish(ctx: CliContext, file: string, options: PublishOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
  if (typeof text !== 'string') return failWith(ctx, `${file} cannot be read: ${text.code ?? 'unknown error'}`);
  const seen = await balancer.get('GET', WHERE);
  if (!seen.ok) return failWith(ctx, noCluster(seen.error));
  const query = new URLSearchParams({ note: options.note });
  const headers = { 'if-match': seen.value.etag };
  const done = await balancer.get('POST', `${WHERE}/config?${query.toString()}`, { body: text, headers });
  if (!done.ok) return failWith(ctx, done.error);
  const { version } = done.value.body as { readonly version: number };
  const status = await answersTo(ctx, balancer, version);
  if (options.json === true) ctx.stdout.write(`${JSON.stringify(status)}\n`);
  else {
    ctx.stdout.write(`published as version ${version}\n`);
    for (const line of nodeLines(status)) ctx.stdout.write(`${line}\n`);
  }
  if (
    status === undefined ||
    !status.nodes.every(({ config }) => config.version === version && config.state === 'applied')
  )
    ctx.exit(1);
}

/** What all said, or what was said in time. */
async function answersTo(
  ctx: CliContext,
  balancer: RemoteBalancer,
  version: number,
): Promise<ClusterStatus | undefined> {
  const { clock } = ctx.env;
  const end = clock.now() + ANSWERS_MS;
  for (;;) {
    const answer = await balancer.get('GET', WHERE);
    if (!answer.ok) return undefined;
    const status = answer.value.body as ClusterStatus;
    const isDone = ({ config }: ClusterNode): boolean => config.version >= version && config.state !== 'pending';
    if (status.nodes.every(isDone) || clock.now() > end) return status;
    await new Promise<void>((resolve) => clock.after(LOOK_MS, resolve));
  }
}

function nodeLines(status: ClusterStatus | undefined): readonly string[] {
  const nodes = status?.nodes ?? [];
  const width = Math.max(0, ...nodes.map(({ name }) => name.length));
  return nodes.flatMap(({ name, self, host, version, config }) => {
    const said = config.version === 0 ? 'its own file' : `version ${config.version} ${config.state}`;
    const line = `  ${name.padEnd(width)}  ${said}  (${host}, ${version}${self ? ', asked' : ''})`;
    return [line, ...config.issues.map((issue) => `  ${' '.repeat(width)}    ${issue}`)];
  });
}

const noCluster = (error: string): string =>
  /nothing here/.test(error) ? 'this balancer is alone: its configuration has no "cluster"' : error;
