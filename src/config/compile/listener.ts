// Owns the step from a parsed listener to the normalized one, by protocol.

import { formatAddress } from '../../core/address.ts';
import type { Surroundings } from '../filters/form.ts';
import type { Path } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type {
  HttpListenerConfig,
  ListenerConfig,
  ProxyProtocolInConfig,
  TcpListenerConfig,
  TcpRouteConfig,
} from '../types.ts';
import { answersAll, checkFilters } from './filters.ts';
import type { Findings } from './findings.ts';
import { ANY_ROUTE, checkSplitNames, checkTlsConditions, compileRoute, type RoutingNames } from './route.ts';
import { compileTls } from './tls.ts';

type Parsed = ParsedDocument['listeners'][string];
type ParsedHttp = Extract<Parsed, { readonly protocol: 'http' | 'https' }>;
type ParsedTcp = Extract<Parsed, { readonly protocol: 'tcp' }>;

export function compileListener(
  name: string,
  parsed: Parsed,
  trustedProxies: readonly string[],
  names: RoutingNames,
  findings: Findings,
  around: Surroundings,
): ListenerConfig {
  const at = ['listeners', name];
  const { bind } = parsed;
  const proxyProtocol = believed(parsed, trustedProxies, at, findings);
  switch (parsed.protocol) {
    case 'http':
    case 'https':
      return { ...http(name, parsed, at, names, findings, around), proxyProtocol };
    case 'tcp':
      return { ...tcp(name, parsed, at, findings), proxyProtocol };
    case 'udp': {
      const { protocol, pool, flow, mode, snat } = parsed;
      return { name, bind, protocol, pool, flow, mode, snat, proxyProtocol };
    }
  }
}

function believed(
  { proxyProtocol }: Parsed,
  trustedProxies: readonly string[],
  at: Path,
  findings: Findings,
): ProxyProtocolInConfig | undefined {
  if (proxyProtocol == null) return undefined;
  const path = [...at, 'proxyProtocol'];
  const from = proxyProtocol.from ?? trustedProxies;
  findings.cidrs(proxyProtocol.from ?? [], [...path, 'from']);
  if (from.length === 0) {
    findings.add(path, 'believes nobody: there are no "trustedProxies" either', 'name the proxies: [10.0.0.0/8]');
  }
  return { from, timeoutMs: proxyProtocol.timeoutMs ?? 0 };
}

function http(
  name: string,
  parsed: ParsedHttp,
  at: Path,
  names: RoutingNames,
  findings: Findings,
  around: Surroundings,
): Omit<HttpListenerConfig, 'proxyProtocol'> {
  const { bind, limits, timeouts, forwarded, pool, filters } = parsed;
  checkFilters(filters, [...at, 'filters'], findings, around);
  const answered = answersAll(filters);
  const routes = parsed.routes.map((route, i) => {
    const path = [...at, 'routes', i];
    checkFilters(route.filters, [...path, 'filters'], findings, around);
    const isAnswered = answered || answersAll(route.filters);
    return compileRoute(route, path, { name: `${name}[${i}]`, isAnswered }, names, findings);
  });
  if (pool !== undefined) routes.push({ ...ANY_ROUTE, name: `${name}[default]`, pool });
  const redirect = parsed.protocol === 'http' ? (parsed.redirectToHttps ?? undefined) : undefined;
  if (redirect !== undefined && routes.length > 0)
    findings.add([...at, 'redirectToHttps'], 'leaves no request for "routes" or "pool"', 'leave one of them out');
  if (redirect === undefined && routes.length === 0 && !answered) findings.add(at, 'needs "routes" or a "pool"');
  checkTlsConditions(
    parsed.routes,
    { tls: parsed.protocol === 'https', clients: parsed.protocol === 'https' && parsed.tls.clients != null },
    [...at, 'routes'],
    findings,
  );
  checkSplitNames(routes, [...at, 'routes'], findings);
  const hsts = parsed.protocol === 'https' ? (parsed.hsts ?? undefined) : undefined;
  return {
    name,
    bind,
    protocol: 'http',
    tls: parsed.protocol === 'https' ? compileTls(parsed.tls, [...at, 'tls'], findings) : undefined,
    http2: parsed.http2 ?? undefined,
    hsts: hsts && {
      maxAgeSeconds: Math.floor(hsts.maxAge / 1000),
      includeSubDomains: hsts.includeSubDomains,
      preload: hsts.preload,
    },
    redirect,
    limits,
    timeouts,
    forwarded,
    filters,
    routes,
  };
}

function tcp(name: string, parsed: ParsedTcp, at: Path, findings: Findings): Omit<TcpListenerConfig, 'proxyProtocol'> {
  const { bind, protocol, limits, timeouts, pool, mode, snat } = parsed;
  const routes = parsed.routes.map((route, i): TcpRouteConfig => {
    findings.serverNames(route.sni, [...at, 'routes', i, 'sni']);
    findings.cidrs(route.client, [...at, 'routes', i, 'client']);
    return { ...route, name: route.name === '' ? `${name}[${i}]` : route.name };
  });
  if (pool !== undefined) routes.push({ name: `${name}[default]`, sni: [], alpn: [], client: [], pool });
  if (routes.length === 0) findings.add(at, 'needs "routes" or a "pool"');
  checkShadowed(routes, (i) => (i < parsed.routes.length ? [...at, 'routes', i] : [...at, 'pool']), findings);
  const tls = parsed.tls === undefined ? undefined : compileTls(parsed.tls, [...at, 'tls'], findings);
  if (tls !== undefined && mode === 'nat')
    findings.add([...at, 'tls'], 'cannot end where the kernel forwards', 'mode: proxy');
  return { name, bind, protocol, tls, limits, timeouts, mode, snat, routes };
}

/** Routes that never match: for each of their names an earlier one has the very same conditions. */
function checkShadowed(routes: readonly TcpRouteConfig[], pathOf: (i: number) => Path, findings: Findings): void {
  const taken = new Map<string, string>();
  routes.forEach(({ name, sni, alpn, client }, i) => {
    const others = JSON.stringify([[...alpn].sort(), [...client].sort()]);
    const keys = (sni.length === 0 ? ['*'] : sni).map((one) => `${one} ${others}`);
    const owners = keys.map((key) => taken.get(key));
    if (owners.every((owner) => owner !== undefined))
      findings.add(pathOf(i), `never matches: "${owners[0]}" comes first and has the same conditions`);
    for (const [at, key] of keys.entries()) taken.set(key, owners[at] ?? name);
  });
}

/** TCP and UDP have port numbers of their own. */
export function checkBinds(listeners: readonly (readonly [string, Parsed])[], findings: Findings): void {
  const taken = new Map<string, string>();
  for (const [name, { bind, protocol }] of listeners) {
    const text = formatAddress(bind);
    const key = `${protocol === 'udp' ? 'udp' : 'tcp'} ${text}`;
    const other = bind.port === 0 ? undefined : taken.get(key);
    if (other !== undefined)
      findings.add(['listeners', name, 'bind'], `is ${text}, which listener "${other}" binds already`);
    taken.set(key, name);
  }
}
