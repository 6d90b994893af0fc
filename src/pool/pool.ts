// Owns one worker's use of a pool: acquire picks and counts, settle un-counts and teaches (load, outliers). Health is read
// from the load table and never written; what may be picked is view.ts, which one of them is the balancer's.
// Hot path: no closures, no allocation but the lease.
//
//   serving ──retire(successor)──▶ delegating   (running leases settle here; waiters and new requests move on)
//      └──────retire()──────────▶ closed        (running leases settle here; everything else is refused)

import type { Balancer, BalancerEnv, BalancerKind } from '../balancing/balancer.ts';
import { leastConnections } from '../balancing/least-connections.ts';
import type { PoolConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import { LATENCY_UNITS_PER_MS, STATE } from '../core/load-table.ts';
import type { Outcome } from '../core/outcome.ts';
import { take as takeTurn } from '../limits/gcra.ts';
import { RetryBudget } from '../limits/retry-budget.ts';
import { BreakerGate } from './breaker-gate.ts';
import { Exclusions } from './exclusions.ts';
import { type Foresight, foresee, type PoolInsides } from './foresight.ts';
import { Lease, type Lessor } from './lease.ts';
import type { AcquireRequest } from './queue.ts';
import { REFUSALS, type Refusal } from './refusal.ts';
import { TrialGate } from './trial-gate.ts';
import { buildView, limitOf, type PoolEndpoint, type PoolView } from './view.ts';
import { WaitingRoom, type WaitTicket } from './waiting-room.ts';

export interface PoolOptions {
  readonly name: string;
  /** Pool slot of the load table. */
  readonly slot: number;
  readonly config: PoolConfig;
  readonly endpoints: readonly PoolEndpoint[];
  // biome-ignore lint/suspicious/noExplicitAny: the options were checked against the kind's own schema
  readonly kind: BalancerKind<any>;
  readonly env: BalancerEnv;
  /** This balancer's own zone; '' for none. */
  readonly zone: string;
  /** Traffic proved something that the health table should collect. */
  readonly onSignal: () => void;
  /** The pool of the same name that this one will replace. */
  readonly previous?: Pool | undefined;
}

export class Pool implements Lessor {
  readonly name: string;
  readonly config: PoolConfig;
  readonly retryBudget: RetryBudget;
  readonly #options: PoolOptions;
  readonly #waiting: WaitingRoom;
  readonly #gate: TrialGate;
  readonly #exclusions: Exclusions;
  readonly #breaker: BreakerGate | undefined;
  /** The breaker is of the pool as a whole, too. */
  readonly #isGated: boolean;
  #view: PoolView;
  #balancer: Balancer;
  /** For requests that last; made when the first one comes. */
  #lasting: Balancer | undefined;
  #guarded = false;
  #retired = false;
  #successor: Pool | undefined;
  #open = 0;
  #misuses = 0;

  constructor(options: PoolOptions) {
    const { config, previous, env, kind } = options;
    this.name = options.name;
    this.config = config;
    this.#options = options;
    const { budget, budgetMin } = config.retries;
    const kept = previous?.retryBudget;
    const same = kept?.ratio === budget && kept.minPerSecond === budgetMin;
    this.retryBudget = same ? kept : new RetryBudget(budget, budgetMin);
    this.#waiting = new WaitingRoom(env.clock, config.queue, (request) => this.#take(request));
    this.#gate = previous === undefined ? new TrialGate(env.load) : previous.#gate;
    this.#exclusions = new Exclusions(env, this.#gate);
    const { breaker } = config;
    this.#breaker = breaker && new BreakerGate(env.load, options.slot, breaker);
    this.#isGated = breaker !== undefined && breaker.scope !== 'endpoint';
    this.#view = this.#build();
    const handedOn =
      previous !== undefined && previous.#options.kind.name === kind.name ? previous.#balancer : undefined;
    this.#balancer = kind.build(this.#view, config.balance.options, env, handedOn);
  }

  /** What may be picked right now. */
  get view(): PoolView {
    this.#refresh();
    return this.#view;
  }

  get endpoints(): readonly PoolEndpoint[] {
    return this.#options.endpoints;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  /** Leases of this pool that are not settled. */
  get open(): number {
    return this.#open;
  }

  /** Leases that were settled twice: always 0 unless the caller has a bug. */
  get misuses(): number {
    return this.#misuses;
  }

  acquire(request: AcquireRequest): Lease | Refusal {
    if (this.#retired) return this.#successor === undefined ? REFUSALS.draining : this.#successor.acquire(request);
    // Whoever waits comes first; only a request that nobody waiting stands in front of may go on.
    if (this.#waiting.size > 0 && this.#waiting.mustWait()) return REFUSALS['pool-saturated'];
    return this.#take(request);
  }

  /** Somebody else could be tried. */
  offers(tried: readonly number[]): boolean {
    const { endpoints, reserve } = this.view;
    const isNew = ({ slot }: PoolEndpoint): boolean => !tried.includes(slot);
    return endpoints.some(isNew) || reserve.some(isNew);
  }

  /**
   * Waits for an endpoint after `acquire` said `pool-saturated`. The callback is called exactly once unless cancelled:
   * at once, before this returns, when there is no room to wait. `request` must not change while it waits.
   */
  wait(request: AcquireRequest, deadline: number, callback: (answer: Lease | Refusal) => void): WaitTicket {
    if (this.#successor !== undefined) return this.#successor.wait(request, deadline, callback);
    return this.#waiting.wait(request, deadline, callback);
  }

  /**
   * Takes the pool out of use. With a successor, waiting and new requests go on there; call it right after the successor
   * was published. Running leases settle here in any case.
   */
  retire(successor?: Pool): void {
    if (this.#retired) return;
    this.#retired = true;
    this.#successor = successor;
    this.#waiting.close(successor === undefined ? undefined : successor.#waiting);
  }

  learn(lease: Lease, outcome: Outcome): void {
    if (outcome.kind === 'cancelled' || (outcome.kind === 'failed' && outcome.error.side !== 'upstream')) return;
    const { load, clock } = this.#options.env;
    const { slot } = lease.endpoint;
    const breaker = this.#breaker;
    if (breaker !== undefined) {
      if (breaker.learn(slot, outcome, lease.tries)) this.#options.onSignal();
      lease.tries = false;
    }
    // A fast error must not make the endpoint look fast, so it is no sample.
    if (outcome.kind === 'ok' && !this.#isFailureStatus(outcome.status)) {
      load.sample(slot, outcome.firstByteMs, clock.now());
      if (this.config.adaptive !== undefined) {
        Atomics.add(load.samples, slot, 1);
        Atomics.add(load.latency, slot, Math.round(outcome.firstByteMs * LATENCY_UNITS_PER_MS));
      }
      if (!lease.trial) return;
      if (breaker === undefined || !(breaker.isFailure(outcome) || breaker.isSlow(outcome))) {
        Atomics.add(load.trialSuccesses, slot, 1);
        return this.#options.onSignal();
      }
    }
    // A request from before the ejection says nothing about the recovery.
    if (!lease.trial && (Atomics.load(load.state, slot) & STATE.trial) !== 0) return;
    Atomics.add(load.failures, slot, 1);
    if (this.config.passive !== undefined || breaker !== undefined) this.#options.onSignal();
  }

  /** What `acquire` would answer, and then again after failures, `count` times in all; takes and changes nothing. */
  foresee(request: AcquireRequest, random: Random, count: number): Foresight {
    if (this.#successor !== undefined) return this.#successor.foresee(request, random, count);
    this.#refresh();
    const { kind, env, endpoints, slot, zone } = this.#options;
    const now = request.lasting === true ? this.#forLasting() : this.#balancer;
    const isOwn = now === this.#balancer;
    const used = isOwn ? kind : leastConnections;
    const insides: PoolInsides = {
      config: this.config,
      slot,
      zone,
      endpoints,
      env,
      view: this.#view,
      gate: this.#gate,
      isGated: this.#isGated,
      isGuarded: this.#guarded,
      exclusions: this.#exclusions,
      // Kinds that hash remember nothing, and may be slow to build.
      copy: (chance) =>
        used.needs === 'key'
          ? now
          : used.build(this.#view, isOwn ? this.config.balance.options : {}, { ...env, random: chance }, now),
      servesPinned: (pinned) => this.servesPinned(pinned),
      elsewhere: () => this.#bestElsewhere(),
    };
    return foresee(insides, request, random, count);
  }

  settled(lease: Lease, outcome: Outcome, teaches: boolean): void {
    this.#open--;
    this.#options.env.load.end(lease.endpoint.slot);
    if (lease.trial) this.#gate.end(lease.endpoint.slot);
    if (teaches) this.learn(lease, outcome);
    if (lease.tries) this.#breaker?.giveBack();
    this.#freed();
  }

  /** A place became free: here, or in a pool that this one replaced. */
  #freed(): void {
    if (this.#successor !== undefined) this.#successor.#freed();
    else if (this.#waiting.size > 0) this.#waiting.serve();
  }

  misused(): void {
    this.#misuses++;
  }

  #take(request: AcquireRequest): Lease | Refusal {
    return this.#isGated ? this.#takeGated(request, this.#breaker!) : this.#pick(request);
  }

  /** While the breaker is half-open, so many go through to find out. */
  #takeGated(request: AcquireRequest, breaker: BreakerGate): Lease | Refusal {
    const pass = breaker.enter();
    if (pass === 'refused') return REFUSALS['breaker-open'];
    const answer = this.#pick(request);
    if (pass === 'free') return answer;
    if (answer.refused) breaker.giveBack();
    else answer.tries = true;
    return answer;
  }

  #pick(request: AcquireRequest): Lease | Refusal {
    this.#refresh();
    const { pinned } = request;
    if (pinned !== undefined && pinned >= 0) {
      const answer = request.tried.includes(pinned) ? undefined : this.#takePinned(pinned);
      if (answer !== undefined) return answer;
      if (request.strict === true && this.#kept(pinned) !== undefined) return this.#refusePinned(request, pinned);
    }
    const exclusions = this.#exclusions;
    exclusions.key = request.key;
    const balancer = request.lasting === true ? this.#forLasting() : this.#balancer;
    if (!this.#guarded && request.tried.length === 0) {
      exclusions.excluding = false;
      const endpoint = balancer.pick(exclusions);
      if (endpoint === undefined) return this.#nothing();
      this.#options.env.load.begin(endpoint.slot);
      this.#open++;
      return new Lease(endpoint, false, this);
    }
    exclusions.excluding = true;
    exclusions.tried = request.tried;
    // Other workers change the counts meanwhile, so a pick may turn out to be taken; each round excludes what is full.
    for (let round = this.#view.endpoints.length; round >= 0; round--) {
      const endpoint = balancer.pick(exclusions);
      if (endpoint === undefined) break;
      const lease = this.#claim(endpoint as PoolEndpoint);
      if (lease !== undefined) return lease;
    }
    return this.#takeElsewhere();
  }

  #forLasting(): Balancer {
    if (this.config.upgrades === 'balance') return this.#balancer;
    this.#lasting ??= leastConnections.build(this.#view, {}, this.#options.env);
    return this.#lasting;
  }

  /** Whoever is pinned may still use an endpoint that drains, but none that is down, ejected or in maintenance. */
  #takePinned(slot: number): Lease | undefined {
    const endpoint = this.servesPinned(slot) ? this.#kept(slot) : undefined;
    return endpoint && this.#claim(endpoint);
  }

  servesPinned(slot: number): boolean {
    const state = Atomics.load(this.#options.env.load.state, slot);
    return (state & (STATE.up | STATE.checking)) !== 0 && (state & STATE.maintenance) === 0;
  }

  /** It belongs to the pool, and may serve again. */
  #kept(slot: number): PoolEndpoint | undefined {
    return this.#options.endpoints.find((one) => one.slot === slot && one.weight > 0);
  }

  #refusePinned({ tried }: AcquireRequest, slot: number): Refusal {
    return REFUSALS[tried.includes(slot) ? 'tried-all' : this.servesPinned(slot) ? 'pool-saturated' : 'pinned-down'];
  }

  /** Counts first and looks then: two workers can never both believe that the last place is theirs. */
  #claim(endpoint: PoolEndpoint): Lease | undefined {
    const { load, clock } = this.#options.env;
    const { slot } = endpoint;
    const inFlight = load.begin(slot);
    const trial = this.#view.trials.has(slot);
    const limit = limitOf(this.#view, load, slot);
    if (inFlight > load.peak[slot]) load.peak[slot] = inFlight;
    const rate = this.#view.rates.get(slot);
    if ((limit !== undefined && inFlight > limit) || (trial && !this.#gate.begin(slot, inFlight))) {
      load.end(slot);
      return undefined;
    }
    if (rate !== undefined && !takeTurn(load.rate, slot, rate, clock.now())) {
      if (trial) this.#gate.end(slot);
      load.end(slot);
      return undefined;
    }
    this.#open++;
    return new Lease(endpoint, trial, this);
  }

  /** A retry that has tried the whole view goes to other tiers and zones before it gives up. */
  #takeElsewhere(): Lease | Refusal {
    const { endpoints, reserve } = this.#view;
    if (endpoints.length === 0) return this.#nothing();
    const exclusions = this.#exclusions;
    if (!endpoints.every((endpoint) => exclusions.wasTried(endpoint))) return REFUSALS['pool-saturated'];
    if (reserve.every((endpoint) => exclusions.wasTried(endpoint))) return REFUSALS['tried-all'];
    const best = this.#bestElsewhere();
    return (best && this.#claim(best)) ?? REFUSALS['pool-saturated'];
  }

  #bestElsewhere(): PoolEndpoint | undefined {
    let best: PoolEndpoint | undefined;
    for (const endpoint of this.#view.reserve) {
      if (this.#exclusions.excludes(endpoint)) continue;
      if (
        best === undefined ||
        endpoint.tier < best.tier ||
        (endpoint.tier === best.tier && this.#lessBusy(endpoint, best))
      )
        best = endpoint;
    }
    return best;
  }

  #lessBusy(a: PoolEndpoint, b: PoolEndpoint): boolean {
    const { inFlight } = this.#options.env.load;
    return (inFlight[a.slot] + 1) / a.weight < (inFlight[b.slot] + 1) / b.weight;
  }

  #nothing(): Refusal {
    const configured = this.#options.endpoints.some((endpoint) => endpoint.weight > 0);
    return configured ? REFUSALS['pool-down'] : REFUSALS['pool-empty'];
  }

  #refresh(): void {
    const { env, slot, kind } = this.#options;
    if (Atomics.load(env.load.poolVersion, slot) === this.#view.version) return;
    this.#view = this.#build();
    this.#balancer = kind.build(this.#view, this.config.balance.options, env, this.#balancer);
    this.#lasting = undefined;
  }

  #build(): PoolView {
    const { env, slot, endpoints, zone } = this.#options;
    // Read before the bits: if they change meanwhile, the version moves on and the next request builds again.
    const version = Atomics.load(env.load.poolVersion, slot);
    const view = buildView(endpoints, env.load, this.config, zone, env.clock.now(), version);
    this.#gate.sync(view.trials);
    this.#exclusions.view = view;
    this.#guarded = view.limits.size > 0 || view.rates.size > 0 || view.trials.size > 0;
    return view;
  }

  #isFailureStatus(status: number): boolean {
    const { passive } = this.config;
    if (passive === undefined) return false;
    for (const [low, high] of passive.status) if (status >= low && status <= high) return true;
    return false;
  }
}
