// Owns `evenkeel drain`: an endpoint, or a site with all of its endpoints, takes no new work; what still runs is shown until nothing
// does.

import { setTimeout as pause } from 'node:timers/promises';
import { parseDuration } from '../../config/units.ts';
import type { Result } from '../../core/result.ts';
import type { DrainProgress } from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import type { RemoteAnswer, RemoteBalancer } from './client.ts';
import { endpointPath, failWith, NO_ENDPOINT, type RemoteCommandOptions, shortTime, theBalancer } from './command.ts';

export interface DrainOptions extends RemoteCommandOptions {
  readonly deadline?: string;
  readonly note: string;
  readonly wait: boolean;
}

const LOOK_MS = 500;

export async function drain(ctx: CliContext, id: string, options: DrainOptions): Promise<void> {
  const path = endpointPath(id);
  if (path === undefined) return failWith(ctx, `"${id}" ${NO_ENDPOINT}`);
  if (!hasDeadline(ctx, options)) return;
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const begun = await begin(balancer, id, options);
  if (!begun.ok) return failWith(ctx, begun.error);
  if (!options.wait) return show(ctx, options, begun.value.body);
  await follow(ctx, options, balancer, path, begun.value.body);
}

function hasDeadline(ctx: CliContext, { deadline = '0' }: DrainOptions): boolean {
  if (parseDuration(deadline) !== undefined) return true;
  failWith(ctx, `--deadline: "${deadline}" is no duration; write 5m or 30s`);
  return false;
}

function begin(
  balancer: RemoteBalancer,
  id: string,
  { deadline = '0', note }: DrainOptions,
): Promise<Result<RemoteAnswer, string>> {
  return balancer.get('POST', `${endpointPath(id)}/drain`, { body: { deadlineMs: parseDuration(deadline), note } });
}

async function follow(
  ctx: CliContext,
  options: DrainOptions,
  balancer: RemoteBalancer,
  path: string,
  first: DrainProgress,
): Promise<void> {
  const live = ctx.stdout.isTTY === true && options.json !== true;
  let progress = first;
  let shown = '';
  for (;;) {
    const line = lineOf(progress);
    if (options.json === true) ctx.stdout.write(`${JSON.stringify(progress)}\n`);
    else if (live) ctx.stdout.write(`\r\u001b[K${line}`);
    else if (changeOf(progress) !== shown) ctx.stdout.write(`${line}\n`);
    shown = changeOf(progress);
    const { phase, inFlight } = progress;
    if (phase === 'empty' || phase === 'ended' || (phase === 'late' && inFlight > 0)) break;
    await pause(LOOK_MS);
    const answer = await balancer.get('GET', `${path}/drain`);
    if (!answer.ok) return failWith(ctx, `${live ? '\n' : ''}${answer.error}`);
    progress = answer.value.body;
  }
  if (live) ctx.stdout.write('\n');
  if (progress.phase !== 'empty') ctx.exit(1);
}

function show(ctx: CliContext, options: DrainOptions, progress: DrainProgress): void {
  ctx.stdout.write(options.json === true ? `${JSON.stringify(progress)}\n` : `${lineOf(progress)}\n`);
}

/** Without what moves by itself. */
const changeOf = ({ phase, inFlight, streams, sessions }: DrainProgress): string =>
  `${phase} ${inFlight} ${streams} ${sessions}`;

export function lineOf(progress: DrainProgress): string {
  const { id, phase, inFlight, streams, sessions, tookMs, leftMs, estimateMs } = progress;
  const requests = inFlight - streams;
  const parts = [
    `${requests} request${requests === 1 ? '' : 's'}`,
    ...(streams > 0 ? [`${streams} WebSocket${streams === 1 ? '' : 's'}`] : []),
    // After the deadline they are remembered, but go elsewhere.
    ...(sessions === undefined || phase === 'late' ? [] : [`${sessions} pinned session${sessions === 1 ? '' : 's'}`]),
  ];
  const running = parts.join(', ');
  switch (phase) {
    case 'empty':
      return `${id} is empty after ${shortTime(tookMs)}`;
    case 'ended':
      return `${id}: the drain was ended by somebody else; ${running} there`;
    case 'late':
      return `${id}: the deadline has passed, ${running} left; they finish, nothing new comes`;
    default: {
      const estimate = estimateMs === undefined ? '' : `, about ${shortTime(estimateMs)} more`;
      const left = leftMs === undefined ? '' : `, deadline in ${shortTime(leftMs)}`;
      return `${id} drains: ${running} left${estimate}${left}`;
    }
  }
}

export async function drainSite(ctx: CliContext, site: string, options: DrainOptions): Promise<void> {
  if (!hasDeadline(ctx, options)) return;
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const path = `/api/v1/sites/${encodeURIComponent(site)}`;
  const begun = await balancer.get('POST', `${path}/drain`, { body: { note: options.note } });
  if (!begun.ok) return failWith(ctx, begun.error);
  const { seconds } = begun.value.body as { readonly seconds: number };
  const pool = await poolOf(balancer, site);
  if (options.json === true) ctx.stdout.write(`${JSON.stringify({ site, seconds, pool })}\n`);
  else {
    const then = pool === '' ? '' : `; then the endpoints of ${pool} drain`;
    ctx.stdout.write(
      `${site} is out of DNS answers; those that were given run out in ${shortTime(seconds * 1000)}${then}\n`,
    );
  }
  if (!options.wait || pool === '') return;
  await pause(seconds * 1000 + LOOK_MS);
  const status = await balancer.get('GET', `/api/v1/pools/${encodeURIComponent(pool)}`);
  if (!status.ok) return failWith(ctx, status.error);
  const { endpoints } = status.value.body as { readonly endpoints: readonly { readonly id: string }[] };
  // All at once, so that one deadline holds for all.
  for (const { id } of endpoints) await begin(balancer, id, options);
  for (const { id } of endpoints) {
    const at = endpointPath(id)!;
    const progress = await balancer.get('GET', `${at}/drain`);
    if (!progress.ok) return failWith(ctx, progress.error);
    await follow(ctx, options, balancer, at, progress.value.body);
  }
}

/** '' when there is none. */
async function poolOf(balancer: RemoteBalancer, site: string): Promise<string> {
  const config = await balancer.get('GET', '/api/v1/config');
  if (!config.ok) return '';
  const { sites = {} } = config.value.body.document as { sites?: Record<string, { pool?: string }> };
  return sites[site]?.pool ?? '';
}
