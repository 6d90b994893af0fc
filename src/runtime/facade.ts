// Owns what the admin server, the CLI and embedders may see of a running balancer. Everything behind it may change.

import type { ConfigIssue } from '../config/issues.ts';
import type { Plan } from '../config/plan.ts';
import type { AutoscaleConfig, Config, EndpointConfig, Protocol } from '../config/types.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Result } from '../core/result.ts';
import type { BreakerReport } from '../health/breakers.ts';
import type { StateWord } from '../health/entry.ts';
import type { Verdict } from '../health/machine.ts';
import type { OverrideMode } from '../health/override.ts';
import type { Hindsight } from '../health/probe-history.ts';
import type { EndpointStatus } from '../health/status.ts';
import type { HealthChange } from '../health/timeline.ts';
import type { Purge } from '../http/cache/memory.ts';
import type { Challenge } from '../tls/challenges.ts';
import type { ClusterStatus } from './cluster-status.ts';
import type { Origin } from './desired.ts';
import type { Explanation, Question } from './explain/explanation.ts';

export { LATENCY_BOUNDS_MS } from '../core/counters.ts';
export type * from './cluster-status.ts';
export type * from './explain/explanation.ts';
export type {
  AutoscaleConfig,
  Challenge,
  Config,
  ConfigIssue,
  EndpointConfig,
  HealthChange,
  OverrideMode,
  Plan,
  Purge,
  Result,
  StateWord,
  Verdict,
};

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
  readonly origin: Origin;
  /** Upgraded connections (WebSockets) that are open. */
  readonly streams: number;
}

/** Numbers since the start. */
export interface LiveEndpoint {
  readonly id: EndpointId;
  readonly pool: string;
  readonly state: StateWord;
  readonly weight: number;
  readonly inFlight: number;
  readonly streams: number;
  readonly requests: number;
  readonly failures: number;
  readonly status4xx: number;
  readonly status5xx: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Counts by `LATENCY_BOUNDS_MS`, of times to the first byte. */
  readonly latency: readonly number[];
}

export interface LivePool {
  readonly name: string;
  readonly mode: string;
  readonly requests: number;
  readonly retries: number;
  readonly queued: number;
  /** That requests waited for an endpoint, in all. */
  readonly queueMs: number;
  /** Counts by `LATENCY_BOUNDS_MS`, of whole response times. */
  readonly latency: readonly number[];
}

