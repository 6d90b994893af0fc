// Owns the short commands that change one thing of a running balancer: modes, weights, endpoints, splits.

import type { CliContext } from '../context.ts';
import { endpointPath, failWith, NO_ENDPOINT, type RemoteCommandOptions, theBalancer } from './command.ts';

export interface ChangeOptions extends RemoteCommandOptions {
  readonly note: string;
}

async function change(
  ctx: CliContext,
  options: ChangeOptions,
  method: string,
  path: string,
  body: object | undefined,
  done: string,
): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get(method, path, body === undefined ? {} : { body });
  if (!answer.ok) return failWith(ctx, answer.error);
  const { saved } = answer.value.body as { readonly saved?: boolean };
  const kept = saved === false ? ' (not saved: gone at the next start; "admin.state" keeps it)' : '';
  ctx.stdout.write(options.json === true ? answer.value.text.trimEnd() + '\n' : `${done}${kept}\n`);
}

/** `pool/host:port`, or `site:NAME`. */
export async function setMode(
  ctx: CliContext,
  id: string,
  mode: 'ready' | 'maintenance',
  options: ChangeOptions,
): Promise<void> {
  const { note } = options;
  if (id.startsWith('site:')) {
    if (mode !== 'ready') return failWith(ctx, 'a site is drained: evenkeel drain site:NAME');
    const path = `/api/v1/sites/${encodeURIComponent(id.slice(5))}/ready`;
    return change(ctx, options, 'POST', path, { note }, `${id.slice(5)} is in use again`);
  }
  const path = endpointPath(id);
  if (path === undefined) return failWith(ctx, `"${id}" ${NO_ENDPOINT}`);
  const done = mode === 'ready' ? `${id}: its checks decide again` : `${id} is in maintenance`;
  return change(ctx, options, 'PATCH', path, { mode, note }, done);
}

export async function setWeight(ctx: CliContext, id: string, weight: string, options: ChangeOptions): Promise<void> {
  const path = endpointPath(id);
  if (path === undefined) return failWith(ctx, `"${id}" ${NO_ENDPOINT}`);
  if (!/^\d+(?:\.\d+)?$/.test(weight)) return failWith(ctx, `"${weight}" is no weight`);
  return change(
    ctx,
    options,
    'PATCH',
    path,
    { weight: Number(weight), note: options.note },
    `${id} has weight ${weight}`,
  );
}

export async function addEndpoint(
  ctx: CliContext,
  id: string,
  options: ChangeOptions & { readonly weight?: string; readonly zone?: string; readonly backup?: boolean },
): Promise<void> {
  const slash = id.indexOf('/');
  if (slash <= 0) return failWith(ctx, `"${id}" ${NO_ENDPOINT}`);
  const { weight, zone, backup, note } = options;
  const endpoint = {
    address: id.slice(slash + 1),
    ...(weight === undefined ? {} : { weight: Number(weight) }),
    ...(zone === undefined ? {} : { zone }),
    ...(backup === true ? { backup } : {}),
  };
  const path = `/api/v1/pools/${encodeURIComponent(id.slice(0, slash))}/endpoints`;
  return change(ctx, options, 'POST', path, { endpoint, note }, `${id} was added`);
}

export async function removeEndpoint(ctx: CliContext, id: string, options: ChangeOptions): Promise<void> {
  const path = endpointPath(id);
  if (path === undefined) return failWith(ctx, `"${id}" ${NO_ENDPOINT}`);
  const query = options.note === '' ? '' : `?note=${encodeURIComponent(options.note)}`;
  return change(ctx, options, 'DELETE', `${path}${query}`, undefined, `${id} was taken away; what runs there finishes`);
}

export async function takeBack(ctx: CliContext, id: string, options: ChangeOptions): Promise<void> {
  const path = endpointPath(id);
  if (path === undefined) return failWith(ctx, `"${id}" ${NO_ENDPOINT}`);
  const query = options.note === '' ? '' : `?note=${encodeURIComponent(options.note)}`;
  return change(ctx, options, 'DELETE', `${path}/changes${query}`, undefined, `${id} is as configured again`);
}

/** `canary=5 stable=95`; nothing: as configured. */
export async function setSplit(
  ctx: CliContext,
  name: string,
  given: readonly string[],
  options: ChangeOptions,
): Promise<void> {
  const slash = name.indexOf('/');
  if (slash <= 0) return failWith(ctx, `"${name}" is no split: write listener/route`);
  const path = `/api/v1/splits/${encodeURIComponent(name.slice(0, slash))}/${encodeURIComponent(name.slice(slash + 1))}`;
  if (given.length === 0) return change(ctx, options, 'DELETE', path, undefined, `${name} is as configured again`);
  const pairs = given.map((one) => /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(one));
  const wrong = given.find((_, i) => pairs[i] === null);
  if (wrong !== undefined) return failWith(ctx, `"${wrong}" is no weight of a variant: write canary=5`);
  const weights = Object.fromEntries(pairs.map((pair) => [pair![1], Number(pair![2])]));
  return change(ctx, options, 'PUT', path, { weights, note: options.note }, `${name}: ${given.join(', ')}`);
}
