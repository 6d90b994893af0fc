// Owns the list of kinds of active checks: one line each.

import type { ProbeConfig } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import { grpc } from './grpc.ts';
import { http } from './http.ts';
import { mysql } from './mysql.ts';
import { postgres } from './postgres.ts';
import type { Probe, ProbeKind } from './probe.ts';
import { redis } from './redis.ts';
import { smtp } from './smtp.ts';
import { tcp } from './tcp.ts';
import { tls } from './tls.ts';
import { udp } from './udp.ts';

type Kinds = { readonly [K in ProbeConfig['kind']]: ProbeKind<Extract<ProbeConfig, { readonly kind: K }>> };

export const PROBES: Kinds = { http, grpc, tcp, udp, tls, redis, mysql, postgres, smtp };

/** `prelude` is what the probed port expects in front of everything: a PROXY header that says "nobody's". */
export function buildProbe(config: ProbeConfig, clock: Clock, prelude?: Buffer): Probe {
  const kind = PROBES[config.kind] as ProbeKind;
  return kind.build(config, clock, prelude);
}
