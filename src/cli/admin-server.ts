// Owns starting the admin server of a running balancer: tokens and certificates from their files, the account of changes to its
// file, the pages of the dashboard.

import { appendFile, readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { AuditEntry } from '../admin/audit.ts';
import type { Token } from '../admin/auth.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import type { AdminConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { Log } from '../observe/log.ts';
import { bindError } from '../runtime/bind-error.ts';
import type { Balancer, ClusterControl, Configurations } from '../runtime/facade.ts';
import { dashboardPages } from './dashboard-pages.ts';

export type { AdminServer } from '../admin/server.ts';

export interface AdminStart {
  readonly config: AdminConfig;
  readonly folder: string;
  readonly balancer: Balancer;
  readonly configurations: Configurations;
  readonly cluster?: ClusterControl | undefined;
  readonly log: Log;
  readonly now: () => number;
  /** A socket that listens there already. */
  readonly given?: number | undefined;
  /** Starts a successor; its process id, or why not. */
  readonly restart?: () => Promise<Result<number, string>>;
  /** Why nothing may be changed just now; '' when it may. */
  readonly busy?: () => string;
  /** How pools are scaled. */
  readonly autoscale?: () => readonly object[];
}

export async function startAdmin(start: AdminStart) {
  const { config, folder, balancer, configurations, cluster, log, now, given, restart, busy, autoscale } = start;
  const tokens = await readTokens(config, folder);
  if (!tokens.ok) return tokens;
  const tls = await readTls(config, folder);
  if (!tls.ok) return tls;
  // Loaded only by those who have one.
  const { AdminServer } = await import('../admin/server.ts');
  const server = new AdminServer({
    balancer,
    configurations,
    cluster,
    tokens: tokens.value,
    tls: tls.value,
    configSchema: configJsonSchema,
    pages: dashboardPages(),
    now,
    restart,
    busy,
    autoscale,
    onAudit: auditTo(config, folder, log),
  });
  try {
    await server.listen(config.bind, given);
  } catch (error) {
    return err(bindError('admin', config.bind, error as NodeJS.ErrnoException));
  }
  return ok(server);
}

const SHORTEST = 16;

/** The error is for a person, and tells no secret. */
export async function readTokens({ tokens }: AdminConfig, folder: string): Promise<Result<readonly Token[], string>> {
  const read: Token[] = [];
  for (const { name, role, token, tokenFile } of tokens) {
    const text = tokenFile === '' ? ok(token) : await readText(folder, tokenFile);
    if (!text.ok) return err(`the token "${name}" cannot be read: ${text.error}`);
    const secret = text.value.trim();
    if (secret.length < SHORTEST) return err(`the token "${name}" is shorter than ${SHORTEST} characters`);
    read.push({ name, role, secret });
  }
  return ok(read);
}

async function readTls({ tls }: AdminConfig, folder: string) {
  if (tls === undefined) return ok(undefined);
  const cert = await readText(folder, tls.cert);
  const key = await readText(folder, tls.key);
  if (!cert.ok) return err(`the certificate of admin cannot be read: ${cert.error}`);
  if (!key.ok) return err(`the key of admin cannot be read: ${key.error}`);
  return ok({ cert: cert.value, key: key.value });
}

async function readText(folder: string, file: string): Promise<Result<string, string>> {
  try {
    return ok(await readFile(resolve(folder, file), 'utf8'));
  } catch (error) {
    return err(`${file}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
}

function auditTo({ audit }: AdminConfig, folder: string, log: Log): (entry: AuditEntry) => void {
  if (audit === '')
    return ({ who, from, action, what, before, after, note, outcome }) =>
      log.info('asked of the admin API', { who, from, action, what, before, after, note, outcome });
  const file = resolve(folder, audit);
  // One behind the other, so that lines stay in order and whole.
  let turn: Promise<unknown> = Promise.resolve();
  return (entry) => {
    const line = `${JSON.stringify({ ...entry, at: new Date(entry.at).toISOString() })}\n`;
    turn = turn
      .then(() => appendFile(file, line, { mode: 0o600 }))
      .catch((error: NodeJS.ErrnoException) =>
        log.error(`the audit log cannot be written: ${error.code}`, { ...entry }),
      );
  };
}
