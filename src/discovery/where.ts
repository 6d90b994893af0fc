// Owns how a source is named to people: what it is and where, without a password.

import type { DiscoverConfig } from '../config/types.ts';

export function whereOf(config: DiscoverConfig): string {
  switch (config.kind) {
    case 'file':
      return config.path;
    case 'http':
      return config.api.url;
    case 'dns':
      return config.type === 'SRV' ? `${config.name} SRV` : `${config.name}:${config.port}`;
    case 'docker':
      return `${config.api.url} ${config.label}`;
    case 'kubernetes':
      return `${config.namespace}/${config.service}`;
    case 'consul':
      return config.service;
    case 'etcd':
      return config.prefix;
    case 'redis': {
      const { host, pathname } = new URL(config.url);
      return `${host}${pathname === '/' ? '' : pathname} ${config.key}`;
    }
  }
}
