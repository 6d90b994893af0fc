// Owns the step from a parsed source of endpoints to the normalized one: it names one kind, has that kind's options only, and
// says where to look in a form that can be asked.

import { parseAddress } from '../../core/address.ts';
import { parseRedisUrl } from '../../core/redis-url.ts';
import { type Path, suggest } from '../issues.ts';
import { DISCOVER_KINDS, type ParsedDiscover } from '../schema/discovery.ts';
import type { ApiConfig, DiscoverConfig, DnsDiscover, PoolConfig } from '../types.ts';
import type { Findings } from './findings.ts';

type Kind = DiscoverConfig['kind'];
type Option = keyof ParsedDiscover;

type PoolLimits = Pick<PoolConfig, 'maxInFlight' | 'maxRate' | 'adaptive'>;

const API = ['server', 'ca', 'tokenFile', 'tokenEnv'] as const;
/** Beside those that every kind has. */
const OPTIONS: Record<Kind, readonly Option[]> = {
  file: [],
  http: ['ca', 'tokenFile', 'tokenEnv'],
  dns: ['type', 'resolvers', 'minTtlMs', 'maxTtlMs', 'port'],
  docker: ['label', 'port', 'network', 'ca'],
  kubernetes: [...API, 'port'],
  consul: [...API, 'tags', 'datacenter'],
  etcd: API,
  redis: ['key'],
};
const ALL = [...new Set(Object.values(OPTIONS).flat())];

const INTERVALS: Record<Kind, number> = {
  file: 5000,
  http: 10_000,
  dns: 30_000,
  docker: 30_000,
  kubernetes: 300_000,
  consul: 60_000,
  etcd: 300_000,
  redis: 2000,
};

const DNS_NAME = /^(?=.{1,253}\.?$)[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})(\.[A-Za-z0-9_][A-Za-z0-9_-]{0,62})*\.?$/;
const KUBERNETES_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

/** Undefined when something was found wrong; it is in the findings then. */
export function compileDiscover(
  parsed: ParsedDiscover,
  pool: string,
  path: Path,
  findings: Findings,
  limits: PoolLimits,
): DiscoverConfig | undefined {
  const kinds = DISCOVER_KINDS.filter((kind) => parsed[kind] !== undefined);
  if (kinds.length !== 1) {
    const hint = `one of ${DISCOVER_KINDS.join(', ')} says where endpoints are found`;
    findings.add(path, kinds.length === 0 ? 'names no source' : `names several sources: ${kinds.join(', ')}`, hint);
    return undefined;
  }
  const [kind] = kinds;
  for (const option of ALL) {
    if (parsed[option] === undefined || OPTIONS[kind].includes(option)) continue;
    const owners = DISCOVER_KINDS.filter((one) => OPTIONS[one].includes(option)).join(', ');
    const written = option.replace(/Ms$/, '');
    findings.add([...path, written], `means nothing for ${kind}`, `"${written}" is for ${owners}`);
  }
  if (kind === 'dns' && parsed.intervalMs !== undefined)
    findings.add([...path, 'interval'], 'means nothing for dns: TTLs say when it is asked again', 'use "maxTtl"');
  const { weight, tier, zone, timeoutMs, maxRate = limits.maxRate } = parsed;
  const most = parsed.maxInFlight ?? limits.maxInFlight;
  const maxInFlight = most === 0 && limits.adaptive !== undefined ? limits.adaptive.max : most;
  const defaults = { weight, tier, zone, maxInFlight, maxRate };
  const common = { defaults, intervalMs: parsed.intervalMs ?? INTERVALS[kind], timeoutMs };
  const found = new Reader(parsed, pool, path, findings)[kind](parsed[kind] as string);
  return found === undefined ? undefined : ({ ...common, ...found } as DiscoverConfig);
}

/** One method a kind: what is its own. */
class Reader implements Record<Kind, (where: string) => object | undefined> {
  readonly #parsed: ParsedDiscover;
  readonly #pool: string;
  readonly #path: Path;
  readonly #findings: Findings;

  constructor(parsed: ParsedDiscover, pool: string, path: Path, findings: Findings) {
    this.#parsed = parsed;
    this.#pool = pool;
    this.#path = path;
    this.#findings = findings;
  }

  file(path: string): object {
    return { kind: 'file', path };
  }

  http(url: string): object | undefined {
    const api = this.#api(url, 'http');
    return api && { kind: 'http', api };
  }

  dns(where: string): object | undefined {
    const { type = 'both', resolvers = [], minTtlMs = 1000, maxTtlMs = 300_000 } = this.#parsed;
    const target = type === 'SRV' ? this.#name(where) : this.#nameAndPort(where);
    if (target === undefined) return undefined;
    if (minTtlMs > maxTtlMs) this.#wrong('minTtl', 'is longer than "maxTtl"');
    return { kind: 'dns', ...target, type, resolvers, minTtlMs, maxTtlMs } satisfies Omit<
      DnsDiscover,
      'defaults' | 'intervalMs' | 'timeoutMs'
    >;
  }

