// Owns the way back of routes, tables and splits.

import { plainly } from './filters/form.ts';
import { filterForm } from './filters/index.ts';
import type {
  CertificateMatch,
  FilterEntry,
  PathPattern,
  RequestSource,
  RouteConfig,
  SplitConfig,
  SplitKey,
  TableConfig,
  TextMatch,
} from './types.ts';
import { formatDuration } from './units.ts';
import { hedgeForm, retriesForm } from './written-resilience.ts';
import { text, written } from './written-text.ts';

type Json = Record<string, unknown>;

function path(pattern: PathPattern): unknown {
  if (pattern.kind === 'regex') return `~${pattern.value}`;
  if (pattern.kind === 'template' && !pattern.value.includes('{')) return pattern;
  return pattern.kind === 'prefix' ? `${pattern.value}*` : pattern.value;
}

function matches(all: Readonly<Record<string, TextMatch>>): Json {
  return Object.fromEntries(Object.entries(all).map(([name, match]) => [name, text(match)]));
}

export function routeForm(config: RouteConfig): Json {
  const { path: pattern, header, cookie, query, map, identity, clientCertificate, timeouts, retries, ...rest } = config;
  const { pool, poolMap, split, when, tls, filters, hedge, ...lists } = rest;
  return {
    ...lists,
    ...(pattern === undefined ? {} : { path: path(pattern) }),
    header: matches(header),
    cookie: matches(cookie),
    query: matches(query),
    map: matches(map),
    ...(tls === undefined ? {} : { tls }),
    ...(clientCertificate === undefined ? {} : { clientCertificate: certificate(clientCertificate) }),
    ...(identity === undefined ? {} : { identity: text(identity) }),
    ...(when === '' ? {} : { when }),
    filters: filtersForm(filters),
    ...(split === undefined ? {} : { split: splitForm(split) }),
    ...(poolMap === '' ? {} : { pool: { map: poolMap } }),
    ...(pool === '' ? {} : { pool }),
    timeouts: written(timeouts),
    ...(retries === undefined ? {} : { retries: retriesForm(retries) }),
    hedge: hedge === undefined ? false : hedgeForm(hedge),
  };
}

export function filtersForm(entries: readonly FilterEntry[]): unknown[] {
  return entries.map(({ kind, settings }) => ({ [kind]: filterForm(kind)?.write?.(settings) ?? plainly(settings) }));
}

function certificate({ subject, fingerprint }: CertificateMatch): Json {
  return { ...(subject === undefined ? {} : { subject: text(subject) }), fingerprint };
}

function splitForm({ by, variants, rollout }: SplitConfig): Json {
  const shares = variants.map(({ name, pool, weight, force }) => {
    const forced = { header: matches(force.header), cookie: matches(force.cookie), query: matches(force.query) };
    return [name, { pool, weight, force: forced }];
  });
  const { halt, everyMs, ...going } = rollout ?? { halt: undefined, everyMs: 0 };
  return {
    by: keyForm(by),
    variants: Object.fromEntries(shares),
    ...(rollout === undefined ? {} : { rollout: { ...going, every: formatDuration(everyMs), halt } }),
  };
}

function keyForm(by: SplitKey): unknown {
  if (by.from !== 'cookie') return by;
  return { from: by.from, name: by.name, maxAge: formatDuration(by.maxAgeSeconds * 1000) };
}

function source(of: RequestSource): string {
  return 'name' in of ? `${of.from}:${of.name}` : of.from;
}

export function tableForm({ of, values, networks, default: fallback }: TableConfig): Json {
  const entries = values.map(({ match, value }) => [match.kind === 'present' ? '*' : text(match), value]);
  return {
    of: source(of),
    values: Object.fromEntries(entries),
    networks: Object.fromEntries(networks),
    ...(fallback === undefined ? {} : { default: fallback }),
  };
}
