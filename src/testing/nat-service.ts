// Owns ready-made services of the kernel path for tests: a test names only what it is about.

import type { Endpoint } from '../core/endpoint.ts';
import type { NatPool, NatService } from '../nat/service.ts';

export function natEndpoint(host: string, weight = 1, pool = 'web', port = 8080): Endpoint {
  const address = { host, port };
  return { id: `${pool}/${host}:${port}`, address, weight, tier: 0, zone: '', slot: 0 };
}

export function natPool(
  kind: string,
  endpoints: readonly Endpoint[],
  name = 'web',
  options: Readonly<Record<string, unknown>> = {},
): NatPool {
  return { name, balance: { kind, key: { from: 'source' }, options }, endpoints };
}

export function natService(pool: NatPool, over: Partial<NatService> = {}): NatService {
  const bind = { host: '0.0.0.0', port: 80 };
  return { name: 'web', protocol: 'tcp', bind, masquerade: true, routes: [{ client: [], pool }], ...over };
}

/** Addresses 10.0.N.M, all with the same weight or each with its own. */
export function natEndpoints(count: number, weightOf: (i: number) => number = () => 1): Endpoint[] {
  return Array.from({ length: count }, (_, i) => natEndpoint(`10.0.${i >> 8}.${i & 255}`, weightOf(i)));
}
