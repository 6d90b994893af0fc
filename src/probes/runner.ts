// Owns when probes run: one loop for each endpoint with active checks, at most `concurrency` probes at once, each with a
// timeout. Feeds every result to the health table. Main thread only; what a result means is decided there.
//
//   waiting ──its time──▶ ready ──a place is free──▶ running ──result or timeout──▶ waiting
//      └─────────────────── sync() without it, stop() ───────────────────────▶ stopped   (a late result is dropped)

import type { HealthConfig } from '../config/types.ts';
import type { Address } from '../core/address.ts';
import type { Endpoint, EndpointId } from '../core/endpoint.ts';
import type { Clock, Random, Timer } from '../core/env.ts';
import { firstDelay, nextDelay } from '../health/schedule.ts';
import type { HealthTable } from '../health/table.ts';
import { encodeLocal } from '../net/proxy-protocol.ts';
import { buildProbe } from './index.ts';
import type { Probe } from './probe.ts';

const CONCURRENCY = 64;

export interface ProbeRunnerOptions {
  readonly health: HealthTable;
  readonly clock: Clock;
  readonly random: Random;
  /** Probes at once, over all pools. */
  readonly concurrency?: number;
}

interface Loop {
  readonly id: EndpointId;
  readonly target: Address;
  readonly config: HealthConfig;
  /** The configuration as text: a loop goes on over reloads that do not change it. */
  readonly signature: string;
  readonly probe: Probe;
  timer: Timer | undefined;
  running: AbortController | undefined;
  stopped: boolean;
  /** Others probe it. */
  parked: boolean;
}

export class ProbeRunner {
  readonly #health: HealthTable;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #concurrency: number;
  readonly #loops = new Map<EndpointId, Loop>();
  readonly #ready: Loop[] = [];
  #may: ((id: EndpointId) => boolean) | undefined;
  #running = 0;

  constructor({ health, clock, random, concurrency = CONCURRENCY }: ProbeRunnerOptions) {
    this.#health = health;
    this.#clock = clock;
    this.#random = random;
    this.#concurrency = concurrency;
  }

  /** Starts, keeps and ends loops so that they fit the health table's pools. Call after every `setPool`/`removePool`. */
  sync(): void {
    const wanted = new Set<EndpointId>();
    for (const pool of this.#health.pools()) {
      if (pool.health === undefined) continue;
      for (const endpoint of pool.endpoints) {
        wanted.add(endpoint.id);
        this.#ensure(endpoint, pool.health);
      }
    }
    for (const loop of this.#loops.values()) if (!wanted.has(loop.id)) this.#end(loop);
  }

  /** What is probed here, of all that has checks; undefined: everything. Call again when the answers change. */
  only(may: ((id: EndpointId) => boolean) | undefined): void {
    this.#may = may;
    for (const loop of this.#loops.values()) {
      const isOurs = may === undefined || may(loop.id);
      if (!isOurs) this.#park(loop);
      else if (loop.parked) this.#schedule(loop, firstDelay(loop.config, this.#random));
    }
  }

  #park(loop: Loop): void {
    loop.timer?.cancel();
    loop.timer = undefined;
    loop.parked = true;
  }

  stop(): void {
    for (const loop of this.#loops.values()) this.#end(loop);
  }

  #ensure(endpoint: Endpoint, config: HealthConfig): void {
    const signature = JSON.stringify(config);
    const known = this.#loops.get(endpoint.id);
    if (known?.signature === signature) return;
    if (known) this.#end(known);
    const { host, port } = endpoint.address;
    const loop: Loop = {
      id: endpoint.id,
      target: { host, port: config.port === 0 ? port : config.port },
      config,
      signature,
      probe: buildProbe(
        config.probe,
        this.#clock,
        config.proxyHeader === 0 ? undefined : encodeLocal(config.proxyHeader),
      ),
      timer: undefined,
      running: undefined,
      stopped: false,
      parked: false,
    };
    this.#loops.set(loop.id, loop);
    this.#schedule(loop, firstDelay(config, this.#random));
  }

  #end(loop: Loop): void {
    loop.stopped = true;
    loop.timer?.cancel();
    loop.running?.abort();
    this.#loops.delete(loop.id);
  }

  #schedule(loop: Loop, delayMs: number): void {
    if (this.#may !== undefined && !this.#may(loop.id)) return this.#park(loop);
    loop.parked = false;
    loop.timer?.cancel();
    loop.timer = this.#clock.after(delayMs, () => {
      loop.timer = undefined;
      this.#ready.push(loop);
      this.#startReady();
    });
  }

  #startReady(): void {
    while (this.#running < this.#concurrency) {
      const loop = this.#ready.shift();
      if (loop === undefined) return;
      if (!loop.stopped && !loop.parked && loop.running === undefined) void this.#run(loop);
    }
  }

  async #run(loop: Loop): Promise<void> {
    const controller = new AbortController();
    const start = this.#clock.now();
    const timeout = this.#clock.after(loop.config.timeoutMs, () => controller.abort());
    loop.running = controller;
    this.#running++;
    const result = await loop.probe.run(loop.target, controller.signal).catch(() => ({
      ok: false,
      tookMs: this.#clock.now() - start,
      evidence: 'the check itself failed',
    }));
    timeout.cancel();
    this.#running--;
    loop.running = undefined;
    if (!loop.stopped) {
      this.#health.probeResult(loop.id, result);
      // A listener of the change may have ended the loop.
      if (!loop.stopped) this.#schedule(loop, nextDelay(loop.config, this.#health.isPending(loop.id), this.#random));
    }
    this.#startReady();
  }
}
