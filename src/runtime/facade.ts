// Owns what the admin server, the CLI and embedders may see of a running balancer. Everything behind it may change.

import type { ConfigIssue } from '../config/issues.ts';
import type { Plan } from '../config/plan.ts';
import type { Config, Protocol } from '../config/types.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Result } from '../core/result.ts';
import type { BreakerReport } from '../health/breakers.ts';
import type { StateWord } from '../health/entry.ts';
import type { OverrideMode } from '../health/override.ts';
import type { EndpointStatus } from '../health/status.ts';
import type { HealthChange } from '../health/timeline.ts';
import type { Purge } from '../http/cache/memory.ts';

export type { Purge };

export interface PoolStatus {
  readonly name: string;
  readonly balance: string;
  /** What may be picked now: normal, fallback-tier, panic or empty. */
  readonly mode: string;
  readonly requests: number;
  readonly retries: number;
  readonly queued: number;
  /** Second attempts beside a silent first one, and those that answered first. */
  readonly hedges: number;
  readonly hedgesWon: number;
  /** Of the pool as a whole; undefined when it has none. */
  readonly breaker: BreakerReport | undefined;
  readonly endpoints: readonly EndpointReport[];
}

export interface EndpointReport extends EndpointStatus {
  readonly requests: number;
  /** Answered requests by class: 1xx … 5xx. */
  readonly statuses: readonly [number, number, number, number, number];
  readonly failures: number;
  /** Layer 4 only: to the endpoint, and from it. */
  readonly bytesSent: number;
  readonly bytesReceived: number;
  /** Share of the pool's requests since start, 0-1. */
  readonly share: number;
}

export interface ListenerStatus {
  readonly name: string;
  readonly protocol: Protocol | 'https' | 'dns';
  readonly address: string;
  readonly port: number;
  readonly open: number;
  readonly requests: number;
  /** Layer 4 only: who forwards the packets. */
  readonly path?: 'kernel' | 'proxy';
  /** Why `mode: auto` became a proxy; '' when there is nothing to say. */
  readonly note?: string;
}

export type RolloutPhase = 'running' | 'done' | 'halted' | 'stopped';

export interface SplitStatus {
  /** `listener/route` */
  readonly name: string;
  readonly variants: readonly {
    readonly name: string;
    readonly pool: string;
    /** Of clients, 0-1, as it is now. */
    readonly share: number;
    readonly requests: number;
    /** 5xx */
    readonly failures: number;
    readonly p95Ms: number;
  }[];
  readonly rollout:
    | {
        readonly phase: RolloutPhase;
        readonly to: string;
        /** From 0 on. */
        readonly step: number;
        /** Why it was halted or stopped; '' otherwise. */
        readonly reason: string;
        readonly forMs: number;
      }
    | undefined;
}

export interface Status {
  readonly version: string;
  readonly startedAt: number;
  readonly uptimeMs: number;
  readonly configVersion: number;
  readonly reloads: { readonly applied: number; readonly refused: number; readonly lastError: string | undefined };
  readonly draining: boolean;
  readonly workers: readonly WorkerStatus[];
  readonly listeners: readonly ListenerStatus[];
  readonly pools: readonly PoolStatus[];
  readonly splits: readonly SplitStatus[];
  /** The newest changes of health, newest first. */
  readonly changes: readonly HealthChange[];
}

export interface WorkerStatus {
  readonly worker: number;
  readonly loopDelayMs: number;
  readonly heapBytes: number;
  /** Connections take the portable, slower way: see decision 3. */
  readonly plainSockets: boolean;
  readonly restarts: number;
}

/** In the form that `latency.file` reads. */
export interface LatencyReport {
  /** Where this balancer stands; '' when nobody said. */
  readonly site: string;
  readonly entries: readonly {
    readonly network: string;
    readonly site: string;
    readonly ms: number;
    readonly weight: number;
    readonly ageMs: number;
  }[];
}

export type ReloadResult = Result<{ readonly version: number; readonly plan: Plan }, ConfigIssue[]>;

export interface StopReport {
  /** What did not finish within the deadline. */
  readonly cutRequests: number;
  readonly cutStreams: number;
  readonly tookMs: number;
}

export interface Balancer {
  readonly config: Config;
  /** Applies a configuration as a whole, or not at all. */
  apply(next: Config, kindsFile?: string): Promise<ReloadResult>;
  status(): Promise<Status>;
  /** How far clients' networks are, as measured here. */
  latency(): LatencyReport;
  /** Prometheus text. */
  metrics(): string;
  override(id: EndpointId, mode: OverrideMode, note: string): Result<StateWord, string>;
  /** Takes a site out of DNS answers, and drains its endpoints when those have run out: in so many seconds. */
  drainSite(name: string, note: string): Result<number, string>;
  readySite(name: string, note: string): Result<void, string>;
  /** Changes the weights of a split, by variant, until its configuration changes; a rollout of it stops. */
  setSplit(name: string, weights: Readonly<Record<string, number>>, note: string): Result<void, string>;
  /** Back to the configured weights; a rollout begins anew. */
  resetSplit(name: string, note: string): Result<void, string>;
  /** Takes answers out of the caches of all workers. How many. */
  purge(what: Purge): Promise<number>;
  reopenLogs(): Promise<void>;
  /** Stops accepting, lets requests finish up to the configured deadline, closes. */
  stop(): Promise<StopReport>;
}
