// Owns what is known of one endpoint and how it is composed into one word and into the STATE bits workers read.
// Pure; table.ts is the only one that changes an entry.
//
//   operator's word  >  active checks say down  >  ejected by traffic  >  checking  >  trial  >  up
//   (the leftmost that applies is the state; the others are kept and show again when it is taken back)

import type { AdaptiveConfig, BreakerConfig, HealthConfig, PassiveConfig, SlowStartConfig } from '../config/types.ts';
import type { Endpoint, EndpointId } from '../core/endpoint.ts';
import { STATE } from '../core/load-table.ts';
import { withLeftOver } from './left-over.ts';
import { type CheckState, initialCheck, isPending, type Verdict } from './machine.ts';
import { CLOSED, type OutlierState } from './outlier.ts';
import type { OverrideMode } from './override.ts';
import type { ProbeHistory } from './probe-history.ts';

export type StateWord = 'checking' | 'up' | 'down' | 'ejected' | 'trial' | 'draining' | 'maintenance';

/** What one probe found. `evidence` is for people: `GET /health → 503 in 12 ms; database: failing`. */
export interface ProbeResult {
  readonly ok: boolean;
  readonly tookMs: number;
  readonly evidence: string;
  /** Named dependencies of the backend's own health document; true is working. */
  readonly checks?: Readonly<Record<string, boolean>>;
}

/** A pool as the health table needs it. `endpoints` is the whole set, weight 0 included. */
export interface PoolHealth {
  readonly name: string;
  readonly slot: number;
  readonly health: HealthConfig | undefined;
  readonly passive: PassiveConfig | undefined;
  readonly slowStart: SlowStartConfig | undefined;
  readonly breaker?: BreakerConfig | undefined;
  readonly adaptive?: AdaptiveConfig | undefined;
  readonly endpoints: readonly Endpoint[];
}

export interface Entry {
  readonly id: EndpointId;
  endpoint: Endpoint;
  pool: PoolHealth;
  check: CheckState;
  /** What balancers that share their verdicts agreed on; undefined: our own checks decide. */
  agreed: Verdict | undefined;
  outlier: OutlierState;
  mode: OverrideMode;
  word: StateWord;
  /** Wall-clock ms of the last change of the word. */
  since: number;
  lastProbe: (ProbeResult & { readonly at: number }) | undefined;
  /** Made with the first result. */
  history: ProbeHistory | undefined;
  /** Times probes or traffic took it out of service: from a word that serves to one that does not. */
  flaps: number;
  /** Came with the first configuration: nothing was running before, so it needs no slow start. */
  initial: boolean;
  /** No longer configured, but old views may still use it: see HealthTable.prune. */
  leaving: boolean;
  /** The pool could not spare it when it should have been ejected; said once in the timeline. */
  withheld: boolean;
  /** Requests from before the ejection that still ran when the trial began. */
  leftOver: number;
  /** Counters of the load table up to which traffic was read. */
  seenFailures: number;
  seenTrials: number;
}

/** Without active checks an endpoint is taken to be up: traffic is the only thing that can say otherwise. */
export function newEntry(endpoint: Endpoint, pool: PoolHealth, initial: boolean, now: number, epoch: number): Entry {
  const verdict = pool.health === undefined ? 'up' : 'checking';
  return {
    id: endpoint.id,
    endpoint,
    pool,
    check: initialCheck(verdict, now),
    agreed: undefined,
    outlier: CLOSED,
    mode: 'ready',
    word: 'checking',
    since: epoch,
    lastProbe: undefined,
    history: undefined,
    flaps: 0,
    initial,
    leaving: false,
    withheld: false,
    leftOver: 0,
    seenFailures: 0,
    seenTrials: 0,
  };
}

/** Of active checks. */
export function verdictOf({ agreed, check }: Entry): Verdict {
  return agreed ?? check.verdict;
}

export function wordOf(entry: Entry): StateWord {
  if (entry.mode === 'maintenance') return 'maintenance';
  if (entry.mode === 'drain') return 'draining';
  const verdict = verdictOf(entry);
  if (verdict === 'down') return 'down';
  if (entry.outlier.phase === 'ejected') return 'ejected';
  if (verdict === 'checking') return 'checking';
  return entry.outlier.phase === 'trial' ? 'trial' : 'up';
}

export function bitsOf(entry: Entry): number {
  let bits: number = STATE.used;
  if (entry.mode === 'maintenance') bits |= STATE.maintenance;
  if (entry.mode === 'drain') bits |= STATE.draining;
  if (mayChangeSoon(entry)) bits |= STATE.pending;
  if (entry.outlier.phase === 'ejected') return bits;
  const verdict = verdictOf(entry);
  if (verdict === 'up') bits |= STATE.up;
  if (verdict === 'checking') bits |= STATE.checking;
  return entry.outlier.phase === 'trial' ? withLeftOver(bits | STATE.trial, entry.leftOver) : bits;
}

/** Could active checks change the state soon? The next probe then comes sooner, and DNS answers live shorter. */
export function mayChangeSoon(entry: Entry): boolean {
  if (entry.pool.health === undefined) return false;
  if (isPending(entry.check)) return true;
  // Good probes end an ejection. One that is down as well is no nearer to its end than any that is down.
  return verdictOf(entry) !== 'down' && entry.outlier.phase === 'ejected';
}

/** May it be picked, as far as health is concerned? */
export function isServing(entry: Entry): boolean {
  if (entry.leaving || entry.endpoint.weight <= 0) return false;
  return serves(entry.word);
}

export function serves(word: StateWord): boolean {
  return word === 'up' || word === 'trial' || word === 'checking';
}