export interface LiveListener {
  readonly name: string;
  readonly open: number;
  readonly requests: number;
  readonly status5xx: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface LiveRoute {
  readonly listener: string;
  readonly name: string;
  /** Where its requests go; several for splits and tables. */
  readonly pools: readonly string[];
  readonly requests: number;
  readonly failures: number;
}

export interface Live {
  /** Wall-clock ms. */
  readonly at: number;
  readonly routes: readonly LiveRoute[];
  readonly listeners: readonly LiveListener[];
  readonly pools: readonly LivePool[];
  readonly endpoints: readonly LiveEndpoint[];
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

/** How a source of endpoints stands. */
export interface DiscoveryReport {
  readonly pool: string;
  readonly kind: string;
  readonly where: string;
  /** `stale`: it fails, and what it found last is kept. */
  readonly state: 'waiting' | 'ok' | 'stale';
  readonly endpoints: number;
  readonly lastError: string | undefined;
  /** What was left out of the last set, and why; '' for nothing. */
  readonly note: string;
  /** Wall-clock ms; 0: never. */
  readonly lastSuccess: number;
  /** Sets that came, and looks that failed. */
  readonly updates: number;
  readonly errors: number;
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
  readonly discovery: readonly DiscoveryReport[];
  /** Undefined: this balancer is alone. */
  readonly cluster: ClusterStatus | undefined;
  /** What operators changed beside the configuration. */
  readonly runtime: RuntimeChanges;
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

/** Sites and the client networks that were measured, with where they are. */
export interface WorldReport {
  readonly sites: readonly {
    readonly name: string;
    readonly addresses: readonly string[];
    /** '' when it has none, and is always up. */
    readonly pool: string;
    /** `up`, `down` (nobody in its pool serves), `draining` or `maintenance`. */
    readonly state: string;
    readonly location: { readonly latitude: number; readonly longitude: number } | undefined;
  }[];
  readonly networks: readonly (LatencyReport['entries'][number] & {
    /** ISO 3166-1; '' while no database of places is in use. */
    readonly country: string;
    readonly location: { readonly latitude: number; readonly longitude: number } | undefined;
  })[];
}

export type ReloadResult = Result<{ readonly version: number; readonly plan: Plan }, ConfigIssue[]>;

export interface StopReport {
  /** What did not finish within the deadline. */
  readonly cutRequests: number;
  readonly cutStreams: number;
  readonly tookMs: number;
}

/** What was asked for is in effect; `saved`: it also outlives a restart. */
export type Changed = Result<{ readonly saved: boolean }, ConfigIssue[]>;

export interface RuntimeChange {
  /** An endpoint, a site (`@sites/name`) or `split name`. */
  readonly what: string;
  /** `weight 3`, `added`, `removed`, `drain`, `maintenance`, or weights of variants. */
  readonly change: string;
  /** Wall-clock ms. */
  readonly at: number;
  readonly note: string;
}

/** What operators changed beside the configuration. */
export interface RuntimeChanges {
  /** Where it is kept; '' for nowhere. */
  readonly file: string;
  /** It outlives a restart. */
  readonly saved: boolean;
  /** Why it could not be written; '' otherwise. */
  readonly problem: string;
  readonly changes: readonly RuntimeChange[];
}

export interface DrainProgress {
  readonly id: EndpointId;
  readonly note: string;
  /** `late`: the deadline has passed and something still runs. `ended`: somebody said otherwise, or it is gone. */
  readonly phase: 'draining' | 'late' | 'empty' | 'ended';
  /** Wall-clock ms. */
  readonly startedAt: number;
  readonly tookMs: number;
  /** Until the deadline; undefined for none. */
  readonly leftMs: number | undefined;
  /** In flight when it began. */
  readonly began: number;
  readonly inFlight: number;
  /** Upgraded connections (WebSockets) among them. */
  readonly streams: number;
  /** Pinned here; undefined in pools without affinity. */
  readonly sessions: number | undefined;
  /** At the pace of the last seconds; undefined when there is none. */
  readonly estimateMs: number | undefined;
}

/** What runs on an endpoint now. */
export interface Running {
  readonly inFlight: number;
  /** Of these, upgraded connections. */
  readonly streams: number;
  /** Sessions that come back here; undefined in pools without affinity. */
  readonly sessions: number | undefined;
}

/** What operators may change while it runs. Ids are `pool/host:port`; `note` says who and why. */
export interface Operations {
  setMode(id: EndpointId, mode: OverrideMode, note: string): Promise<Changed>;
  setWeight(id: EndpointId, weight: number, note: string): Promise<Changed>;
  /** `written` as in a file: `host:port`, or an object. */
  addEndpoint(pool: string, written: unknown, note: string): Promise<Changed>;
  removeEndpoint(id: EndpointId, note: string): Promise<Changed>;
  /** Whatever was said about an endpoint. */
  takeBack(id: EndpointId, note: string): Promise<Changed>;
  /** Changes the weights of a split, by variant, until its configuration changes; a rollout of it stops. */
  setSplit(name: string, weights: Readonly<Record<string, number>>, note: string): Promise<Changed>;
  /** Back to the configured weights; a rollout begins anew. */
  resetSplit(name: string, note: string): Promise<Changed>;
  /** Takes a site out of DNS answers, and drains its endpoints when those have run out: in so many seconds. */
  drainSite(name: string, note: string): Result<number, string>;
  readySite(name: string, note: string): Result<void, string>;
  /** No new work from now on; at the deadline (0: none) sessions that are pinned there are moved. */
  drain(id: EndpointId, deadlineMs: number, note: string): Result<DrainProgress, string>;
  /** Of the newest drain; undefined when there was none. */
  drainProgress(id: EndpointId): DrainProgress | undefined;
  drains(): readonly DrainProgress[];
  /** Undefined: there is no such endpoint. */
  running(id: EndpointId): Running | undefined;
  changes(): RuntimeChanges;
}

export interface ConfigurationVersion {
  readonly version: number;
  /** Of what was written; for `ifMatch`. */
  readonly etag: string;
  /** Wall-clock ms. */
  readonly at: number;
  readonly note: string;
}

export interface ConfigurationState extends ConfigurationVersion {
  readonly file: string;
  /** A program cannot be replaced by a document. */
  readonly isProgram: boolean;
  /** The file says the same; otherwise it is gone with the process. */
  readonly saved: boolean;
  /** With every default, without secrets. */
  readonly document: Readonly<Record<string, unknown>>;
}

export interface Planned {
  /** Of what is in effect now. */
  readonly etag: string;
  readonly plan: Plan;
}

export interface Proposal {
  /** The etag of what the author saw. */
  readonly ifMatch: string;
  /** Write it to the file as well. */
  readonly save: boolean;
  readonly note: string;
}

export type ProposalRefusal =
  | { readonly kind: 'issues'; readonly issues: readonly ConfigIssue[] }
  /** Somebody was faster. */
  | { readonly kind: 'conflict'; readonly etag: string }
  /** In effect, but the file could not be written. */
  | { readonly kind: 'unsaved'; readonly problem: string; readonly etag: string };

/** The configuration as it was written. */
export interface Configurations {
  current(): ConfigurationState;
  /** With its secrets. */
  text(): string;
  /** Newest first. */
  versions(): readonly ConfigurationVersion[];
  plan(text: string): Result<Planned, ConfigIssue[]>;
  propose(text: string, proposal: Proposal): Promise<Result<Planned, ProposalRefusal>>;
  rollback(version: number, proposal: Proposal): Promise<Result<Planned, ProposalRefusal>>;
  reload(why: string): Promise<ReloadResult>;
}

export type BalancerEvent =
  | { readonly kind: 'health'; readonly change: HealthChange }
  /** Another configuration, or another set of endpoints, is in effect. */
  | { readonly kind: 'config'; readonly version: number; readonly plan: Plan }
  /** Operators changed something, or took it back. */
  | { readonly kind: 'changes' };

export interface CheckedTarget {
  readonly id: EndpointId;
  readonly timeoutMs: number;
}

/** Certificates and challenges of all balancers. */
export interface SharedAcme {
  /** It is our turn to order for all. */
  mayOrder(): boolean;
  publishCertificate(file: string, text: string): void;
  onCertificate(listener: (file: string, text: string) => void): void;
  /** All that are pending here. Resolves when the others can answer. */
  publishChallenges(all: readonly Challenge[]): Promise<void>;
  /** All that are pending elsewhere. */
  onChallenges(listener: (all: readonly Challenge[]) => void): void;
}

/** For balancers that share what they find out. */
export interface Sharing {
  /** What active checks look at. */
  checked(): readonly CheckedTarget[];
  /** What is probed here; undefined: everything. Call again when the answers change. */
  probeOnly(may: ((id: EndpointId) => boolean) | undefined): void;
  /** Hears what our own checks say, after each of them. */
  onProbe(listener: (id: EndpointId, verdict: Verdict, evidence: string) => void): void;
  /** What was agreed on; undefined: our own checks decide. */
  adopt(id: EndpointId, verdict: Verdict | undefined, evidence: string): void;
  /** Measured by a balancer of another site. */
  learnLatency(report: LatencyReport): void;
  shareAcme(shared: SharedAcme): void;
  tellStatus(status: () => ClusterStatus): void;
}

export interface Balancer {
  /** In effect, with what was found and what operators changed. */
  readonly config: Config;
  readonly operations: Operations;
  readonly sharing: Sharing;
  /** Applies a configuration as a whole, or not at all. */
  apply(next: Config, kindsFile?: string): Promise<ReloadResult>;
  /** Endpoints that somebody starts and stops, beside those of the configuration: a whole set each time. */
  setEndpoints(pool: string, endpoints: readonly EndpointConfig[]): Promise<ConfigIssue[] | undefined>;
  status(): Promise<Status>;
  /** Numbers since the start, in the order of `status()`; cheap enough for every second. */
  live(): Live;
  /** Oldest first; of one endpoint, or of all. */
  timeline(id?: EndpointId): readonly HealthChange[];
  /** What other values of `fall` would have made of the newest checks; undefined where nothing is checked. */
  hindsight(id: EndpointId, falls: readonly number[]): readonly Hindsight[] | undefined;
  /** How far clients' networks are, as measured here. */
  latency(): LatencyReport;
  world(): WorldReport;
  /** Prometheus text. */
  metrics(): string;
  /** Called in the same tick. Returns the unsubscriber. */
  subscribe(listener: (event: BalancerEvent) => void): () => void;
  /** What would become of a request, connection or query, and why. The error says what is wrong with the question. */
  explain(question: Question): Promise<Result<Explanation, string>>;
  /** Takes answers out of the caches of all workers. How many. */
  purge(what: Purge): Promise<number>;
  reopenLogs(): Promise<void>;
  /** Stops accepting, lets requests finish up to the configured deadline, closes. */
  stop(): Promise<StopReport>;
}
