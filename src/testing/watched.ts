// Owns watching one source as a pool does, in a test: the set that is known, and how the source stands.

import { compile } from '../config/compile.ts';
import type { DiscoverConfig, EndpointConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { Env } from '../core/env.ts';
import type { Log } from '../observe/log.ts';
import { createLog } from '../observe/log.ts';
import { DiscoverySource } from '../runtime/discovery-source.ts';
import type { DiscoveryReport } from '../runtime/facade.ts';
import { realEnv } from '../runtime/real-env.ts';
import { eventually } from './scenario.ts';

/** Waits are so much shorter: pauses of seconds would make slow tests. */
const FASTER = 5;

export function fastEnv(): Env {
  const { clock, random } = realEnv();
  return { random, clock: { ...clock, after: (ms, fn) => clock.after(ms / FASTER, fn) } };
}

export function discoverConfig(discover: object): DiscoverConfig {
  const compiled = compile({ listeners: { web: { bind: '127.0.0.1:0', pool: 'p' } }, pools: { p: { discover } } });
  if (!compiled.ok) throw new Error(JSON.stringify(compiled.error));
  return compiled.value.pools.p.discover[0];
}

export class Watched {
  readonly lines: string[] = [];
  readonly #source: DiscoverySource;

  constructor(discover: object, folder = '.', env: Env = fastEnv()) {
    const log: Log = createLog({ write: (line) => void this.lines.push(line), human: false, epoch: () => 0 });
    const parts = { env, log, folder, onTold: () => undefined };
    this.#source = new DiscoverySource('p', discoverConfig(discover), parts, undefined);
  }

  get endpoints(): readonly EndpointConfig[] {
    return this.#source.endpoints ?? [];
  }

  get addresses(): readonly string[] {
    return this.endpoints.map(({ address }) => formatAddress(address)).sort();
  }

  get report(): DiscoveryReport {
    return this.#source.report();
  }

  has(...addresses: string[]): Promise<void> {
    const wanted = addresses.sort().join(' ');
    return eventually(() => this.addresses.join(' ') === wanted, `${wanted}; now ${JSON.stringify(this.report)}`);
  }

  is(state: DiscoveryReport['state']): Promise<void> {
    return eventually(() => this.report.state === state, `${state}, not ${JSON.stringify(this.report)}`);
  }

  close(): void {
    this.#source.close();
  }
}
