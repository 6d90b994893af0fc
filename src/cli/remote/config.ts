// Owns `evenkeel config`: what is in effect in a running balancer, what a file would change in it, applying it, going back.

import { readFile } from 'node:fs/promises';
import { styleText } from 'node:util';
import type { Plan } from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import { failWith, type RemoteCommandOptions, theBalancer } from './command.ts';

export interface ConfigOptions extends RemoteCommandOptions {
  readonly note: string;
  readonly save?: boolean;
}

interface Version {
  readonly version: number;
  readonly etag: string;
  readonly at: number;
  readonly note: string;
}

function planText(ctx: CliContext, { entries }: Plan): string {
  if (entries.length === 0) return 'nothing to change\n';
  const colour = { add: 'green', remove: 'red', change: 'yellow' } as const;
  const sign = { add: '+', remove: '-', change: '~' } as const;
  return entries
    .map(({ action, what, detail }) => {
      const line = `${sign[action]} ${what}: ${detail}`;
      return `${ctx.stdout.isTTY === true ? styleText(colour[action], line) : line}\n`;
    })
    .join('');
}

async function read(ctx: CliContext, file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    failWith(ctx, `${file} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
    return undefined;
  }
}

export async function planFile(ctx: CliContext, file: string, options: ConfigOptions): Promise<void> {
  const text = await read(ctx, file);
  const balancer = text === undefined ? undefined : await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('POST', '/api/v1/config/plan', { body: text });
  if (!answer.ok) return failWith(ctx, `${file}: ${answer.error}`);
  ctx.stdout.write(options.json === true ? `${answer.value.text}\n` : planText(ctx, answer.value.body.plan));
}

export async function applyFile(ctx: CliContext, file: string, options: ConfigOptions): Promise<void> {
  const text = await read(ctx, file);
  if (text !== undefined) await send(ctx, options, 'PUT', '/api/v1/config', text, file);
}

export async function rollBack(ctx: CliContext, version: string, options: ConfigOptions): Promise<void> {
  if (!/^\d+$/.test(version)) return failWith(ctx, `"${version}" is no version: evenkeel config versions lists them`);
  await send(ctx, options, 'POST', `/api/v1/config/versions/${version}/rollback`, undefined, `version ${version}`);
}

async function send(
  ctx: CliContext,
  options: ConfigOptions,
  method: string,
  path: string,
  body: string | undefined,
  what: string,
): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const current = await balancer.get('GET', '/api/v1/config');
  if (!current.ok) return failWith(ctx, current.error);
  const query = new URLSearchParams({ save: String(options.save === true), note: options.note });
  const headers = { 'if-match': current.value.etag };
  const answer = await balancer.get(method, `${path}?${query.toString()}`, {
    ...(body === undefined ? {} : { body }),
    headers,
  });
  if (!answer.ok) return failWith(ctx, `${what}: ${answer.error}`);
  if (options.json === true) ctx.stdout.write(`${answer.value.text}\n`);
  else {
    const kept =
      options.save === true
        ? 'and written to its file'
        : 'but not to its file: gone at the next start or reload (--save writes it)';
    ctx.stdout.write(`${planText(ctx, answer.value.body.plan)}in effect, ${kept}\n`);
  }
}

export async function listVersions(ctx: CliContext, options: ConfigOptions): Promise<void> {
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('GET', '/api/v1/config/versions');
  if (!answer.ok) return failWith(ctx, answer.error);
  const line = ({ version, at, note, etag }: Version): string =>
    `${String(version).padStart(4)}  ${new Date(at).toISOString().slice(0, 19).replace('T', ' ')}  ${etag}  ${note}\n`;
  ctx.stdout.write(
    options.json === true ? `${answer.value.text}\n` : (answer.value.body as Version[]).map(line).join(''),
  );
}
