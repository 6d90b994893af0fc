// Owns what is known of the time from clients' networks to sites: measured here for our own site, from the kernel's round trips
// of our clients' connections, and read from files for others. Only while some policy asks. Main thread only; workers are told
// what is new.
//
//   idle ──a policy asks, and `site` is set──▶ waiting ──interval──▶ looking ──▶ waiting …    either ──no longer──▶ idle

import { resolve } from 'node:path';
import { needsLatency } from '../config/compile/steering.ts';
import type { Config } from '../config/types.ts';
import type { Clock, Timer } from '../core/env.ts';
import type { Result } from '../core/result.ts';
import { type RoundTrip, readRoundTrips } from '../net/round-trips.ts';
import type { Log } from '../observe/log.ts';
import { type LatencyEntry, MeasuredLatency } from '../steering/latency-map.ts';
import { networkText } from '../steering/latency-network.ts';
import { clientTimes, gatesOf } from './client-times.ts';
import type { LatencyReport } from './facade.ts';
import { LatencyFiles } from './latency-files.ts';

export interface LatencyKeeperOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Where relative paths in configurations begin. */
  readonly folder: string;
  /** The port a listener got. */
  readonly portOf: (listener: string) => Promise<number>;
  /** Workers should have these. */
  readonly onLearnt: (entries: readonly LatencyEntry[]) => void;
  readonly read?: (ports: readonly number[]) => Promise<Result<readonly RoundTrip[], string>>;
}

export interface LatencyCounts {
  readonly networks: number;
  /** Client networks that were measured, each look counted. */
  readonly measured: number;
  readonly reads: { readonly kernel: Reads; readonly file: Reads };
}

interface Reads {
  ok: number;
  failed: number;
}

export class LatencyKeeper {
  readonly #options: LatencyKeeperOptions;
  readonly #map = new MeasuredLatency();
  readonly #reads = { kernel: { ok: 0, failed: 0 }, file: { ok: 0, failed: 0 } };
  #measured = 0;
  #config: Config | undefined;
  /** Raised when measuring ends, so that a look that is under way knows. */
  #round = 0;
  #isMeasuring = false;
  #timer: Timer | undefined;
  #files: LatencyFiles | undefined;
  #paths = '';
  /** By where it is; told once. */
  readonly #problems = new Map<string, string>();

  constructor(options: LatencyKeeperOptions) {
    this.#options = options;
  }

  get counts(): LatencyCounts {
    return { networks: this.#map.size, measured: this.#measured, reads: this.#reads };
  }

  /** Everything that holds, for a worker that knows nothing. */
  get known(): readonly LatencyEntry[] {
    return [...this.#map.entries(this.#options.clock.now())];
  }

  /** What is known of our own site: others have theirs. */
  report(): LatencyReport {
    const own = this.#config?.site ?? '';
    const entries = this.known
      .filter(({ site }) => site === own)
      .map(({ network, site, ms, weight, ageMs }) => ({
        network: networkText(network),
        site,
        ms: Number(ms.toFixed(3)),
        weight: Number(weight.toFixed(3)),
        ageMs: Math.round(ageMs),
      }));
    return { site: own, entries };
  }

  /** What other balancers measured. */
  learn(entries: readonly LatencyEntry[]): void {
    if (entries.length === 0 || this.#config === undefined || !needsLatency(this.#config)) return;
    this.#map.merge(entries, this.#options.clock.now());
    this.#options.onLearnt(entries);
  }

  /** A configuration came into effect. */
  applied(config: Config): void {
    this.#config = config;
    const isWanted = needsLatency(config);
    this.#follow(isWanted ? config.latency.file.map((path) => resolve(this.#options.folder, path)) : []);
    const measures = isWanted && config.site !== '';
    if (measures === this.#isMeasuring) return;
    this.#stop();
    this.#isMeasuring = measures;
    if (measures) this.#wait();
  }

  close(): void {
    this.#stop();
    this.#follow([]);
  }

  #stop(): void {
    this.#isMeasuring = false;
    this.#round++;
    this.#timer?.cancel();
  }

  #wait(): void {
    this.#timer = this.#options.clock.after(this.#config!.latency.intervalMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    const round = this.#round;
    const config = this.#config!;
    const { read = readRoundTrips } = this.#options;
    const ports = await this.#ports(config);
    const gates = gatesOf(config, (name) => ports.get(name) ?? 0);
    const trips = await read([...new Set(gates.map(({ port }) => port))]);
    if (round !== this.#round) return;
    this.#count('kernel', 'the round trips of clients', trips);
    if (trips.ok) {
      const now = this.#options.clock.now();
      const times = clientTimes(trips.value, gates, config.latency.intervalMs);
      for (const { address, ms } of times) if (this.#map.report(address, config.site, ms, now)) this.#measured++;
      this.#map.sweep(now);
      if (times.length > 0) this.#options.onLearnt([...this.#map.entries(now, 0)]);
    }
    this.#wait();
  }

  async #ports({ listeners }: Config): Promise<ReadonlyMap<string, number>> {
    const names = Object.values(listeners).flatMap(({ name, bind }) => (bind.port === 0 ? [name] : []));
    return new Map(await Promise.all(names.map(async (name) => [name, await this.#options.portOf(name)] as const)));
  }

  #follow(paths: readonly string[]): void {
    if (paths.join('\n') === this.#paths) return;
    this.#paths = paths.join('\n');
    this.#files?.close();
    const { clock, onLearnt } = this.#options;
    const onRead = (path: string, read: Result<readonly LatencyEntry[], string>): void => {
      this.#count('file', path, read);
      if (!read.ok) return;
      this.#map.merge(read.value, clock.now());
      onLearnt(read.value);
    };
    this.#files = paths.length === 0 ? undefined : new LatencyFiles({ paths, epoch: () => clock.epoch(), onRead });
  }

  /** The same problem twice in a row is one message. */
  #count(from: 'kernel' | 'file', what: string, { ok, ...rest }: Result<unknown, string>): void {
    this.#reads[from][ok ? 'ok' : 'failed']++;
    const problem = 'error' in rest ? rest.error : '';
    if (problem === (this.#problems.get(what) ?? '')) return;
    this.#problems.set(what, problem);
    if (problem === '') this.#options.log.info(`latency: ${what} can be read again`);
    else this.#options.log.warn(`latency: ${what} cannot be read, so steering does without`, { problem });
  }
}
