// Owns the way back of `discover`: a source as somebody could have written it, but for the password of a Redis.

import { formatAddress } from '../core/address.ts';
import type { ApiConfig, DiscoverConfig } from './types.ts';
import { formatDuration } from './units.ts';
import { withoutPassword } from './written-text.ts';

type Json = Record<string, unknown>;

export function discoverForm(config: DiscoverConfig): Json {
  const { defaults, intervalMs, timeoutMs } = config;
  const interval = config.kind === 'dns' ? {} : { interval: formatDuration(intervalMs) };
  return { ...ownForm(config), ...interval, timeout: formatDuration(timeoutMs), ...defaults };
}

function ownForm(config: DiscoverConfig): Json {
  switch (config.kind) {
    case 'file':
      return { file: config.path };
    case 'http':
      return { http: config.api.url, ...apiForm(config.api) };
    case 'dns': {
      const { name, port, type, resolvers, minTtlMs, maxTtlMs } = config;
      const from = resolvers.length === 0 ? {} : { resolvers: resolvers.map(formatAddress) };
      const bounds = { minTtl: formatDuration(minTtlMs), maxTtl: formatDuration(maxTtlMs) };
      return { dns: type === 'SRV' ? name : `${name}:${port}`, type, ...from, ...bounds };
    }
    case 'docker': {
      const { api, label, port, network } = config;
      return { docker: api.url, label, ...(port > 0 && { port }), ...(network !== '' && { network }), ...apiForm(api) };
    }
    case 'kubernetes': {
      const { api, namespace, service, port } = config;
      const server = api === undefined ? {} : { server: api.url, ...apiForm(api) };
      return { kubernetes: `${namespace}/${service}`, ...(port !== '' && { port }), ...server };
    }
    case 'consul': {
      const { api, service, tags, datacenter } = config;
      return { consul: service, server: api.url, ...apiForm(api), tags, ...(datacenter !== '' && { datacenter }) };
    }
    case 'etcd':
      return { etcd: config.prefix, server: config.api.url, ...apiForm(config.api) };
    case 'redis':
      return { redis: withoutPassword(config.url), key: config.key };
  }
}

function apiForm({ ca, tokenFile, tokenEnv }: ApiConfig): Json {
  return { ...(ca !== '' && { ca }), ...(tokenFile !== '' && { tokenFile }), ...(tokenEnv !== '' && { tokenEnv }) };
}
