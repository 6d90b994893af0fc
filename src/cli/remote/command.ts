// Owns what commands that ask a running balancer have in common: finding it, saying what went wrong, printing for people or machines.

import type { CliContext } from '../context.ts';
import { findBalancer, type RemoteBalancer, type RemoteOptions } from './client.ts';

export interface RemoteCommandOptions extends RemoteOptions {
  readonly json?: boolean;
}

export type Work = (balancer: RemoteBalancer) => Promise<void>;

export function failWith(ctx: CliContext, text: string): void {
  ctx.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
  ctx.exit(1);
}

/** Undefined: it was said why not. */
export async function theBalancer(ctx: CliContext, options: RemoteOptions): Promise<RemoteBalancer | undefined> {
  const found = await findBalancer(options);
  if (found.ok) return found.value;
  failWith(ctx, found.error);
  return undefined;
}

/** `pool/host:port` as the API's paths have it; undefined when it is none. */
export function endpointPath(id: string): string | undefined {
  const slash = id.indexOf('/');
  if (slash <= 0 || slash === id.length - 1) return undefined;
  return `/api/v1/pools/${encodeURIComponent(id.slice(0, slash))}/endpoints/${encodeURIComponent(id.slice(slash + 1))}`;
}

export const NO_ENDPOINT = 'is no endpoint: write pool/host:port, such as api/10.0.1.1:8080';

/** For people: `1.5 s`, `4 min`. */
export function shortTime(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  return ms < 120_000 ? `${Math.round(ms / 1000)} s` : `${Math.round(ms / 60_000)} min`;
}
