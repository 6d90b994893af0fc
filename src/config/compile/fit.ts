// Owns what a listener and the pools behind it must be to each other: layer 4 sees no requests, so a pool that needs one
// to choose by does not fit there; and what layer 4 says to backends, requests cannot.

import type { AnyBalancerKind } from '../../balancing/index.ts';
import type { Path } from '../issues.ts';
import type { Config, ListenerConfig, PoolConfig } from '../types.ts';
import type { Findings } from './findings.ts';
import { natObstacles } from './nat.ts';
import { poolsOfRoute } from './route.ts';

export function poolsOf(listener: ListenerConfig, maps: Config['maps'] = {}): readonly string[] {
  switch (listener.protocol) {
    case 'udp':
      return [listener.pool];
    case 'tcp':
      return [...new Set(listener.routes.map((route) => route.pool))];
    case 'http':
      return [...new Set(listener.routes.flatMap((route) => poolsOfRoute(route, maps)))];
  }
}

export function checkFit(
  listener: ListenerConfig,
  { pools, maps }: Pick<Config, 'pools' | 'maps'>,
  findings: Findings,
  own: readonly AnyBalancerKind[] = [],
): void {
  if (listener.protocol !== 'http' && listener.mode === 'nat') {
    // The kernel asks for less than any proxy gives: what does not fit a proxy does not fit here either.
    findings.issues.push(...natObstacles(listener, pools, own));
    return;
  }
  for (const name of poolsOf(listener, maps)) {
    const pool = pools[name];
    if (pool === undefined) continue;
    const at = ['pools', name];
    checkKey(listener, pool, [...at, 'balance', 'key'], findings);
    if (listener.protocol !== 'http' && pool.filters.length > 0)
      findings.add(
        [...at, 'filters'],
        `cannot be used for the ${listener.protocol.toUpperCase()} listener "${listener.name}": it sees no requests`,
      );
    checkProxyProtocol(listener, pool, [...at, 'proxyProtocol'], findings);
    checkAffinity(listener, pool, [...at, 'affinity'], findings);
  }
}

function checkKey(listener: ListenerConfig, { balance }: PoolConfig, path: Path, findings: Findings): void {
  const { from } = balance.key;
  if (from === 'source') return;
  const where = `the ${listener.protocol.toUpperCase()} listener "${listener.name}"`;
  if (listener.protocol === 'tcp' ? from === 'sni' : listener.protocol === 'http' && from !== 'sni') return;
  const sees = from === 'sni' ? 'no TLS handshake to read the name from' : 'only addresses and bytes';
  const hint = listener.protocol === 'tcp' ? 'use source or sni' : 'use source';
  findings.add(path, `hashes ${from === 'sni' ? 'the SNI' : `the ${from}`}, but ${where} sees ${sees}`, hint);
}

function checkAffinity(listener: ListenerConfig, { affinity }: PoolConfig, path: Path, findings: Findings): void {
  if (listener.protocol === 'http' || affinity === undefined) return;
  const where = `the ${listener.protocol.toUpperCase()} listener "${listener.name}"`;
  if (affinity.by !== 'source')
    findings.add(path, `goes by ${affinity.by}, but ${where} sees only addresses and bytes`, 'use source');
  else if (affinity.store !== undefined)
    findings.add([...path, 'store'], `cannot be asked for ${where}: only requests wait for it`);
  else if (affinity.onDown === 'fail')
    findings.add([...path, 'onDown'], `must be repick for ${where}: there is no answer that could say why`);
}

function checkProxyProtocol(
  listener: ListenerConfig,
  { proxyProtocol }: PoolConfig,
  path: Path,
  findings: Findings,
): void {
  if (proxyProtocol === undefined) return;
  if (listener.protocol === 'http') {
    findings.add(
      path,
      `cannot be sent for the HTTP listener "${listener.name}": its connections to backends carry requests of many clients`,
      'backends of HTTP listeners find the client in X-Forwarded-For',
    );
  } else if (listener.protocol === 'udp' && proxyProtocol.version === 1) {
    findings.add(path, `must be v2 for the UDP listener "${listener.name}": version 1 knows only TCP`);
  }
}