  docker(where: string): object | undefined {
    const { label = `evenkeel.pool=${this.#pool}`, network = '', port = 0 } = this.#parsed;
    const api = this.#api(where, 'docker');
    if (typeof port !== 'number') return this.#wrong('port', 'must be a number', 'containers have no names for ports');
    return api && { kind: 'docker', api, label, port, network };
  }

  kubernetes(where: string): object | undefined {
    const { port = '', server, ca, tokenFile, tokenEnv } = this.#parsed;
    const [namespace, service, ...more] = where.split('/');
    if (more.length > 0 || ![namespace, service].every((name) => KUBERNETES_NAME.test(name ?? '')))
      return this.#wrong('kubernetes', `has "${where}", which names no service`, 'write NAMESPACE/SERVICE');
    const own = ca !== undefined || tokenFile !== undefined || tokenEnv !== undefined;
    if (server === undefined && own)
      return this.#wrong('server', 'is missing', 'without it, everything is as a pod finds it: leave the rest out too');
    const api = server === undefined ? undefined : this.#api(server, 'server');
    return { kind: 'kubernetes', api, namespace, service, port: String(port) };
  }

  consul(service: string): object | undefined {
    const { tags = [], datacenter = '', server = 'http://127.0.0.1:8500' } = this.#parsed;
    const api = this.#api(server, 'server');
    return api && { kind: 'consul', api, service, tags, datacenter };
  }

  etcd(prefix: string): object | undefined {
    const api = this.#api(this.#parsed.server ?? 'http://127.0.0.1:2379', 'server');
    return api && { kind: 'etcd', api, prefix };
  }

  redis(url: string): object | undefined {
    const { key } = this.#parsed;
    if (parseRedisUrl(url) === undefined)
      return this.#wrong('redis', 'is no address of a Redis', 'write redis://host:port');
    if (key === undefined) return this.#wrong('key', 'is missing', 'the hash, set or sorted set that holds endpoints');
    return { kind: 'redis', url, key };
  }

  #wrong(key: string, message: string, hint?: string): undefined {
    this.#findings.add([...this.#path, key], message, hint);
  }

  #name(where: string): { name: string; port: number } | undefined {
    if (this.#parsed.port !== undefined) this.#wrong('port', 'means nothing for SRV: its records have ports');
    if (DNS_NAME.test(where)) return { name: where, port: 0 };
    return this.#wrong('dns', `has "${where}", which is no name`, 'write such as _http._tcp.api.internal');
  }

  #nameAndPort(where: string): { name: string; port: number } | undefined {
    const { port } = this.#parsed;
    if (port !== undefined && typeof port !== 'number') return this.#wrong('port', 'must be a number');
    const parsed = parseAddress(port === undefined ? where : `${where}:${port}`);
    if (!parsed.ok) return this.#wrong('dns', parsed.error, 'write name:port, or "type: SRV"');
    const { host } = parsed.value;
    if (parsed.value.port === 0) return this.#wrong('dns', 'needs a port from 1 to 65535');
    if (DNS_NAME.test(host) && !/^[\d.]+$/.test(host)) return { name: host, port: parsed.value.port };
    return this.#wrong('dns', `has "${host}", which is no name`, 'addresses go to "endpoints"');
  }

  #api(url: string, key: string): ApiConfig | undefined {
    const { ca = '', tokenFile = '', tokenEnv = '' } = this.#parsed;
    if (tokenFile !== '' && tokenEnv !== '') this.#wrong('tokenEnv', 'stands beside "tokenFile"', 'leave one out');
    const scheme = /^([a-z]+):/.exec(url)?.[1] ?? '';
    const schemes = key === 'docker' ? ['unix', 'http', 'https'] : ['http', 'https'];
    const hint = key === 'docker' ? 'unix:/var/run/docker.sock' : suggest(scheme, schemes);
    if (!schemes.includes(scheme)) return this.#wrong(key, `begins with none of ${schemes.join(', ')}`, hint);
    if (scheme === 'unix') {
      const path = url.replace(/^unix:(\/\/)?/, '');
      return path.startsWith('/')
        ? { url: `unix:${path}`, ca, tokenFile, tokenEnv }
        : this.#wrong(key, 'has no path', hint);
    }
    if (!URL.canParse(url)) return this.#wrong(key, 'is no URL');
    if (/^\w+:\/\/[^/]*@/.test(url))
      return this.#wrong(key, 'holds a user name or password', 'use "tokenFile" or "tokenEnv"');
    if (scheme === 'http' && ca !== '') this.#wrong('ca', 'means nothing without https');
    return { url, ca, tokenFile, tokenEnv };
  }
}
