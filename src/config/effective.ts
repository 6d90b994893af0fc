// Owns the way back: the normalized configuration as a document that a person could have written, every default spelled
// out. What it prints is itself a valid configuration with the same meaning.

import { formatAddress } from '../core/address.ts';
import { areaText } from '../steering/area.ts';
import { plainly } from './filters/form.ts';
import { clusterForm } from './schema/cluster.ts';
import { redisForm } from './schema/redis.ts';
import { tracingForm } from './schema/tracing.ts';
import type {
  AcmeConfig,
  AdminConfig,
  AffinityConfig,
  Config,
  DnsConfig,
  DnsRecordConfig,
  DnsZoneConfig,
  EndpointConfig,
  HstsConfig,
  KeySource,
  ListenerConfig,
  PolicyConfig,
  PoolConfig,
  ProbeConfig,
  TlsConfig,
} from './types.ts';
import { formatDuration } from './units.ts';
import { autoscaleForm } from './written-autoscale.ts';
import { discoverForm } from './written-discovery.ts';
import { breakerForm, retriesForm } from './written-resilience.ts';
import { filtersForm, routeForm, tableForm } from './written-route.ts';
import { ranges, text, written } from './written-text.ts';

type Json = Record<string, unknown>;

function key(source: KeySource): string {
  return 'name' in source ? `${source.from}:${source.name}` : source.from;
}

function health({ health: config }: PoolConfig): unknown {
  if (config === undefined) return false;
  const { probe, proxyHeader: _, ...rest } = config;
  return { ...probeForm(probe), ...written(rest) };
}

function probeForm(probe: ProbeConfig): Json {
  if (probe.kind === 'http') {
    const { kind: _, transport: __, status, body, ...http } = probe;
    return { http: { ...http, status: ranges(status), ...(body === undefined ? {} : { body: text(body) }) } };
  }
  if (probe.kind === 'grpc') return { grpc: { service: probe.service } };
  const { kind, ...settings } = probe;
  if (kind !== 'tcp' && kind !== 'udp') return { [kind]: settings };
  const { send, expect } = probe;
  const talk = {
    ...(send && { send: { [send.encoding]: send.value } }),
    ...(expect && { expect: { [expect.kind]: expect.value } }),
  };
  return { [kind]: Object.keys(talk).length === 0 ? true : talk };
}

function listener(config: ListenerConfig): Json {
  const { name: _, bind, protocol, proxyProtocol: believed } = config;
  const common = {
    bind: formatAddress(bind),
    protocol,
    proxyProtocol: believed === undefined ? false : protocol === 'udp' ? { from: believed.from } : written(believed),
  };
  if (config.protocol === 'udp') {
    const { pool: to, flow, mode, snat } = config;
    return { ...common, mode, snat, pool: to, flow: written(flow) };
  }
  const { limits, timeouts } = config;
  const bounds = { limits: written(limits), timeouts: written(timeouts) };
  if (config.protocol === 'tcp') {
    const { mode, snat, routes } = config;
    const tls = config.tls === undefined ? {} : { tls: tlsForm(config.tls) };
    return { ...common, ...tls, mode, snat, routes, ...bounds };
  }
  const { tls, http2, hsts, redirect, routes, forwarded } = config;
  return {
    ...common,
    ...(tls === undefined ? { redirectToHttps: redirect ?? false } : { protocol: 'https', tls: tlsForm(tls) }),
    ...(tls === undefined ? {} : { hsts: hsts === undefined ? false : hstsForm(hsts) }),
    http2: http2 === undefined ? false : written(http2),
    filters: filtersForm(config.filters),
    ...(redirect === undefined ? { routes: routes.map(routeForm) } : {}),
    ...bounds,
    forwarded,
  };
}

function tlsForm({ ciphers, curves, handshakeMs, sessionMs, clients, ...rest }: TlsConfig): Json {
  return {
    ...rest,
    ciphers: ciphers.split(':'),
    curves: curves.split(':'),
    handshakeTimeout: formatDuration(handshakeMs),
    sessions: formatDuration(sessionMs),
    clients: clients ?? false,
  };
}

function hstsForm({ maxAgeSeconds, ...rest }: HstsConfig): Json {
  return { maxAge: formatDuration(maxAgeSeconds * 1000), ...rest };
}

/** As it would be written. */
export function endpointForm({ address, ...rest }: EndpointConfig): Json {
  return { address: formatAddress(address), ...rest };
}

function pool(config: PoolConfig, needsKey: boolean): Json {
  const { balance, endpoints, passive, slowStart, panic, allDown, zones, queue, retries, connection } = config;
  return {
    balance: { kind: balance.kind, ...(needsKey ? { key: key(balance.key) } : {}), ...balance.options },
    endpoints: endpoints.map(endpointForm),
    maxInFlight: config.maxInFlight,
    maxRate: config.maxRate,
    ...(config.autoscale === undefined ? {} : { autoscale: autoscaleForm(config.autoscale) }),
    ...(config.discover.length === 0 ? {} : { discover: config.discover.map(discoverForm) }),
    health: health(config),
    passive: passive === undefined ? false : { ...written(passive), status: ranges(passive.status) },
    slowStart: slowStart === undefined ? false : written(slowStart),
    panic: panic === undefined ? false : panic,
    allDown: { status: allDown.status, retryAfter: formatDuration(allDown.retryAfterSeconds * 1000) },
    zones,
    queue: written(queue),
    retries: retriesForm(retries),
    breaker: config.breaker === undefined ? false : breakerForm(config.breaker),
    adaptive: config.adaptive ?? false,
    connection: written(connection),
    protocol: config.protocol,
    tls: config.tls ?? false,
    upgrades: config.upgrades,
    proxyProtocol: config.proxyProtocol ?? false,
    filters: filtersForm(config.filters),
    affinity: config.affinity === undefined ? false : affinity(config.affinity),
  };
}

