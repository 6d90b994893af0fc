// Owns what the parts of a cluster must be to each other.

import { clusterConfig, type ParsedCluster } from '../schema/cluster.ts';
import type { ClusterConfig } from '../types.ts';
import type { Findings } from './findings.ts';

export function compileCluster(
  parsed: ParsedCluster | null | undefined,
  findings: Findings,
): ClusterConfig | undefined {
  if (parsed == null) return undefined;
  const { health, secret, secretFile } = parsed;
  if (health !== null && health.quorum !== 'majority' && health.quorum > health.vantages)
    findings.add(
      ['cluster', 'health', 'quorum'],
      `is ${health.quorum}, but there are only ${health.vantages} vantages`,
      'write majority, or more vantages',
    );
  if (secret !== undefined && secretFile !== undefined)
    findings.add(['cluster'], 'needs either "secret" or "secretFile", not both');
  return clusterConfig(parsed);
}
