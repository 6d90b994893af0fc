// Owns the step from parsed autoscaling to the normalized one: one metric, one provider, and what each of them needs.

import type { Path } from '../issues.ts';
import type { ParsedAutoscale } from '../schema/autoscale.ts';
import type { AutoscaleConfig, ProviderConfig } from '../types.ts';
import type { Findings } from './findings.ts';

const METRICS = ['cpu', 'inFlight', 'requests', 'queueTimeMs'] as const;
const WRITTEN = { cpu: 'cpu', inFlight: 'inFlight', requests: 'requests', queueTimeMs: 'queueTime' } as const;
const NAMES = { cpu: 'cpu', inFlight: 'in-flight', requests: 'requests', queueTimeMs: 'queue-time' } as const;
const PROVIDERS = ['processes', 'docker', 'kubernetes', 'exec'] as const;

/** `isFound`: the pool's endpoints are discovered, too. */
export function compileAutoscale(
  parsed: ParsedAutoscale | undefined,
  isFound: boolean,
  path: Path,
  findings: Findings,
): AutoscaleConfig | undefined {
  if (parsed === undefined) return undefined;
  const metrics = METRICS.filter((name) => parsed[name] !== undefined);
  const providers = PROVIDERS.filter((name) => parsed[name] !== undefined);
  if (metrics.length !== 1)
    findings.add(
      path,
      metrics.length === 0 ? 'says by what it is judged nowhere' : 'names several metrics',
      `one of ${Object.values(WRITTEN).join(', ')}`,
    );
  if (providers.length !== 1)
    findings.add(
      path,
      providers.length === 0 ? 'names nobody who starts instances' : 'names several providers',
      `one of ${PROVIDERS.join(', ')}`,
    );
  const { min, max, from } = parsed;
  if (min > max) findings.add([...path, 'min'], `is above "max", which is ${max}`);
  const [metric] = metrics;
  const [kind] = providers;
  if (metric === undefined || kind === undefined) return undefined;
  if (metric === 'cpu' && from === undefined)
    findings.add(
      [...path, 'cpu'],
      'needs "from": where instances tell it',
      'such as from: agent:9000, json:/health#cpu or prometheus:/metrics',
    );
  if (metric !== 'cpu' && from !== undefined) findings.add([...path, 'from'], 'is for "cpu" only');
  if (parsed[metric] === 0) findings.add([...path, WRITTEN[metric]], 'must be more than 0');
  if (parsed.toleranceIn <= parsed.toleranceOut)
    findings.add([...path, 'toleranceIn'], 'must be more than "toleranceOut": otherwise noise would go to and fro');
  if ((kind === 'kubernetes' || kind === 'exec') && !isFound)
    findings.add([...path, kind], 'starts instances that nobody finds', 'the pool needs "discover", too');
  const {
    cpu: _a,
    inFlight: _b,
    requests: _c,
    queueTimeMs: _d,
    from: _e,
    processes: _f,
    docker: _g,
    kubernetes: _h,
    exec: _i,
    ...policy
  } = parsed;
  return {
    ...policy,
    metric: NAMES[metric],
    target: parsed[metric] ?? 1,
    source: from,
    provider: providerOf(kind, parsed),
  };
}

function providerOf(kind: (typeof PROVIDERS)[number], parsed: ParsedAutoscale): ProviderConfig {
  switch (kind) {
    case 'processes':
      return { kind, ...parsed.processes! };
    case 'exec':
      return { kind, ...parsed.exec! };
    case 'docker': {
      const { server, ca, ...rest } = parsed.docker!;
      return { kind, ...rest, api: { url: server, ca } };
    }
    case 'kubernetes': {
      const { resource, server, ...api } = parsed.kubernetes!;
      const [namespace, ...rest] = resource.split('/');
      return {
        kind,
        namespace,
        resource: rest.join('/'),
        api: server === undefined ? undefined : { url: server, ...api },
      };
    }
  }
}
