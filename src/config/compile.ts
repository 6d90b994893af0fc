// Owns the step from a parsed document to the normalized configuration: checks the shape by the schema, then what the
// parts must be to each other. Finds every issue, not just the first. Pure: no files, no sockets, no clock.

import { type AnyBalancerKind, BALANCERS } from '../balancing/index.ts';
import { err, ok, type Result } from '../core/result.ts';
import { ACCESS_LOG_DEFAULT, ACCESS_LOG_FIELDS } from './access-log-fields.ts';
import { compileAcme } from './compile/acme.ts';
import { compileAdmin } from './compile/admin.ts';
import { compileCluster } from './compile/cluster.ts';
import { compileDns } from './compile/dns.ts';
import { Findings } from './compile/findings.ts';
import { checkFit } from './compile/fit.ts';
import { checkBinds, compileListener } from './compile/listener.ts';
import { compilePool } from './compile/pool.ts';
import { danglingReferences } from './compile/references.ts';
import { compileSite } from './compile/site.ts';
import { checkNames, compilePolicy, steered } from './compile/steering.ts';
import { compileTables } from './compile/tables.ts';
import type { Surroundings } from './filters/form.ts';
import { type ConfigIssue, type Path, suggest } from './issues.ts';
import { knownKeys } from './json-schema.ts';
import { tracingConfig } from './schema/tracing.ts';
import { documentSchema, type ParsedDocument } from './schema.ts';
import type { CacheConfig, Config, ListenerConfig } from './types.ts';
import { translate } from './zod-issues.ts';

/** What a TypeScript configuration brings along: balancing kinds, and names of filters and predicates. */
export function compile(
  given: unknown,
  own: readonly AnyBalancerKind[] = [],
  ownFilters: readonly string[] = [],
  predicates: readonly string[] = [],
): Result<Config, ConfigIssue[]> {
  // An empty file is a document with nothing in it.
  const document = given ?? {};
  const twice = own.findIndex(({ name }, i) => own.findIndex((kind) => kind.name === name) < i);
  if (twice >= 0)
    return err([{ path: ['balancers', twice], message: `is named "${own[twice].name}" like another one beside it` }]);
  // One that is named like a built-in one replaces it.
  const kinds = [...BALANCERS.filter(({ name }) => own.every((kind) => kind.name !== name)), ...own];
  const schema = documentSchema(kinds);
  const parsed = schema.safeParse(document, { reportInput: true });
  const issues: ConfigIssue[] = danglingReferences(document);
  if (!parsed.success) {
    const found = translate(parsed.error.issues, (path) => knownKeys(schema, path, document));
    return err([
      ...found.map((issue) => ({ ...issue, path: asWritten(unlisted(issue.path, document), document) })),
      ...issues,
    ]);
  }
  const config = normalized(parsed.data, new Findings(issues), own, ownFilters, predicates);
  return issues.length > 0 ? err(issues) : ok(config);
}

const isGroup = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

/** One thing may stand where a list may: then it has no number. */
function unlisted(path: Path, document: unknown): Path {
  let node = document;
  return path.filter((step) => {
    if (typeof step === 'number' && !Array.isArray(node)) return false;
    node = isGroup(node) ? node[step] : undefined;
    return true;
  });
}

/** A short form hides the parts it stands for: the path ends where the document does. */
function asWritten(path: Path, document: unknown): Path {
  let node = document;
  for (let i = 0; i < path.length; i++) {
    if (!isGroup(node)) return path.slice(0, i);
    node = node[path[i]];
  }
  return path;
}

/** There is always a default one. */
function cachesOf({ caches }: ParsedDocument): Readonly<Record<string, CacheConfig>> {
  const named = Object.entries(caches).map(([name, { memoryBytes, maxObjectBytes, disk }]) => {
    return [name, { memoryBytes, maxObjectBytes, disk }];
  });
  return { default: DEFAULT_CACHE, ...Object.fromEntries(named) };
}

const DEFAULT_CACHE = { memoryBytes: 64 * 1024 * 1024, maxObjectBytes: 8 * 1024 * 1024, disk: undefined };
/** As for everybody, the variant where there is one, and the trace where there are traces. */
function logFields(listeners: readonly ListenerConfig[], isTraced: boolean): readonly string[] {
  const isSplit = listeners.some(
    (one) => one.protocol === 'http' && one.routes.some(({ split }) => split !== undefined),
  );
  return [...ACCESS_LOG_DEFAULT, ...(isSplit ? ['variant'] : []), ...(isTraced ? ['traceId'] : [])];
}

function normalized(
  document: ParsedDocument,
  findings: Findings,
  own: readonly AnyBalancerKind[],
  ownFilters: readonly string[],
  predicates: readonly string[],
): Config {
  const around: Surroundings = {
    pools: Object.keys(document.pools),
    caches: ['default', ...Object.keys(document.caches)],
    own: ownFilters,
  };
  const { workers, zone, trustedProxies, admin, accessLog, drain } = document;
  const tracing = tracingConfig(document.tracing);
  const pools = Object.entries(document.pools).map(
    ([name, pool]) => [name, compilePool(name, pool, findings, around)] as const,
  );
  const listeners = Object.entries(document.listeners);
  if (listeners.length === 0 && document.dns === undefined) {
    findings.add(['listeners'], 'must name at least one listener', 'or a "dns" part');
  }
  checkBinds(listeners, findings);
  findings.cidrs(trustedProxies, ['trustedProxies']);
  accessLog?.fields?.forEach((field, i) => {
    if (!ACCESS_LOG_FIELDS.includes(field))
      findings.add(['accessLog', 'fields', i], `has no field "${field}"`, suggest(field, ACCESS_LOG_FIELDS));
  });
  const maps = compileTables(document.maps, findings);
  const routing = { pools: around.pools, maps, predicates };
  const compiled = listeners.map(([name, listener]) =>
    compileListener(name, listener, trustedProxies, routing, findings, around),
  );
  for (const listener of compiled) checkFit(listener, { pools: Object.fromEntries(pools), maps }, findings, own);
  const names = {
    sites: Object.keys(document.sites),
    pools: Object.keys(document.pools),
    policies: Object.keys(document.policies),
  };
  const sites = Object.entries(document.sites).map(
    ([name, site]) => [name, compileSite(name, site, names.pools, findings)] as const,
  );
  const policies = Object.fromEntries(
    Object.entries(document.policies).map(
      ([name, policy]) => [name, compilePolicy(policy, ['policies', name], names, document.geo, findings)] as const,
    ),
  );
  if (document.site !== '' && !names.sites.includes(document.site)) {
    findings.add(
      ['site'],
      `names the site "${document.site}", which does not exist`,
      suggest(document.site, names.sites),
    );
  }
  checkNames(policies, Object.fromEntries(sites), names, findings);
  const dns = steered(compileDns(document.dns, findings), names, document.geo, findings);
  return {
    workers,
    zone,
    trustedProxies,
    drain,
    admin: compileAdmin(admin, findings),
    cluster: compileCluster(document.cluster, findings),
    accessLog:
      accessLog == null
        ? undefined
        : { ...accessLog, fields: accessLog.fields ?? logFields(compiled, tracing !== undefined) },
    tracing,
    listeners: Object.fromEntries(compiled.map((listener) => [listener.name, listener])),
    pools: Object.fromEntries(pools),
    caches: cachesOf(document),
    maps,
    sites: Object.fromEntries(sites),
    policies,
    acme: compileAcme(document.acme, compiled, findings),
    dns,
    geo: document.geo,
    site: document.site,
    latency: document.latency,
  };
}
