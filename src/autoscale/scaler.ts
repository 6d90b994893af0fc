// Owns the size of one pool: looks once a period, decides, and sees to it that instances come and go: new ones take load when they
// answer, old ones leave when they are empty. What is decided is target-tracking.ts; who starts them is a provider.

import { connect } from 'node:net';
import type { Address } from '../core/address.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { Balancer, EndpointConfig, EndpointReport, PoolStatus } from '../runtime/facade.ts';
import type { AutoscaleConfig } from './configs.ts';
import { CpuReader } from './cpu.ts';
import { averageOf } from './metrics.ts';
import type { Instance, InstanceProvider, Provider } from './provider.ts';
import { FRESH, type ScalingReason, type ScalingState, scale } from './target-tracking.ts';

export interface ScalerParts {
  readonly pool: string;
  readonly config: AutoscaleConfig;
  readonly provider: Provider;
  readonly balancer: Balancer;
  readonly clock: Clock;
  /** Of several balancers one acts on what they share; instances that one starts itself are its own. */
  readonly holds: () => boolean;
  readonly say: (level: 'info' | 'warn', text: string, fields?: Record<string, unknown>) => void;
}

export interface ScalerReport {
  readonly pool: string;
  readonly provider: string;
  readonly metric: string;
  readonly target: number;
  /** Of one instance; undefined while it is not known. */
  readonly value: number | undefined;
  readonly min: number;
  readonly max: number;
  readonly running: number;
  readonly warming: number;
  readonly draining: number;
  readonly desired: number;
  readonly reason: ScalingReason | 'replacing' | 'not-ours';
  readonly dryRun: boolean;
  /** What stands in the way; '' for nothing. */
  readonly problem: string;
}

interface Look {
  /** May be picked, warming up or not. */
  readonly serving: number;
  readonly running: readonly EndpointReport[];
  readonly warming: number;
  readonly draining: number;
}

const DRAIN_LOOK_MS = 250;
const REACH_MS = 50;

export class Scaler {
  readonly #parts: ScalerParts;
  readonly #cpu: CpuReader | undefined;
  readonly #leaving = new Set<string>();
  #config: AutoscaleConfig;
  #state: ScalingState = FRESH;
  #timer: Timer | undefined;
  #busy = false;
  #closed = false;
  #desired: number;
  /** Monotonic ms when a provider was told a size last. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #requests = { at: 0, counts: new Map<string, number>() };
  #queue = { requests: 0, ms: 0 };
  #report: ScalerReport;

  constructor(parts: ScalerParts) {
    const { config, clock, pool } = parts;
    this.#parts = parts;
    this.#config = config;
    this.#cpu = config.source && new CpuReader(config.source, clock);
    this.#desired = config.min;
    const { metric, target, min, max, dryRun } = config;
    const none = { value: undefined, running: 0, warming: 0, draining: 0, desired: min, problem: '' };
    this.#report = {
      pool,
      provider: config.provider.kind,
      metric,
      target,
      min,
      max,
      dryRun,
      reason: 'starting',
      ...none,
    };
    void this.#tick();
  }

  get report(): ScalerReport {
    return this.#report;
  }

  /** Other bounds, other targets; the provider is the same. */
  set config(config: AutoscaleConfig) {
    this.#config = config;
  }

