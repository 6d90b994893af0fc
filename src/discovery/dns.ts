// Owns endpoints from DNS: addresses of a name (A, AAAA) or services (SRV: priority becomes the tier, weight the weight, targets
// are looked up too). Asked again when the TTL ends, within bounds. A name that is gone, or has no records, is an error: those
// that answered last are kept until it has some again.

import type { DnsDiscover, EndpointConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type DiscoveryKind, type Look, MOST_ENDPOINTS, type Source, type SourceTools } from './discovery.ts';
import { askDns, type DnsAnswer, type QuestionType } from './dns-question.ts';
import { distinct } from './entries.ts';

export const dns: DiscoveryKind<DnsDiscover> = {
  name: 'dns',
  build: (config, tools) => new DnsSource(config, tools),
};

interface Service {
  readonly priority: number;
  readonly weight: number;
  readonly port: number;
  readonly target: string;
}

const MOST_TIER = 100;
const AT_ONCE = 16;
/** Beside others: RFC 2782 gives them a very small chance. */
const SMALL_WEIGHT = 0.01;

class DnsSource implements Source {
  readonly #config: DnsDiscover;
  readonly #tools: SourceTools;

  constructor(config: DnsDiscover, tools: SourceTools) {
    this.#config = config;
    this.#tools = tools;
  }

  look(signal: AbortSignal): Promise<Result<Look, string>> {
    return this.#config.type === 'SRV' ? this.#services(signal) : this.#addresses(signal);
  }

  async #addresses(signal: AbortSignal): Promise<Result<Look, string>> {
    const { name, port, type, defaults } = this.#config;
    const found = await this.#hosts(name, type, signal);
    if (!found.ok) return found;
    const { data, ttlSeconds } = found.value;
    if (data.length === 0) return err(`${name} has no addresses`);
    const endpoints = data.map((host) => ({ ...defaults, address: { host, port } }));
    return ok({ endpoints: distinct(endpoints), againMs: this.#pause(ttlSeconds) });
  }

  async #services(signal: AbortSignal): Promise<Result<Look, string>> {
    const { name } = this.#config;
    const found = await this.#ask(name, 'SRV', signal);
    if (!found.ok) return found;
    const services = found.value.data.map(readService);
    if (services.length === 0) return err(`${name} has no SRV records`);
    // RFC 2782: the root as the only target says that there is no such service, and means it.
    if (services.length === 1 && services[0].target === '')
      return ok({ endpoints: [], againMs: this.#pause(found.value.ttlSeconds) });
    const hosts = await this.#targets([...new Set(services.map(({ target }) => target))], signal);
    if (!hosts.ok) return hosts;
    const ttls = [found.value, ...hosts.value.values()].map(({ ttlSeconds }) => ttlSeconds);
    const endpoints = this.#endpoints(services, hosts.value);
    if (endpoints.length === 0) return err(`no target of ${name} has an address`);
    return ok({ endpoints, againMs: this.#pause(Math.min(...ttls)) });
  }

  #endpoints(services: readonly Service[], hosts: ReadonlyMap<string, DnsAnswer>): EndpointConfig[] {
    const { defaults } = this.#config;
    const tiers = [...new Set(services.map(({ priority }) => priority))].sort((a, b) => a - b);
    const isWeighted = services.some(({ weight }) => weight > 0);
    return distinct(
      services.flatMap(({ priority, weight, port, target }) => {
        const tier = Math.min(MOST_TIER, defaults.tier + tiers.indexOf(priority));
        const share = isWeighted ? (weight === 0 ? SMALL_WEIGHT : weight) : 1;
        const { data = [] } = hosts.get(target) ?? {};
        // A target with several addresses is one share.
        return data.map((host) => ({
          ...defaults,
          address: { host, port },
          tier,
          weight: (defaults.weight * share) / data.length,
        }));
      }),
    );
  }

  /** Addresses by target. One that has none is left out; one that nobody could tell is an error, or the set would shrink. */
  async #targets(names: readonly string[], signal: AbortSignal): Promise<Result<Map<string, DnsAnswer>, string>> {
    const found = new Map<string, DnsAnswer>();
    for (let i = 0; i < Math.min(names.length, MOST_ENDPOINTS); i += AT_ONCE) {
      const part = names.slice(i, i + AT_ONCE);
      const answers = await Promise.all(part.map((name) => this.#hosts(name, 'both', signal)));
      for (const [at, answer] of answers.entries()) {
        if (!answer.ok) return answer;
        if (answer.value.data.length > 0) found.set(part[at], answer.value);
      }
    }
    return ok(found);
  }

  async #hosts(name: string, type: DnsDiscover['type'], signal: AbortSignal): Promise<Result<DnsAnswer, string>> {
    const types = type === 'both' ? (['A', 'AAAA'] as const) : [type];
    const answers = await Promise.all(types.map((one) => this.#ask(name, one, signal)));
    const data: string[] = [];
    const ttls: number[] = [];
    for (const answer of answers) {
      // One family that nobody can tell would halve the set.
      if (!answer.ok) return answer;
      data.push(...answer.value.data);
      if (answer.value.data.length > 0) ttls.push(answer.value.ttlSeconds);
    }
    return ok({ data, ttlSeconds: ttls.length === 0 ? 0 : Math.min(...ttls) });
  }

  #ask(name: string, type: QuestionType, signal: AbortSignal): Promise<Result<DnsAnswer, string>> {
    const { resolvers, timeoutMs } = this.#config;
    return askDns(name, type, { env: this.#tools.env, resolvers, timeoutMs, signal });
  }

  #pause(ttlSeconds: number): number {
    const { minTtlMs, maxTtlMs } = this.#config;
    return Math.min(maxTtlMs, Math.max(minTtlMs, ttlSeconds * 1000));
  }
}

/** `priority weight port target`. */
function readService(text: string): Service {
  const [priority, weight, port, target] = text.split(' ');
  return {
    priority: Number(priority),
    weight: Number(weight),
    port: Number(port),
    target: target.toLowerCase().replace(/\.$/, ''),
  };
}
