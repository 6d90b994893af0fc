// Owns the control plane: the shared memory, the one health view, the workers, and what may be asked of them. How a
// configuration comes into effect is `transaction.ts`. Main thread only. The hot path never waits for it.

import { resolve } from 'node:path';
import type { ConfigIssue } from '../config/issues.ts';
import { type Plan, plan } from '../config/plan.ts';
import type { Config, EndpointConfig } from '../config/types.ts';
import type { Counters } from '../core/counters.ts';
import type { EndpointId } from '../core/endpoint.ts';
import type { Env } from '../core/env.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { LoadTable } from '../core/load-table.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { StateWord } from '../health/entry.ts';
import type { OverrideMode } from '../health/override.ts';
import type { Hindsight } from '../health/probe-history.ts';
import { HealthTable } from '../health/table.ts';
import type { HealthChange } from '../health/timeline.ts';
import type { InheritedSocket } from '../net/inherited-sockets.ts';
import type { Log } from '../observe/log.ts';
import { SlotRegistry } from '../pool/registry.ts';
import { ProbeRunner } from '../probes/runner.ts';
import { AcmeKeeper } from './acme-keeper.ts';
import { listenerAddresses } from './addresses.ts';
import { AffinityKeeper, hasKeyFiles } from './affinity-keeper.ts';
import { Desired } from './desired.ts';
import { DiscoveryKeeper } from './discovery-keeper.ts';
import { drainFleet } from './drain.ts';
import type { Estate, Knowledge } from './estate.ts';
import { Events } from './events.ts';
import type { Explanation, Question } from './explain/explanation.ts';
import type {
  Balancer,
  BalancerEvent,
  LatencyReport,
  Live,
  Purge,
  ReloadResult,
  Status,
  StopReport,
  WorldReport,
} from './facade.ts';
import { FactKeeper } from './fact-keeper.ts';
import { Fleet } from './fleet.ts';
import { FoundEndpoints } from './found-endpoints.ts';
import { GeoKeeper } from './geo-keeper.ts';
import { logChanges } from './health-log.ts';
import { KernelListeners } from './kernel-listeners.ts';
import { enableLinearRegex } from './linear-regex.ts';
import { liveNumbers } from './live.ts';
import { metricsText } from './metrics.ts';
import { RuntimeOperations } from './operations.ts';
import { OperatorState } from './operator-state.ts';
import { runningOn } from './running.ts';
import { controlCountersOf, countersOf, createSharedMemory, loadTableOf, pinsOf } from './shared-memory.ts';
import { RuntimeSharing } from './sharing.ts';
import type { Blueprint, BlueprintPool } from './snapshot.ts';
import { SocketAlarm } from './socket-alarm.ts';
import { SpanKeeper } from './span-keeper.ts';
import { statusOfParts } from './status.ts';
import { StoreAlarm } from './store-alarm.ts';
import { hasTlsFiles } from './tls-files.ts';
import { TlsKeeper } from './tls-keeper.ts';
import { Transaction } from './transaction.ts';
import { VariantSlots } from './variant-slots.ts';
import { ViewModes } from './view-modes.ts';
import { hasRuleFiles } from './waf-check.ts';
import { worldOf } from './world.ts';
import { ZoneNotices } from './zone-notices.ts';
import { hasZoneFiles } from './zones.ts';

export interface RuntimeOptions {
  readonly env: Env;
  readonly log: Log;
  readonly workers: number;
  readonly version: string;
  /** Where relative paths in configurations begin; the working directory when absent. */
  readonly folder?: string;
  /** Sockets that this process was given when it was started. */
  readonly inherited?: readonly InheritedSocket[];
  /** What the process that we take over from knew. */
  readonly knowledge?: Knowledge | undefined;
}

const COLLECT_MS = 20;
/** The first sets of discovery may hold a start or a reload up for so long. */
const FIRST_SETS_MS = 3000;
const RECENT_CHANGES = 50;

