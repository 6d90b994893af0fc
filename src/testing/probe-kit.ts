// Owns what tests of probes share: a clock, one run against a port, evidence without its time.

import type { ProbeConfig } from '../config/types.ts';
import type { ProbeResult } from '../health/entry.ts';
import { buildProbe } from '../probes/index.ts';
import { realEnv } from '../runtime/real-env.ts';

const { clock } = realEnv();

export interface ProbeRun {
  readonly timeoutMs?: number;
  readonly host?: string;
  readonly prelude?: Buffer;
}

export async function probePort(
  config: ProbeConfig,
  port: number,
  { timeoutMs = 5000, host = '127.0.0.1', prelude }: ProbeRun = {},
): Promise<ProbeResult> {
  const controller = new AbortController();
  const timeout = clock.after(timeoutMs, () => controller.abort());
  const result = await buildProbe(config, clock, prelude).run({ host, port }, controller.signal);
  timeout.cancel();
  return result;
}

/** `ok: evidence`, for short assertions. */
export function told({ ok, evidence }: ProbeResult): string {
  return `${ok ? 'ok' : 'bad'}: ${evidence.replace(/ in [\d.]+ ms/, '')}`;
}

export const TCP = { kind: 'tcp', send: undefined, expect: undefined } as const;
export const UDP = { kind: 'udp', send: undefined, expect: undefined } as const;
