// Owns `evenkeel check`.

import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { balancerByName } from '../balancing/index.ts';
import { effective } from '../config/effective.ts';
import { configJsonSchema } from '../config/json-schema.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { TlsKeeper } from '../runtime/tls-keeper.ts';
import { wafIssues } from '../runtime/waf-check.ts';
import { readZones } from '../runtime/zones.ts';
import type { CliContext } from './context.ts';
import { issuesJson, issuesText } from './report.ts';

export interface CheckOptions {
  readonly config: string;
  readonly effective?: boolean;
  readonly json?: boolean;
  readonly schema?: boolean;
}

export async function check(ctx: CliContext, options: CheckOptions): Promise<void> {
  if (options.schema === true) {
    ctx.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
    return;
  }
  const file = options.config;
  const loaded = await loadConfig(file);
  if (!loaded.ok) {
    if (options.json === true) ctx.stdout.write(issuesJson(file, loaded.error));
    else ctx.stderr.write(issuesText(file, loaded.error));
    ctx.exit(1);
    return;
  }
  const { config, kinds } = loaded.value;
  const folder = dirname(loaded.value.file);
  const zones = await readZones(config.dns, folder, ctx.env.clock.epoch());
  const nothing = (): void => undefined;
  const keeper = new TlsKeeper({ clock: ctx.env.clock, folder, onChange: nothing, onProblem: nothing });
  const certificates = await keeper.prepare(withFilesOnly(config));
  const firewalls = wafIssues(config);
  if (!zones.ok || !certificates.ok || firewalls.length > 0) {
    const found = [...firewalls, ...(zones.ok ? [] : zones.error), ...(certificates.ok ? [] : certificates.error)];
    const issues = loaded.value.place(found);
    if (options.json === true) ctx.stdout.write(issuesJson(file, issues));
    else ctx.stderr.write(issuesText(file, issues));
    ctx.exit(1);
    return;
  }
  if (options.effective === true) {
    const document = effective(config, (kind) => balancerByName(kind, kinds)?.needs === 'key');
    ctx.stdout.write(
      options.json === true ? `${JSON.stringify(document, null, 2)}\n` : stringify(document, { lineWidth: 100 }),
    );
  } else if (options.json === true) ctx.stdout.write(`${JSON.stringify({ ok: true, file })}\n`);
  else {
    const endpoints = Object.values(config.pools).reduce((all, pool) => all + pool.endpoints.length, 0);
    const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? '' : 's'}`;
    const parts = [
      count(Object.keys(config.listeners).length, 'listener'),
      count(Object.keys(config.pools).length, 'pool'),
      count(endpoints, 'endpoint'),
      ...(zones.value === undefined ? [] : [count(zones.value.images.length, 'DNS zone')]),
    ];
    ctx.stdout.write(`${file}: good (${parts.join(', ')})\n`);
  }
}

/** Certificates that are obtained while the balancer runs need not be there yet. */
function withFilesOnly(config: Config): Config {
  const listeners = Object.entries(config.listeners).map(([name, listener]) => {
    if (listener.protocol === 'udp' || listener.tls === undefined) return [name, listener];
    const certificates = listener.tls.certificates.filter((one) => !('acme' in one));
    return [name, { ...listener, tls: { ...listener.tls, certificates } }];
  });
  return { ...config, listeners: Object.fromEntries(listeners) };
}
