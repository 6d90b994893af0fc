// Owns `evenkeel purge`: asks the running balancer, at its admin address, to forget answers.

import { loadConfig } from '../config/load.ts';
import { formatAddress, parseAddress } from '../core/address.ts';
import type { CliContext } from './context.ts';
import { issuesText } from './report.ts';

export interface PurgeOptions {
  readonly config: string;
  readonly url?: string;
  readonly prefix?: string;
  readonly tag?: string;
  readonly all?: boolean;
  readonly admin?: string;
  readonly json?: boolean;
}

const MOST_MS = 10_000;

export async function purge(ctx: CliContext, options: PurgeOptions): Promise<void> {
  const fail = (text: string): void => {
    ctx.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
    ctx.exit(1);
  };
  const { url, prefix, tag, all } = options;
  const said = Object.entries({ url, prefix, tag, all: all === true ? '1' : undefined }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  if (said.length !== 1) return fail('say what: one of --url, --prefix, --tag and --all');
  const address = await adminOf(options);
  if (!address.ok) return fail(address.error);
  const asked = `http://${address.value}/cache/purge?${new URLSearchParams(said).toString()}`;
  let response: Response;
  try {
    response = await fetch(asked, {
      method: 'POST',
      headers: { 'x-evenkeel': '1' },
      signal: AbortSignal.timeout(MOST_MS),
    });
  } catch {
    return fail(`nobody answers on ${address.value}: is the balancer running, with this "admin" address?`);
  }
  const text = await response.text();
  if (!response.ok) return fail(`${address.value} says ${response.status}: ${text.trim()}`);
  const { purged } = JSON.parse(text) as { readonly purged: number };
  ctx.stdout.write(options.json === true ? text : `${purged} answer${purged === 1 ? '' : 's'} purged\n`);
}

type Found = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly error: string };

async function adminOf({ admin, config: file }: PurgeOptions): Promise<Found> {
  if (admin !== undefined) {
    const parsed = parseAddress(admin);
    return parsed.ok
      ? { ok: true, value: formatAddress(parsed.value) }
      : { ok: false, error: `--admin: ${parsed.error}` };
  }
  const loaded = await loadConfig(file);
  if (!loaded.ok) return { ok: false, error: issuesText(file, loaded.error) };
  const { config } = loaded.value;
  if (config.admin === undefined) return { ok: false, error: `${file}: there is no "admin" address to ask` };
  return { ok: true, value: formatAddress(config.admin.bind) };
}