  /** As many as there must be answer, or so long has passed. */
  async ready(timeoutMs: number): Promise<void> {
    const { clock } = this.#parts;
    const until = clock.now() + timeoutMs;
    while (!this.#closed && clock.now() < until) {
      const { min, dryRun } = this.#config;
      if (dryRun || this.#report.problem !== '' || (await this.#recount()) >= min) return;
      await this.#pause(REACH_MS);
    }
  }

  kill(): void {
    this.#closed = true;
    const { provider } = this.#parts;
    if (provider.picks) provider.kill?.();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#timer?.cancel();
    await this.#parts.provider.close();
  }

  async #tick(): Promise<void> {
    this.#timer?.cancel();
    if (this.#busy || this.#closed) return;
    this.#busy = true;
    try {
      await this.#step();
    } catch (error) {
      this.#problem(error instanceof Error ? error.message : String(error));
    }
    this.#busy = false;
    if (!this.#closed) this.#timer = this.#parts.clock.after(this.#config.periodMs, () => void this.#tick());
  }

  async #step(): Promise<void> {
    const { provider, clock, holds } = this.#parts;
    if (provider.picks && provider.refresh !== undefined) {
      const fresh = await provider.refresh();
      if (!fresh.ok) return this.#problem(fresh.error);
      await this.#publish();
    }
    const look = await this.#look();
    const value = await this.#measure(look.running);
    const running = look.running.length;
    const pending = provider.picks ? 0 : this.#pending(running + look.warming);
    const seen = {
      nowMs: clock.now(),
      running,
      warming: look.warming + pending,
      draining: look.draining,
      metric: value,
    };
    const { next, desired, reason } = scale(this.#state, seen, this.#config);
    this.#state = next;
    const { metric, target, min, max, dryRun } = this.#config;
    const size = running + seen.warming;
    const isOurs = provider.picks || holds();
    // One that ended by itself is replaced, whatever the load is.
    const wanted = provider.picks && desired >= size ? Math.max(desired, Math.min(this.#desired, max)) : desired;
    const shown = !isOurs ? 'not-ours' : wanted > desired ? 'replacing' : reason;
    const counts = { running, warming: seen.warming, draining: look.draining, desired: wanted };
    const stays = provider.picks && wanted > size ? this.#report.problem : '';
    this.#report = {
      ...this.#report,
      metric,
      target,
      value,
      min,
      max,
      dryRun,
      reason: shown,
      problem: stays,
      ...counts,
    };
    if (wanted === size) {
      this.#desired = wanted;
      return;
    }
    const waits = provider.picks && wanted > size ? provider.waits() : '';
    if (waits !== '') return this.#problem(waits);
    const { pool, say } = this.#parts;
    const text = `pool ${pool}: ${size} → ${wanted} instances (${shown})`;
    const fields = { metric, target, value };
    if (dryRun) return say('info', `${text}; dry run: nothing is done`, fields);
    if (!isOurs) return;
    say('info', text, fields);
    this.#desired = wanted;
    if (provider.picks) {
      await this.#pick(provider, size, wanted);
      await this.#recount();
    } else await this.#resize(size, wanted);
  }

  /** What the report says of instances, as it is now; how many serve. */
  async #recount(): Promise<number> {
    const { running, warming, draining, serving } = await this.#look();
    this.#report = { ...this.#report, running: running.length, warming, draining };
    return serving;
  }

  /** Asked for, and not found yet. */
  #pending(found: number): number {
    const isFresh = this.#parts.clock.now() - this.#askedAt < this.#config.warmUpMs * 2;
    return isFresh ? Math.max(0, this.#desired - found) : 0;
  }

  async #look(): Promise<Look> {
    const { balancer, pool, provider } = this.#parts;
    const { pools } = await balancer.status();
    const endpoints = pools.find(({ name }) => name === pool)?.endpoints ?? [];
    const instances = provider.picks ? provider.instances() : undefined;
    const ours =
      instances === undefined
        ? endpoints.filter(({ origin }) => origin === 'discovery')
        : ofInstances(endpoints, instances);
    const staying = ours.filter(({ id, override }) => !this.#leaving.has(id) && override.mode === 'ready');
    const serving = staying.filter(({ state }) => state === 'up' || state === 'trial');
    const running = serving.filter(({ warming }) => !warming);
    const known =
      instances === undefined
        ? staying.length
        : instances.filter((one) => !this.#leaving.has(this.#idOf(one.address))).length;
    return {
      serving: serving.length,
      running,
      warming: Math.max(0, known - running.length),
      draining: this.#leaving.size,
    };
  }

  async #measure(running: readonly EndpointReport[]): Promise<number | undefined> {
    const { metric, target } = this.#config;
    switch (metric) {
      case 'cpu':
        return averageOf(await this.#cpu!.read(running.map(({ address }) => addressOf(address))), target);
      case 'in-flight':
        return average(running.map(({ inFlight }) => inFlight));
      case 'requests':
        return this.#requestRate(running);
      case 'queue-time':
        return this.#queueTime();
    }
  }

  #requestRate(running: readonly EndpointReport[]): number | undefined {
    const now = this.#parts.clock.now();
    const { at, counts } = this.#requests;
    this.#requests = { at: now, counts: new Map(running.map(({ id, requests }) => [id, requests])) };
    const known = running.filter(({ id }) => counts.has(id));
    if (at === 0 || now <= at || known.length === 0) return undefined;
    const rates = known.map(({ id, requests }) => (Math.max(0, requests - counts.get(id)!) * 1000) / (now - at));
    return average(rates);
  }

  /** ms that a request waited, on average. */
  #queueTime(): number | undefined {
    const pool = this.#parts.balancer.live().pools.find(({ name }) => name === this.#parts.pool);
    if (pool === undefined) return undefined;
    const requests = pool.requests - this.#queue.requests;
    const ms = pool.queueMs - this.#queue.ms;
    this.#queue = { requests: pool.requests, ms: pool.queueMs };
    return requests <= 0 ? 0 : ms / requests;
  }

  async #resize(from: number, to: number): Promise<void> {
    const { provider } = this.#parts;
    if (provider.picks) return;
    const done = await provider.resize(from, to);
    if (done.ok) this.#askedAt = this.#parts.clock.now();
    else this.#problem(done.error);
  }

