// Owns `evenkeel nat`: shows what the kernel would be told, without telling it anything.

import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { Endpoint } from '../core/endpoint.ts';
import { checkKernel } from '../nat/capability.ts';
import { TABLE } from '../nat/kernel-path.ts';
import { compileRuleset } from '../nat/ruleset.ts';
import { createScript, printRuleset } from '../nat/script.ts';
import { isLayer4, type NatService, serviceOf } from '../nat/service.ts';
import { obstacle } from '../runtime/kernel-listeners.ts';
import type { CliContext } from './context.ts';
import { issuesText } from './report.ts';

export interface NatOptions {
  readonly config: string;
  readonly print?: boolean;
  readonly commands?: boolean;
  readonly check?: boolean;
}

export async function nat(ctx: CliContext, options: NatOptions): Promise<void> {
  const file = options.config;
  const loaded = await loadConfig(file);
  if (!loaded.ok) {
    ctx.stderr.write(issuesText(file, loaded.error));
    ctx.exit(1);
    return;
  }
  const { config, kinds } = loaded.value;
  const fail = (text: string): void => {
    ctx.stderr.write(`${text}\n`);
    ctx.exit(1);
  };
  const services: NatService[] = [];
  for (const listener of Object.values(config.listeners)) {
    if (!isLayer4(listener) || listener.mode === 'proxy') continue;
    const note =
      listener.mode === 'auto' ? obstacle(listener.name, config, kinds.length > 0 ? loaded.value.file : '') : undefined;
    if (note === undefined) services.push(serviceOf(listener, config, (pool) => endpointsOf(config, pool)));
    else ctx.stderr.write(`${listener.name} would be served by the proxy: ${note}\n`);
  }
  if (services.length === 0)
    return fail(`${file}: no listener is for the kernel; write "mode: nat" or "mode: auto" on one`);
  const usable = (pool: string): readonly Endpoint[] => endpointsOf(config, pool).filter(({ weight }) => weight > 0);
  if (options.check === true) {
    const checked = await checkKernel(services, usable);
    if (!checked.ok) return fail(`this machine cannot do it: ${checked.error}`);
    const names = services.map(({ name }) => name).join(', ');
    ctx.stdout.write(`${file}: this machine can forward for ${names}\n`);
    return;
  }
  const ruleset = compileRuleset(services, usable);
  const table = { table: TABLE, comment: 'Evenkeel' };
  ctx.stdout.write(options.commands === true ? createScript(ruleset, table) : printRuleset(ruleset, table));
}

/** Whatever their health: nothing was asked. */
function endpointsOf(config: Config, pool: string): readonly Endpoint[] {
  return config.pools[pool].endpoints.map(({ address, weight, tier, zone }, slot) => ({
    id: `${pool}/${formatAddress(address)}`,
    address,
    weight,
    tier,
    zone,
    slot,
  }));
}
