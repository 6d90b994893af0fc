// Owns a small world for simulations: one health table, several workers' pools over one load table, a fake clock, and
// requests that start, wait, fail and end at random. `check()` says what must hold after every step; it works from its own
// books (open requests, words of the health table), never from the pool's.

import assert from 'node:assert/strict';
import type { AnyBalancerKind } from '../balancing/index.ts';
import type { PoolConfig } from '../config/types.ts';
import type { Random } from '../core/env.ts';
import { proxyError } from '../core/error.ts';
import { LoadTable } from '../core/load-table.ts';
import type { Outcome } from '../core/outcome.ts';
import type { StateWord } from '../health/entry.ts';
import { HealthTable } from '../health/table.ts';
import type { Lease } from '../pool/lease.ts';
import { Pool } from '../pool/pool.ts';
import type { Refusal } from '../pool/refusal.ts';
import { SlotRegistry } from '../pool/registry.ts';
import type { PoolEndpoint } from '../pool/view.ts';
import type { WaitTicket } from '../pool/waiting-room.ts';
import { fakeClock } from './fake-clock.ts';

interface Running {
  readonly lease: Lease;
  readonly worker: number;
  readonly tried: readonly number[];
}

interface Waiting {
  readonly worker: number;
  readonly order: number;
  readonly tried: readonly number[];
  ticket: WaitTicket | undefined;
}

export interface WorldOptions {
  readonly random: Random;
  readonly workers: number;
  readonly zone: string;
  readonly config: PoolConfig;
  readonly kind: AnyBalancerKind;
}

export class PoolWorld {
  readonly clock = fakeClock();
  readonly load: LoadTable;
  readonly health: HealthTable;
  readonly registry: SlotRegistry;
  readonly counts = { served: 0, waited: 0, refused: new Map<string, number>(), trials: 0, ejections: 0, panics: 0 };
  readonly running: Running[] = [];
  readonly waiting = new Set<Waiting>();
  config: PoolConfig;
  endpoints: readonly PoolEndpoint[] = [];
  kind: AnyBalancerKind;
  readonly #options: WorldOptions;
  readonly #tables: LoadTable[];
  #pools: Pool[] = [];
  readonly #old: Pool[][] = [];
  #order = 0;
  #misuses = 0;

  constructor(options: WorldOptions) {
    const shape = { capacity: 24, pools: 2, workers: options.workers };
    const buffer = new SharedArrayBuffer(LoadTable.byteLength(shape));
    this.#options = options;
    this.#tables = Array.from({ length: options.workers }, (_, worker) => new LoadTable(buffer, shape, worker));
    this.load = this.#tables[0];
    this.config = options.config;
    this.kind = options.kind;
    this.registry = new SlotRegistry(this.load);
    this.health = new HealthTable({ load: this.load, clock: this.clock });
    this.health.subscribe((change) => {
      if (change.to === 'ejected') this.counts.ejections++;
    });
    this.reload(options.config, options.kind, true);
  }

  reload(config: PoolConfig, kind: AnyBalancerKind, initial = false): void {
    const slots = this.registry.assign(config.name, config.endpoints);
    assert.ok(slots.ok, slots.ok ? '' : slots.error);
    const { slot, endpoints } = slots.value;
    const next = this.#tables.map(
      (load, worker) =>
        new Pool({
          name: config.name,
          slot,
          config,
          endpoints,
          kind,
          env: { clock: this.clock, random: this.#options.random, load },
          zone: this.#options.zone,
          onSignal: () => this.health.collect(),
          previous: this.#pools[worker],
        }),
    );
    const { name, health, passive, slowStart } = config;
    this.health.setPool({ name, slot, endpoints, health, passive, slowStart }, { initial });
    const before = this.#pools;
    this.#pools = next;
    this.config = config;
    this.endpoints = endpoints;
    this.kind = kind;
    before.forEach((pool, worker) => {
      pool.retire(next[worker]);
    });
    if (before.length > 0) this.#old.push(before);
    this.health.prune();
    this.registry.retain([{ name, endpoints }]);
    this.registry.sweep();
  }