export class Runtime implements Balancer {
  readonly #env: Env;
  readonly #log: Log;
  readonly #version: string;
  readonly #transaction: Transaction;
  readonly #notices: ZoneNotices;
  readonly #load: LoadTable;
  readonly #counters: readonly Counters[];
  readonly #health: HealthTable;
  readonly #registry: SlotRegistry;
  readonly #probes: ProbeRunner;
  readonly #fleet: Fleet;
  readonly #kernel: KernelListeners;
  readonly #desired = new Desired();
  readonly #modes: ViewModes;
  readonly #events = new Events();
  readonly #geo: GeoKeeper;
  readonly #tls: TlsKeeper;
  readonly #acme: AcmeKeeper;
  readonly #facts: FactKeeper;
  readonly #discovery: DiscoveryKeeper;
  readonly #alarm: SocketAlarm;
  readonly #storeAlarm: StoreAlarm;
  readonly #pins: KeyedTable;
  readonly #spans: SpanKeeper;
  readonly #startedAt: number;
  readonly #folder: string;
  readonly #knowledge: Knowledge | undefined;
  readonly operations: RuntimeOperations;
  readonly sharing: RuntimeSharing;
  #state = new OperatorState('');
  /** As it was written. */
  #base: Config | undefined;
  readonly #reloads = { applied: 0, refused: 0, lastError: undefined as string | undefined };
  #blueprint: Blueprint | undefined;
  #configVersion = 0;
  #collecting = false;
  #draining = false;
  /** Reloads and the replacing of workers happen one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ env, log, workers, version, folder = '.', inherited = [], knowledge }: RuntimeOptions) {
    enableLinearRegex();
    this.#env = env;
    this.#log = log;
    this.#version = version;
    this.#startedAt = env.clock.epoch();
    this.#folder = folder;
    this.#knowledge = knowledge;
    const memory = createSharedMemory(workers);
    // As worker 0; the control plane itself holds no leases.
    this.#load = loadTableOf(memory, 0);
    const control = controlCountersOf(memory);
    this.#counters = [...Array.from({ length: workers }, (_, worker) => countersOf(memory, worker)), control];
    this.#health = new HealthTable({ load: this.#load, clock: env.clock });
    this.#registry = new SlotRegistry(this.#load, {
      endpoint: (slot) => {
        for (const counters of this.#counters) counters.clearEndpoint(slot);
      },
      pool: (slot) => {
        for (const counters of this.#counters) counters.clearPool(slot);
      },
    });
    this.#probes = new ProbeRunner({ health: this.#health, clock: env.clock, random: env.random });
    this.#spans = new SpanKeeper({ clock: env.clock, log, version, control, counters: this.#counters });
    this.#fleet = new Fleet({
      env,
      log,
      memory,
      onSignal: () => this.#signal(),
      onSpans: (worker, spans) => this.#spans.take(worker, spans),
      current: () => this.#blueprint,
      facts: () => this.#facts.all,
      inTurn: (work) => this.#inTurn(work),
    });
    this.#kernel = new KernelListeners({
      clock: env.clock,
      log,
      load: this.#load,
      health: this.#health,
      counters: control,
    });
    this.#modes = new ViewModes(this.#load, env.clock);
    this.#geo = new GeoKeeper({
      onChange: () => void this.#inTurn(() => this.#reread()),
      onProblem: (reason) => log.warn(reason),
    });
    this.#tls = new TlsKeeper({
      clock: env.clock,
      folder,
      onChange: () => void this.#inTurn(() => this.#reread()),
      onProblem: (reason) => log.error(reason),
      onUse: (certificates) => this.#facts.ocsp.watch(certificates),
    });
    const counters = this.#counters;
    this.#facts = new FactKeeper({
      clock: env.clock,
      random: env.random,
      log,
      folder,
      counters,
      fleet: () => this.#fleet,
    });
    const found = new FoundEndpoints({
      desired: this.#desired,
      log,
      keeper: () => this.#discovery,
      renew: (begin, undo) =>
        this.#inTurn(() => {
          begin();
          return this.#renew(undo);
        }),
    });
    this.#discovery = new DiscoveryKeeper({ env, log, folder, onSets: (sets) => found.take(sets) });
    this.#acme = new AcmeKeeper({ env, log, folder, board: this.#facts.challenges });
    this.sharing = new RuntimeSharing({
      health: this.#health,
      probes: this.#probes,
      facts: this.#facts,
      acme: this.#acme,
    });
    this.#notices = new ZoneNotices(env, log);
    const transaction = new Transaction({
      clock: env.clock,
      folder,
      registry: this.#registry,
      health: this.#health,
      probes: this.#probes,
      fleet: this.#fleet,
      kernel: this.#kernel,
      geo: this.#geo,
      tls: this.#tls,
      acme: this.#acme,
      aliases: this.#facts.aliases,
      affinity: new AffinityKeeper(folder, log),
      inherited,
      variants: new VariantSlots((slot) => {
        for (const one of counters) one.clearVariant(slot);
      }),
    });
    this.#transaction = transaction;
    this.#alarm = new SocketAlarm(env.clock, log, this.#counters, () => [...transaction.listenerSlots.values()]);
    this.#storeAlarm = new StoreAlarm(env.clock, log, this.#counters);
    this.#pins = pinsOf(memory, 0);
    this.operations = new RuntimeOperations({
      clock: env.clock,
      desired: this.#desired,
      health: this.#health,
      splits: this.#facts.splits,
      config: () => this.config,
      base: () => this.#base!,
      state: () => this.#state,
      renew: (begin, undo) =>
        this.#inTurn(() => {
          begin();
          return this.#renew(undo);
        }),
      running: runningOn({
        blueprint: () => this.#blueprint,
        load: this.#load,
        counters,
        pins: this.#pins,
        clock: env.clock,
      }),
      onChange: () => this.#events.emit({ kind: 'changes' }),
      onProblem: (text) => log.error(text),
    });
    logChanges(this.#health, log);
    this.#health.subscribe((change) => this.#events.emit({ kind: 'health', change }));
  }

  get config(): Config {
    return this.#blueprint!.config;
  }

  /** The one health view, for slices that stand beside the HTTP data path. */
  get health(): HealthTable {
    return this.#health;
  }

