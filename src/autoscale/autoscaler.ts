// Owns which pools are scaled, over reloads: a pool whose provider did not change keeps its instances.

import type { Clock } from '../core/env.ts';
import type { Balancer } from '../runtime/facade.ts';
import type { AutoscaleConfig } from './configs.ts';
import { DockerContainers } from './docker.ts';
import { ExecHook } from './exec.ts';
import { KubernetesScale } from './kubernetes.ts';
import { Processes } from './processes.ts';
import type { Provider } from './provider.ts';
import { Scaler, type ScalerParts, type ScalerReport } from './scaler.ts';

export interface AutoscalerOptions {
  readonly balancer: Balancer;
  readonly clock: Clock;
  /** Where relative paths of commands begin. */
  readonly folder: string;
  /** Decides everywhere, and does nothing. */
  readonly dryRun: boolean;
  readonly holds: () => boolean;
  readonly say: ScalerParts['say'];
}

interface Kept {
  readonly key: string;
  readonly scaler: Scaler;
}

export class Autoscaler {
  readonly #options: AutoscalerOptions;
  readonly #kept = new Map<string, Kept>();
  readonly #unsubscribe: () => void;
  #closing: Promise<unknown>[] = [];

  constructor(options: AutoscalerOptions) {
    this.#options = options;
    this.#sync();
    this.#unsubscribe = options.balancer.subscribe((event) => {
      if (event.kind === 'config') this.#sync();
    });
  }

  reports(): readonly ScalerReport[] {
    return [...this.#kept.values()].map(({ scaler }) => scaler.report);
  }

  /** The smallest sizes are there, or so long has passed. */
  async ready(timeoutMs: number): Promise<void> {
    await Promise.all([...this.#kept.values()].map(({ scaler }) => scaler.ready(timeoutMs)));
  }

  /** The process ends at once. */
  kill(): void {
    for (const { scaler } of this.#kept.values()) scaler.kill();
  }

  async close(): Promise<void> {
    this.#unsubscribe();
    await Promise.all([...this.#closing, ...[...this.#kept.values()].map(({ scaler }) => scaler.close())]);
  }

  #sync(): void {
    const { balancer } = this.#options;
    const wanted = Object.values(balancer.config.pools).flatMap(({ name, autoscale }) =>
      autoscale === undefined ? [] : [[name, this.#effective(autoscale)] as const],
    );
    const names = new Set(wanted.map(([name]) => name));
    for (const name of this.#kept.keys()) if (!names.has(name)) this.#end(name);
    for (const [name, config] of wanted) {
      const key = JSON.stringify([config.provider, config.source, config.metric]);
      const known = this.#kept.get(name);
      if (known?.key === key) {
        known.scaler.config = config;
        continue;
      }
      if (known !== undefined) this.#end(name);
      this.#kept.set(name, { key, scaler: this.#begin(name, config) });
    }
  }

  #effective(config: AutoscaleConfig): AutoscaleConfig {
    return this.#options.dryRun ? { ...config, dryRun: true } : config;
  }

  #begin(pool: string, config: AutoscaleConfig): Scaler {
    const { balancer, clock, holds, say } = this.#options;
    const provider = this.#provider(pool, config, () => void scaler.changed());
    const scaler: Scaler = new Scaler({ pool, config, provider, balancer, clock, holds, say });
    return scaler;
  }

  #provider(pool: string, { provider: config }: AutoscaleConfig, onChange: () => void): Provider {
    const { clock, folder, say } = this.#options;
    switch (config.kind) {
      case 'processes':
        return new Processes({
          config,
          folder,
          clock,
          onExit: ({ address: { port } }, how) => {
            say('warn', `pool ${pool}: the instance on port ${port} ended by itself (${how})`);
            onChange();
          },
        });
      case 'docker':
        return new DockerContainers({ config, pool, clock });
      case 'kubernetes':
        return new KubernetesScale(config, clock);
      case 'exec':
        return new ExecHook(config, pool, folder);
    }
  }

  #end(name: string): void {
    const known = this.#kept.get(name);
    this.#kept.delete(name);
    if (known === undefined) return;
    this.#closing.push(known.scaler.close());
    void this.#options.balancer.setEndpoints(name, []);
  }
}