/** Secrets are hidden, at a length that is one; so is the password of a Redis. */
function affinity({ by, name, cookie, secrets, store, ...rest }: AffinityConfig): Json {
  return {
    by: name === '' ? by : `${by}:${name}`,
    ...written(rest),
    ...cookieForm(cookie),
    ...(secrets === undefined || secrets.keys.length === 0
      ? {}
      : { keys: secrets.keys.map(() => 'hidden, not shown') }),
    ...(secrets === undefined || secrets.keysFile === '' ? {} : { keysFile: secrets.keysFile }),
    ...(store === undefined ? {} : { store: redisForm(store) }),
  };
}

function cookieForm(cookie: AffinityConfig['cookie']): Json {
  if (cookie === undefined) return {};
  const { domain, ...rest } = cookie;
  return { ...(domain === '' ? {} : { domain }), ...rest };
}

function policy(config: PolicyConfig): Json {
  switch (config.kind) {
    case 'weighted':
      return { kind: config.kind, ...Object.fromEntries(config.weights) };
    case 'geo': {
      const { kind, default: fallback, areas } = config;
      const written = areas.map(([member, list]) => [member, list.map(areaText)]);
      return { kind, ...(fallback === undefined ? {} : { default: fallback }), ...Object.fromEntries(written) };
    }
    case 'proximity': {
      const { kind, default: fallback, biases } = config;
      return { kind, ...(fallback === undefined ? {} : { default: fallback }), ...Object.fromEntries(biases) };
    }
    default:
      return { ...config };
  }
}

function dns({ bind, cookies, rateLimit, tcp, resolvers, zones, ...rest }: DnsConfig): Json {
  return {
    bind: bind.map(formatAddress),
    ...rest,
    cookies: cookies ?? false,
    rateLimit: rateLimit ?? false,
    tcp: written(tcp),
    resolvers: resolvers.map(formatAddress),
    zones: Object.fromEntries(Object.values(zones).map((one) => [one.name, zone(one)])),
  };
}

function zone(config: DnsZoneConfig): Json {
  const { name: _, file, transfer, records, ...rest } = config;
  return {
    ...(file === '' ? {} : { file }),
    ...rest,
    transfer: { allow: transfer.allow, notify: transfer.notify.map(formatAddress) },
    records: Object.fromEntries(records.map((one) => [one.name, record(one)])),
  };
}

function record(config: DnsRecordConfig): Json {
  const { name: _, sets, steer, fallback, alias, ...rest } = config;
  const values = sets.map(({ type, values: list }) => [
    type,
    list.map((one) => (one.weight === 1 ? one.value : { value: one.value, weight: one.weight })),
  ]);
  return {
    ...rest,
    ...(steer === undefined ? {} : { steer: policy(steer as PolicyConfig) }),
    ...(fallback === undefined ? {} : { fallback: policy(fallback as PolicyConfig) }),
    ...(alias === '' ? {} : { ALIAS: alias }),
    ...Object.fromEntries(values),
  };
}

/** The secret is not for everybody who may see what is in effect: in its place is a word. */
function acme({ externalAccount, ...rest }: AcmeConfig): Json {
  const account = externalAccount && { externalAccount: { ...externalAccount, hmac: 'hidden' } };
  return { ...rest, agreeTerms: true, ...account };
}

/** Tokens are hidden, at a length that is one. */
function admin({ bind, tokens, ...rest }: AdminConfig): Json {
  const hidden = tokens.map(({ name, role, tokenFile }) => {
    return { name, role, ...(tokenFile === '' ? { token: 'hidden, not shown' } : { tokenFile }) };
  });
  return { bind: formatAddress(bind), tokens: hidden, ...rest };
}

/** `needsKey`: kinds that take a key; the others must not be given one. */
export function effective(config: Config, needsKey: (kind: string) => boolean = () => false): Json {
  const listeners = Object.values(config.listeners).map((one) => [one.name, listener(one)]);
  return {
    workers: config.workers,
    zone: config.zone,
    trustedProxies: config.trustedProxies,
    admin: config.admin === undefined ? false : admin(config.admin),
    cluster: config.cluster === undefined ? false : clusterForm(config.cluster),
    accessLog: config.accessLog ?? false,
    tracing: config.tracing === undefined ? false : tracingForm(config.tracing),
    drain: written(config.drain),
    listeners: Object.fromEntries(listeners),
    caches: Object.fromEntries(Object.entries(config.caches).map(([name, one]) => [name, plainly(one)])),
    maps: Object.fromEntries(Object.values(config.maps).map((one) => [one.name, tableForm(one)])),
    geo: config.geo,
    site: config.site,
    latency: written(config.latency),
    ...(config.acme === undefined ? {} : { acme: acme(config.acme) }),
    ...(config.dns === undefined ? {} : { dns: dns(config.dns) }),
    sites: Object.fromEntries(Object.values(config.sites).map(({ name, ...site }) => [name, site])),
    policies: Object.fromEntries(Object.entries(config.policies).map(([name, one]) => [name, policy(one)])),
    pools: Object.fromEntries(
      Object.values(config.pools).map((one) => [one.name, pool(one, needsKey(one.balance.kind))]),
    ),
  };
}