  apply(next: Config, kindsFile = ''): Promise<ReloadResult> {
    return this.#inTurn(() => this.#apply(next, kindsFile));
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work, work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  async #apply(written: Config, kindsFile: string): Promise<ReloadResult> {
    const current = this.#blueprint;
    if (this.#draining) return err([{ path: [], message: 'comes too late: the balancer is stopping' }]);
    if (current === undefined) {
      const restored = await this.#restore(written);
      if (restored !== undefined) return err([restored]);
    }
    await this.#discovery.follow(written, FIRST_SETS_MS);
    const next = this.#desired.merge(written);
    const changes = plan(current?.config, next);
    // A program may have changed its code and not its data, and files their content, so those are always applied.
    const readsFiles =
      kindsFile !== '' || hasZoneFiles(next) || hasTlsFiles(next) || hasKeyFiles(next) || hasRuleFiles(next);
    if (current !== undefined && changes.entries.length === 0 && !readsFiles) {
      this.#reloads.lastError = undefined;
      this.#discovery.settle(written);
      this.#base = written;
      return ok({ version: current.version, plan: changes });
    }
    const refused = await this.#tryApply(next, kindsFile, changes);
    if (refused !== undefined) {
      this.#discovery.settle(this.#base ?? { pools: {} });
      this.refuse(refused[0].message);
      return err(refused);
    }
    this.#base = written;
    this.#discovery.settle(written);
    this.#desired.retain(written.pools);
    if (current === undefined) this.operations.resume();
    else this.#reloads.applied++;
    this.#reloads.lastError = undefined;
    this.#events.emit({ kind: 'config', version: this.#configVersion, plan: changes });
    return ok({ version: this.#configVersion, plan: changes });
  }

  /** What operators said before the last stop. */
  async #restore({ admin }: Config): Promise<ConfigIssue | undefined> {
    const file = admin?.state ?? '';
    this.#state = new OperatorState(file === '' ? '' : resolve(this.#folder, file));
    const words = await this.#state.read();
    if (!words.ok) return { path: ['admin', 'state'], message: words.error };
    const known = this.#knowledge;
    this.operations.restore(file === '' && known !== undefined ? known.words : words.value);
    if (known !== undefined) this.#health.presume(new Map(known.verdicts));
    return undefined;
  }

  /** The same configuration with what is desired beside it now; undone by `undo` when something stands in the way. */
  async #renew(undo: () => void = () => undefined): Promise<ConfigIssue[] | undefined> {
    const current = this.#blueprint;
    if (current === undefined || this.#draining) return undefined;
    const next = this.#desired.merge(this.#base!);
    const changes = plan(current.config, next);
    if (changes.entries.length === 0) return undefined;
    const refused = await this.#tryApply(next, current.kindsFile, changes);
    if (refused !== undefined) undo();
    else this.#events.emit({ kind: 'config', version: this.#configVersion, plan: changes });
    return refused;
  }

  /** The same configuration over data that changed beside it. */
  async #reread(): Promise<void> {
    const current = this.#blueprint;
    if (current === undefined || this.#draining) return;
    const refused = await this.#tryApply(current.config, current.kindsFile, plan(current.config, current.config));
    if (refused === undefined) this.#log.info('new data are in use');
    else this.#log.warn(`new data could not be taken into use: ${refused[0].message}`);
  }

  /** Counts a configuration that did not get as far as being applied. */
  refuse(reason: string): void {
    this.#reloads.refused++;
    this.#reloads.lastError = reason;
  }

  /** Returns what stood in the way, or undefined. */
  async #tryApply(next: Config, kindsFile: string, changes: Plan): Promise<ConfigIssue[] | undefined> {
    const current = this.#blueprint;
    const applied = await this.#transaction.run({
      next,
      kindsFile,
      changes,
      current,
      version: this.#configVersion + 1,
    });
    if (!applied.ok) return applied.error;
    if (current === undefined) {
      this.#alarm.start();
      this.#storeAlarm.start();
    }
    // Given sockets are taken once: a worker that is replaced binds its own.
    this.#blueprint = { ...applied.value, sockets: {} };
    this.#notices.applied(applied.value);
    this.#spans.applied(next.tracing);
    this.#facts.latency.applied(next);
    this.#facts.splits.applied(next, applied.value.variantSlots);
    this.#configVersion = applied.value.version;
    return undefined;
  }

  #signal(): void {
    if (this.#collecting) return;
    this.#collecting = true;
    this.#env.clock.after(COLLECT_MS, () => {
      this.#collecting = false;
      this.#health.collect();
    });
  }

  override(id: EndpointId, mode: OverrideMode, note: string): Result<StateWord, string> {
    return this.#health.override(id, mode, note);
  }

  setEndpoints(pool: string, endpoints: readonly EndpointConfig[]): Promise<ConfigIssue[] | undefined> {
    return this.#inTurn(() => {
      const before = this.#desired.endpointsOf('autoscale', pool) ?? [];
      this.#desired.setEndpoints('autoscale', pool, endpoints);
      return this.#renew(() => this.#desired.setEndpoints('autoscale', pool, before));
    });
  }

  /** A successor has taken over what operators say. */
  release(): void {
    this.#state.release();
    this.operations.stop();
  }

  /** Every worker answers. */
  async isAlive(): Promise<boolean> {
    await this.#fleet.open();
    return true;
  }

  /** What a process that takes over needs: sockets in the order of the workers, and what is known. */
  async estate(): Promise<Estate> {
    const verdicts = this.#health.snapshot().flatMap(({ id, active }): [string, 'up' | 'down'][] => {
      return active.enabled && active.verdict !== 'checking' ? [[id, active.verdict]] : [];
    });
    const knowledge = { words: this.operations.words, verdicts };
    return { sockets: await this.#fleet.sockets(), knowledge, kernel: this.#blueprint!.kernel };
  }

  subscribe(listener: (event: BalancerEvent) => void): () => void {
    return this.#events.subscribe(listener);
  }

  timeline(id?: EndpointId): readonly HealthChange[] {
    return this.#health.timeline(id);
  }

  hindsight(id: EndpointId, falls: readonly number[]): readonly Hindsight[] | undefined {
    return this.#health.hindsight(id, falls);
  }

  live(): Live {
    return liveNumbers({
      blueprint: this.#blueprint!,
      counters: this.#counters,
      load: this.#load,
      health: this.#health,
      mode: (pool) => this.#mode(pool),
      at: this.#env.clock.epoch(),
    });
  }

  explain(question: Question): Promise<Result<Explanation, string>> {
    return this.#fleet.explain(question);
  }

  purge(what: Purge): Promise<number> {
    return this.#fleet.purge(what);
  }

  async reopenLogs(): Promise<void> {
    await this.#fleet.reopenLogs();
  }

  latency(): LatencyReport {
    return this.#facts.latency.report();
  }

  world(): WorldReport {
    return worldOf(this.#blueprint!.config, this.#health, this.latency(), (address) => this.#geo.find(address));
  }

  metrics(): string {
    const blueprint = this.#blueprint!;
    return metricsText({
      version: this.#version,
      blueprint,
      counters: this.#counters,
      endpoints: this.#health.snapshot(),
      modes: new Map(blueprint.pools.map((pool) => [pool.name, this.#mode(pool)])),
      breaker: (pool) => this.#health.breaker(pool),
      reloads: this.#reloads,
      restarts: this.#fleet.restarts,
      startedAt: this.#startedAt,
      pathOf: (listener) => this.#kernel.pathOf(listener),
      kernelUpdates: this.#kernel.updates,
      aliases: this.#facts.aliases.counts,
      latency: this.#facts.latency.counts,
      ocsp: this.#facts.ocsp.report,
      tls: this.#tls,
      acme: this.#acme.report,
      pins: this.#pins,
      now: this.#env.clock.now(),
      discovery: this.#discovery.report(),
      epoch: this.#env.clock.epoch(),
      cluster: this.sharing.status,
      splits: { splits: this.#facts.splits.status(), halts: this.#facts.splits.halts },
    });
  }

  #mode(pool: BlueprintPool): string {
    return this.#modes.of(pool, this.#blueprint!.config);
  }

  async status(): Promise<Status> {
    const { config, version } = this.#blueprint!;
    const names = listenerAddresses(config).map(({ name }) => name);
    const ports = await Promise.all(names.map((name) => this.#fleet.port(name)));
    return {
      version: this.#version,
      startedAt: this.#startedAt,
      uptimeMs: this.#env.clock.epoch() - this.#startedAt,
      configVersion: version,
      reloads: { ...this.#reloads },
      draining: this.#draining,
      ...statusOfParts({
        blueprint: this.#blueprint!,
        counters: this.#counters,
        endpoints: this.#health.snapshot(),
        restarts: this.#fleet.restarts,
        ports: new Map(names.map((name, i) => [name, ports[i]])),
        mode: (pool) => this.#mode(pool),
        breaker: (pool) => this.#health.breaker(pool),
        pathOf: (listener) => this.#kernel.pathOf(listener),
        originsOf: (pool) => this.#desired.originsOf(this.#base!, pool),
      }),
      runtime: this.operations.changes(),
      splits: this.#facts.splits.status(),
      discovery: this.#discovery.report(),
      cluster: this.sharing.status,
      changes: this.#health.timeline().slice(-RECENT_CHANGES).reverse(),
    };
  }

  async stop(): Promise<StopReport> {
    this.#draining = true;
    this.#discovery.close();
    await this.#turn;
    this.#probes.stop();
    const drain = this.#blueprint?.config.drain ?? { requestsMs: 0, streamsMs: 0 };
    const report = await drainFleet(this.#fleet, this.#kernel, drain, this.#env.clock);
    this.#health.stop();
    this.operations.stop();
    this.#geo.close();
    this.#acme.close();
    this.#tls.close();
    this.#facts.close();
    this.#notices.close();
    this.#alarm.stop();
    this.#storeAlarm.stop();
    await this.#fleet.close();
    await this.#spans.close();
    return report;
  }
}
