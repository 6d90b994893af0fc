// Owns endpoints from Consul's catalogue: the passing instances of a service, by blocking queries that are answered when something
// changed or the wait is over.

import type { ConsulDiscover } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type Api, jsonOf } from '../platforms/api.ts';
import { apiOf } from './api-of.ts';
import type { DiscoveryKind, Look, Source, SourceTools } from './discovery.ts';
import { Registrations } from './entries.ts';

export const consul: DiscoveryKind<ConsulDiscover> = {
  name: 'consul',
  build: (config, tools) => new ConsulSource(config, tools),
};

/** The parts of an entry of `/v1/health/service/` that are looked at. */
interface Instance {
  readonly Node: { readonly Node?: string; readonly Address: string; readonly Datacenter?: string };
  readonly Service: {
    readonly ID?: string;
    readonly Address?: string;
    readonly Port: number;
    readonly Weights?: { readonly Passing?: number };
  };
}

/** An index may move without anything that concerns us: no more often than so. */
const PAUSE_MS = 100;
/** Consul adds up to a sixteenth to the wait. */
const SPARE = 1.1;

class ConsulSource implements Source {
  readonly #config: ConsulDiscover;
  readonly #api: Api;
  readonly #path: string;
  #index = 0;

  constructor(config: ConsulDiscover, tools: SourceTools) {
    this.#config = config;
    this.#api = apiOf(config, tools, 'x-consul-token');
    const { service, tags, datacenter } = config;
    const query = new URLSearchParams({ passing: '1', ...(datacenter !== '' && { dc: datacenter }) });
    for (const tag of tags) query.append('tag', tag);
    this.#path = `/v1/health/service/${encodeURIComponent(service)}?${query.toString()}`;
  }

  async look(signal: AbortSignal): Promise<Result<Look, string>> {
    const { intervalMs, timeoutMs, defaults } = this.#config;
    const wait = this.#index === 0 ? '' : `&index=${this.#index}&wait=${Math.round(intervalMs / 1000) || 1}s`;
    const longest = wait === '' ? timeoutMs : intervalMs * SPARE + timeoutMs;
    const answer = await this.#api.ask({ path: this.#path + wait, timeoutMs: longest }, signal);
    if (!answer.ok) return this.#failed(answer.error);
    const json = jsonOf(answer.value);
    if (!json.ok) return this.#failed(json.error);
    if (!Array.isArray(json.value)) return this.#failed('answered no list of instances');
    const index = Number(answer.value.headers['x-consul-index']);
    // Who tells no index cannot be waited for.
    const againMs = index > 0 ? PAUSE_MS : intervalMs;
    if (!this.#learn(index)) return ok({ endpoints: undefined, againMs });
    const registered = new Registrations(defaults);
    for (const instance of json.value as Instance[]) register(instance, registered);
    return ok({ endpoints: registered.endpoints, note: registered.note, againMs });
  }

  /** Asked without waiting next time. */
  #failed(reason: string): Result<Look, string> {
    this.#index = 0;
    return err(reason);
  }

  /** An index that goes back is no index (the server was restored); false when nothing changed. */
  #learn(index: number): boolean {
    const before = this.#index;
    this.#index = Number.isSafeInteger(index) && index > 0 && index >= before ? index : 0;
    return before === 0 || this.#index !== before;
  }
}

function register({ Node: node, Service: service }: Instance, registered: Registrations): void {
  const host = service.Address === undefined || service.Address === '' ? node.Address : service.Address;
  const weight = service.Weights?.Passing;
  registered.entry(service.ID ?? node.Node ?? host, {
    address: host.includes(':') ? `[${host}]:${service.Port}` : `${host}:${service.Port}`,
    ...(weight !== undefined && { weight }),
    ...(node.Datacenter !== undefined && node.Datacenter !== '' && { zone: node.Datacenter }),
  });
}
