// Owns the list of kinds of active checks: one line each.

import type { ProbeConfig } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import { http } from './http.ts';
import type { Probe, ProbeKind } from './probe.ts';
import { tcp } from './tcp.ts';

type Kinds = { readonly [K in ProbeConfig['kind']]: ProbeKind<Extract<ProbeConfig, { readonly kind: K }>> };

export const PROBES: Kinds = { http, tcp };

export function buildProbe(config: ProbeConfig, clock: Clock): Probe {
  return config.kind === 'http' ? PROBES.http.build(config, clock) : PROBES.tcp.build(config, clock);
}
