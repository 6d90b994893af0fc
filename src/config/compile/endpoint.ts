// Owns the step from a parsed endpoint to the normalized one, for endpoints of files and those that come while the balancer runs.

import { err, ok, type Result } from '../../core/result.ts';
import type { ConfigIssue, Path } from '../issues.ts';
import { knownKeys } from '../json-schema.ts';
import { endpoint, type ParsedEndpoint } from '../schema/endpoint.ts';
import type { EndpointConfig, PoolConfig } from '../types.ts';
import { translate } from '../zod-issues.ts';
import { Findings } from './findings.ts';

/** Of its pool. */
type Defaults = Pick<PoolConfig, 'maxInFlight' | 'maxRate' | 'adaptive'>;

export function compileEndpoint(
  parsed: ParsedEndpoint,
  defaults: Defaults,
  path: Path,
  findings: Findings,
): EndpointConfig {
  const { address, weight, zone, backup, tier, maxRate } = parsed;
  const maxInFlight = parsed.maxInFlight ?? defaults.maxInFlight;
  if (address.port === 0) findings.add(path, 'needs a port from 1 to 65535');
  if (backup !== undefined && tier !== 0)
    findings.add(path, 'has both "backup" and "tier"', '"backup: true" is short for "tier: 1"');
  return {
    address,
    weight,
    zone,
    tier: backup === true ? 1 : tier,
    // An adaptive limit needs an upper end.
    maxInFlight: maxInFlight === 0 && defaults.adaptive !== undefined ? defaults.adaptive.max : maxInFlight,
    maxRate: maxRate ?? defaults.maxRate,
  };
}

/** An endpoint as a file could have it, from whoever wants to add one; refused for the same reasons. */
export function readEndpoint(written: unknown, pool: PoolConfig): Result<EndpointConfig, ConfigIssue[]> {
  const parsed = endpoint.safeParse(written, { reportInput: true });
  if (!parsed.success) return err(translate(parsed.error.issues, (path) => knownKeys(endpoint, path, written)));
  const issues: ConfigIssue[] = [];
  const compiled = compileEndpoint(parsed.data, pool, [], new Findings(issues));
  return issues.length > 0 ? err(issues) : ok(compiled);
}