  /** `viaOld` uses a retired pool, as a request does that began before a reload. */
  start(worker: number, key: string, tried: readonly number[] = [], viaOld = false): void {
    const pool = viaOld && this.#old.length > 0 ? this.#old[this.#old.length - 1][worker] : this.#pools[worker];
    const request = { key, tried };
    const answer = pool.acquire(request);
    if (!answer.refused) return this.#accept(answer, worker, tried);
    this.#refused(answer, worker, tried);
    if (answer.code !== 'pool-saturated') return;
    const waiting: Waiting = { worker, order: this.#order++, tried, ticket: undefined };
    this.waiting.add(waiting);
    let answers = 0;
    waiting.ticket = pool.wait(request, this.clock.now() + 3000, (late) => {
      assert.equal(++answers, 1, 'a waiting request is answered once');
      assert.ok(this.waiting.delete(waiting), 'a request that left is not answered');
      if (late.refused) return this.#refused(late, worker, tried);
      this.counts.waited++;
      if (tried.length === 0) this.#checkOrder(waiting);
      this.#accept(late, worker, tried);
    });
  }

  finish(index: number, outcome: Outcome, misuse: boolean): Running {
    const [request] = this.running.splice(index, 1);
    request.lease.settle(outcome);
    if (misuse) {
      request.lease.settle(outcome);
      this.#misuses++;
    }
    return request;
  }

  leave(waiting: Waiting): void {
    this.waiting.delete(waiting);
    waiting.ticket?.cancel();
  }

  word(endpoint: { id: string }): StateWord {
    return this.health.word(endpoint.id)!;
  }

  /** What must hold after every step. */
  check(): void {
    const open = new Map<number, number>();
    const trials = new Map<number, number>();
    for (const { lease } of this.running) {
      const { slot } = lease.endpoint;
      open.set(slot, (open.get(slot) ?? 0) + 1);
      if (lease.trial) trials.set(slot, (trials.get(slot) ?? 0) + 1);
    }
    for (let slot = 0; slot < this.load.shape.capacity; slot++) {
      assert.equal(this.load.inFlight[slot], open.get(slot) ?? 0, `in flight on slot ${slot}`);
      assert.ok((trials.get(slot) ?? 0) <= this.#options.workers, 'one trial at a time');
    }
    const misuses = [...this.#old, this.#pools].flat().reduce((sum, pool) => sum + pool.misuses, 0);
    assert.equal(misuses, this.#misuses, 'every double settle was noticed, and no other');
    for (const [worker, pool] of this.#pools.entries()) {
      const mine = [...this.waiting].filter((waiting) => waiting.worker === worker).length;
      assert.equal(pool.waiting, mine, 'everyone who waits is in the queue');
      assert.ok(pool.waiting <= this.config.queue.size, 'the queue is bounded');
      assert.equal(pool.view.mode, this.#expectedMode(), 'view mode');
    }
    this.#checkEjections();
  }

  /** After a settle in the only worker, or a poll in any: nobody waits while something is free for everybody. */
  checkNobodyWaitsInVain(): void {
    for (const waiting of this.waiting) {
      if (waiting.tried.length > 0) continue;
      const { view } = this.#pools[waiting.worker];
      assert.notEqual(view.mode, 'empty', 'a pool that is down says so at once');
      for (const { slot } of view.endpoints) {
        const { maxInFlight } = this.endpoints.find((endpoint) => endpoint.slot === slot)!;
        const full = maxInFlight > 0 && this.load.inFlight[slot] >= maxInFlight;
        const onTrial = view.trials.has(slot) && this.load.inFlight[slot] > 0;
        assert.ok(full || onTrial, `slot ${slot} is free while somebody waits`);
      }
    }
  }

  end(): void {
    for (const waiting of this.waiting) this.leave(waiting);
    while (this.running.length > 0) this.finish(0, { kind: 'cancelled' }, false);
    this.check();
    for (const pool of [...this.#old, this.#pools].flat()) {
      pool.retire();
      assert.equal(pool.open, 0, 'no lease is left');
    }
    this.registry.retain([]);
    assert.equal(this.registry.sweep(), 0, 'every slot can be freed');
    for (const load of this.#tables) assert.ok(load.own.every((count) => count === 0));
    this.health.stop();
    this.clock.advance(10);
    assert.equal(this.clock.pending, 0, 'no timer is left');
  }

  #accept(lease: Lease, worker: number, tried: readonly number[]): void {
    const { endpoint } = lease;
    const own = this.endpoints.find((candidate) => candidate.slot === endpoint.slot)!;
    assert.equal(own.id, endpoint.id, 'the endpoint is configured');
    assert.ok(own.weight > 0, 'weight 0 is never picked');
    assert.ok(!tried.includes(endpoint.slot), 'a tried endpoint is not picked again');
    const mode = this.#expectedMode();
    const word = this.word(endpoint);
    if (mode === 'panic') {
      this.counts.panics++;
      assert.ok(word !== 'draining' && word !== 'maintenance', `${word} is not picked, not even in panic`);
    } else {
      const serving = this.health.serving(this.config.name)!;
      assert.ok(serving.includes(endpoint.id), `${word} is not eligible`);
      if (word !== 'checking') assert.equal(lease.trial, word === 'trial');
    }
    const before = this.running.filter((running) => running.lease.endpoint.slot === endpoint.slot);
    if (own.maxInFlight > 0) assert.ok(before.length < own.maxInFlight, 'never above the limit');
    if (lease.trial && this.#options.workers === 1) {
      assert.ok(!before.some((running) => running.lease.trial), 'one trial request at a time');
    }
    if (lease.trial) this.counts.trials++;
    this.counts.served++;
    this.running.push({ lease, worker, tried });
  }

  #refused(refusal: Refusal, worker: number, tried: readonly number[]): void {
    const { code } = refusal;
    this.counts.refused.set(code, (this.counts.refused.get(code) ?? 0) + 1);
    const mode = this.#expectedMode();
    if (code === 'pool-empty') assert.ok(this.endpoints.every((endpoint) => endpoint.weight <= 0));
    if (code === 'pool-down') assert.equal(mode, 'empty');
    if (code === 'tried-all') assert.ok(this.#pools[worker].view.endpoints.every(({ slot }) => tried.includes(slot)));
    assert.notEqual(code, 'draining');
  }

  #checkOrder(served: Waiting): void {
    for (const other of this.waiting) {
      if (other.worker !== served.worker || other.tried.length > 0) continue;
      assert.ok(other.order > served.order, 'first come, first served');
    }
  }

  #checkEjections(): void {
    const { passive } = this.config;
    const members = this.health.snapshot().filter((status) => status.weight > 0);
    const ejected = members.filter((status) => status.passive.phase === 'ejected');
    if (passive === undefined) return assert.equal(ejected.length, 0);
    assert.ok(ejected.length <= Math.floor(members.length * passive.maxEjected), 'ejection cap');
    const idle = ejected.filter((status) => status.state === 'ejected').length;
    if (idle > 0) assert.ok(this.health.serving(this.config.name)!.length > 0, 'never the last one');
  }

  #expectedMode(): string {
    const { panic } = this.config;
    const configured = this.endpoints.filter((endpoint) => endpoint.weight > 0);
    const candidates = configured.filter((e) => this.word(e) !== 'draining' && this.word(e) !== 'maintenance');
    const good = candidates.filter((e) => ['up', 'trial', 'checking'].includes(this.word(e)));
    if (panic && candidates.length > 0 && good.length / candidates.length < panic.below) return 'panic';
    if (good.length === 0) return 'empty';
    const proven = good.filter((e) => this.word(e) !== 'checking');
    const usable = proven.length > 0 ? proven : good;
    const lowest = (list: readonly PoolEndpoint[]) => Math.min(...list.map((endpoint) => endpoint.tier));
    return lowest(usable) === lowest(configured) ? 'normal' : 'fallback-tier';
  }
}

export const FAILED: Outcome = { kind: 'failed', error: proxyError('connect-failed') };