  async #pick(provider: InstanceProvider, from: number, to: number): Promise<void> {
    if (to < from) {
      for (const id of await this.#victims(provider, from - to)) void this.#retire(provider, id);
      return;
    }
    const started = await Promise.all(Array.from({ length: to - from }, () => provider.start()));
    for (const one of started) if (!one.ok) this.#problem(one.error);
    const fresh = started.flatMap((one) => (one.ok ? [one.value] : []));
    // Without checks nobody else would find out that it does not listen yet.
    await Promise.all(fresh.map(({ address }) => this.#reachable(address)));
    await this.#publish();
  }

  /** Those that do least; of these the newest. */
  async #victims(provider: InstanceProvider, count: number): Promise<readonly string[]> {
    const { balancer, pool } = this.#parts;
    const { pools } = await balancer.status();
    const reports = ofInstances(pools.find(({ name }) => name === pool)?.endpoints ?? [], provider.instances());
    const staying = reports.filter(({ id }) => !this.#leaving.has(id));
    const load = ({ state, inFlight }: EndpointReport): number => (state === 'up' ? inFlight : -1);
    return staying
      .reverse()
      .sort((a, b) => load(a) - load(b))
      .slice(0, count)
      .map(({ id }) => id);
  }

  /** Drained first, stopped then, forgotten last. */
  async #retire(provider: InstanceProvider, id: string): Promise<void> {
    const { balancer, say } = this.#parts;
    this.#leaving.add(id);
    const { drainMs } = this.#config;
    const begun = balancer.operations.drain(id, drainMs, 'autoscaler: one less is enough');
    if (begun.ok) {
      for (;;) {
        const { phase = 'ended' } = balancer.operations.drainProgress(id) ?? {};
        if (phase !== 'draining' || this.#closed) break;
        await this.#pause(DRAIN_LOOK_MS);
      }
    }
    const instance = provider.instances().find(({ address }) => this.#idOf(address) === id);
    if (instance !== undefined && !this.#closed) {
      await provider.stop(instance.id);
      say('info', `${id} was empty and is stopped`);
    }
    if (this.#closed) return;
    await this.#publish();
    await balancer.operations.takeBack(id, 'autoscaler: it is gone');
    this.#leaving.delete(id);
  }

  /** An instance ended by itself. */
  async changed(): Promise<void> {
    await this.#publish();
    await this.#tick();
  }

  async #publish(): Promise<void> {
    const { balancer, pool, provider } = this.#parts;
    if (!provider.picks || this.#closed) return;
    const { maxInFlight, maxRate, adaptive } = balancer.config.pools[pool] ?? { maxInFlight: 0, maxRate: 0 };
    const most = maxInFlight === 0 && adaptive !== undefined ? adaptive.max : maxInFlight;
    const endpoints = provider
      .instances()
      .map(({ address }): EndpointConfig => ({ address, weight: 1, tier: 0, zone: '', maxInFlight: most, maxRate }));
    const issues = await balancer.setEndpoints(pool, endpoints);
    if (issues !== undefined) this.#problem(issues[0]?.message ?? 'refused');
  }

  async #reachable({ host, port }: Address): Promise<void> {
    const { clock } = this.#parts;
    const until = clock.now() + this.#config.warmUpMs;
    while (!this.#closed && clock.now() < until) {
      if (await connects(host, port)) return;
      await this.#pause(REACH_MS);
    }
  }

  #idOf({ host, port }: Address): string {
    return `${this.#parts.pool}/${host.includes(':') ? `[${host}]` : host}:${port}`;
  }

  #problem(text: string): void {
    if (this.#report.problem !== text) this.#parts.say('warn', `pool ${this.#parts.pool}: ${text}`);
    this.#report = { ...this.#report, problem: text };
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#parts.clock.after(ms, resolve));
  }
}

function ofInstances(endpoints: PoolStatus['endpoints'], instances: readonly Instance[]): EndpointReport[] {
  const known = new Set(
    instances.map(({ address: { host, port } }) => `${host.includes(':') ? `[${host}]` : host}:${port}`),
  );
  return endpoints.filter(({ address }) => known.has(address));
}

function addressOf(text: string): Address {
  const colon = text.lastIndexOf(':');
  return { host: text.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(text.slice(colon + 1)) };
}

function average(values: readonly number[]): number | undefined {
  return values.length === 0 ? undefined : values.reduce((all, value) => all + value, 0) / values.length;
}

function connects(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const end = (is: boolean): void => {
      socket.destroy();
      resolve(is);
    };
    socket.setTimeout(1000, () => end(false));
    socket.on('connect', () => end(true));
    socket.on('error', () => end(false));
  });
}
