// Owns the step from a parsed site to the normalized one.

import type { z } from 'zod';
import { formatIp, readIp } from '../../core/ip.ts';
import { suggest } from '../issues.ts';
import type { site } from '../schema/site.ts';
import type { SiteConfig } from '../types.ts';
import type { Findings } from './findings.ts';

export function compileSite(
  name: string,
  parsed: z.output<typeof site>,
  pools: readonly string[],
  findings: Findings,
): SiteConfig {
  const at = ['sites', name];
  const { addresses, pool, location, capacity } = parsed;
  if (addresses.length === 0) findings.add([...at, 'addresses'], 'must name at least one address');
  if (pool !== undefined && !pools.includes(pool)) {
    findings.add([...at, 'pool'], `names the pool "${pool}", which does not exist`, suggest(pool, pools));
  }
  return {
    name,
    addresses: addresses.map((text, i) => address(text, [...at, 'addresses', i], findings)),
    pool,
    location,
    capacity,
  };
}

const bytes = new Uint8Array(16);

function address(text: string, path: (string | number)[], findings: Findings): string {
  const length = readIp(text, bytes);
  if (length !== 0) return formatIp(bytes, 0, length);
  findings.add(path, `has "${text}", which is no IP address`, 'sites have addresses, without port');
  return text;
}
