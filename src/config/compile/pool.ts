// Owns the step from a parsed pool to the normalized one.

import { formatAddress } from '../../core/address.ts';
import type { Surroundings } from '../filters/form.ts';
import type { Path } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { AdaptiveConfig, BalanceConfig, EndpointConfig, PoolConfig } from '../types.ts';
import { compileAffinity } from './affinity.ts';
import { compileAutoscale } from './autoscale.ts';
import { compileDiscover } from './discovery.ts';
import { compileEndpoint } from './endpoint.ts';
import { checkFilters } from './filters.ts';
import type { Findings } from './findings.ts';
import { compileHealth } from './health.ts';

type ParsedPool = ParsedDocument['pools'][string];

/** What `maxInFlight: auto` is short for. */
const ADAPTIVE: AdaptiveConfig = { min: 4, max: 1000, start: 20, tolerance: 1.5 };
/** Whoever chose one of these wants the same client at the same endpoint, for however long. */
const HASHES = new Set(['source-hash', 'ring-hash', 'rendezvous', 'maglev']);

export function compilePool(name: string, pool: ParsedPool, findings: Findings, around: Surroundings): PoolConfig {
  const path = ['pools', name];
  checkFilters(pool.filters, [...path, 'filters'], findings, around);
  const adaptive = compileAdaptive(pool, path, findings);
  const seen = new Set<string>();
  const most = pool.maxInFlight === 'auto' ? 0 : pool.maxInFlight;
  const defaults = { maxInFlight: most, maxRate: pool.maxRate, adaptive };
  const endpoints = pool.endpoints.map((endpoint, i): EndpointConfig => {
    const id = formatAddress(endpoint.address);
    if (seen.has(id)) findings.add([...path, 'endpoints', i], `is ${id}, which the pool has already`);
    seen.add(id);
    return compileEndpoint(endpoint, defaults, [...path, 'endpoints', i], findings);
  });
  const discover = pool.discover.flatMap(
    (source, i) => compileDiscover(source, name, [...path, 'discover', i], findings, defaults) ?? [],
  );
  const { tls } = pool;
  if (tls != null && (tls.cert === '') !== (tls.key === ''))
    findings.add([...path, 'tls'], 'needs "cert" and "key" together');
  const { passive, zones, breaker, queue, retries, connection, slowStart, panic, allDown, proxyProtocol, affinity } =
    pool;
  return {
    name,
    endpoints,
    ...defaults,
    discover,
    autoscale: compileAutoscale(pool.autoscale, discover.length > 0, [...path, 'autoscale'], findings),
    balance: balance(pool),
    health: compileHealth(pool, path, findings),
    passive: passive ?? undefined,
    slowStart: slowStart ?? undefined,
    panic: panic ?? undefined,
    allDown: { status: allDown.status, retryAfterSeconds: Math.ceil(allDown.retryAfterMs / 1000) },
    zones,
    queue,
    retries,
    breaker: breaker ?? undefined,
    connection,
    protocol: pool.protocol,
    tls: pool.tls ?? undefined,
    upgrades: pool.upgrades ?? (HASHES.has(balance(pool).kind) ? 'balance' : 'least-connections'),
    proxyProtocol: proxyProtocol ?? undefined,
    filters: pool.filters,
    affinity: compileAffinity(affinity, [...path, 'affinity'], findings),
  };
}

function compileAdaptive(
  { adaptive, maxInFlight }: ParsedPool,
  path: Path,
  findings: Findings,
): AdaptiveConfig | undefined {
  const config = adaptive ?? (maxInFlight === 'auto' ? ADAPTIVE : undefined);
  if (config === undefined) return undefined;
  if (adaptive === null)
    findings.add([...path, 'adaptive'], 'is off, but "maxInFlight" is auto', 'leave one of them out');
  if (config.min > config.max) findings.add([...path, 'adaptive', 'min'], `is above "max", which is ${config.max}`);
  return { ...config, start: Math.min(config.max, Math.max(config.min, config.start)) };
}

function balance({ balance: parsed }: ParsedPool): BalanceConfig {
  const { kind, key, ...options } = parsed as { kind: string; key?: BalanceConfig['key'] };
  return { kind, key: key ?? { from: 'source' }, options };
}
