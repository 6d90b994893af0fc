// Owns the transaction by which a configuration comes into effect: everywhere, or nowhere with everything as it was before.
// Main thread only; one at a time.
//
//   slots ─▶ kernel, zones, places, sockets looked at ─▶ health view (added, nothing removed) ─▶ every worker prepares ─▶ all commit
//     └────────────── something stands in the way: all abort, the old sets and policies ◀──────────────┘

import type { ConfigIssue } from '../config/issues.ts';
import type { Plan } from '../config/plan.ts';
import type { Config } from '../config/types.ts';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { HealthTable } from '../health/table.ts';
import { type InheritedSocket, socketsFor } from '../net/inherited-sockets.ts';
import type { SlotRegistry } from '../pool/registry.ts';
import type { ProbeRunner } from '../probes/runner.ts';
import type { AcmeKeeper } from './acme-keeper.ts';
import { listenerAddresses } from './addresses.ts';
import type { AffinityKeeper } from './affinity-keeper.ts';
import type { AliasKeeper } from './alias-keeper.ts';
import { outsideNamesOf } from './dns-handler.ts';
import type { Fleet } from './fleet.ts';
import type { GeoKeeper } from './geo-keeper.ts';
import { assignSlots, healthSets, slottedSets } from './health-sets.ts';
import type { KernelListeners } from './kernel-listeners.ts';
import { LeavingListeners } from './leaving.ts';
import { freshSockets, heldByOurselves, portsInUse, unwritableLog } from './preflight.ts';
import { MAX_LISTENERS } from './shared-memory.ts';
import type { Blueprint } from './snapshot.ts';
import { NO_TLS, type TlsKeeper } from './tls-keeper.ts';
import type { VariantSlots } from './variant-slots.ts';
import { wafIssues } from './waf-check.ts';
import { readZones } from './zones.ts';

/** Which listener gets which of them. */
function givenTo(config: Config, inherited: readonly InheritedSocket[]): Blueprint['sockets'] {
  if (inherited.length === 0) return {};
  const all = listenerAddresses(config).map(({ name, bind }) => {
    const of = (transport: 'tcp' | 'udp'): readonly number[] => socketsFor(inherited, name, bind, transport);
    return [name, { tcp: of('tcp'), udp: of('udp') }] as const;
  });
  return Object.fromEntries(all.filter(([, { tcp, udp }]) => tcp.length + udp.length > 0));
}

const SWEEP_MS = 1000;
/** Longer than a probe takes by default, connection, answer and all. */
const FIRST_PROBES_MS = 3000;
const FIRST_PROBES_POLL_MS = 10;

export interface TransactionParts {
  readonly clock: Clock;
  /** Where relative paths in configurations begin. */
  readonly folder: string;
  readonly registry: SlotRegistry;
  readonly health: HealthTable;
  readonly probes: ProbeRunner;
  readonly fleet: Fleet;
  readonly kernel: KernelListeners;
  readonly geo: GeoKeeper;
  readonly tls: TlsKeeper;
  readonly acme: AcmeKeeper;
  readonly aliases: AliasKeeper;
  readonly affinity: AffinityKeeper;
  readonly variants: VariantSlots;
  /** Sockets that this process was given. */
  readonly inherited: readonly InheritedSocket[];
}

export interface Change {
  readonly next: Config;
  readonly kindsFile: string;
  readonly changes: Plan;
  /** What is in effect; undefined at the start. */
  readonly current: Blueprint | undefined;
  readonly version: number;
}

export class Transaction {
  readonly #parts: TransactionParts;
  /** Rows of the counters by listener name; never given back. */
  readonly listenerSlots = new Map<string, number>();
  readonly #leaving = new LeavingListeners();

  constructor(parts: TransactionParts) {
    this.#parts = parts;
  }

  /** The blueprint that is in effect from now on, or what stood in the way. */
  async run(change: Change): Promise<Result<Blueprint, ConfigIssue[]>> {
    const { kernel, geo, tls, acme, aliases } = this.#parts;
    const prepared = await this.#prepare(change);
    if (prepared.ok) return ok(await this.#commit(prepared.value, change));
    await kernel.abort();
    geo.abort();
    acme.abort();
    tls.abort();
    aliases.abort();
    this.#parts.variants.retain(change.current?.config);
    this.#undo(change.current);
    return prepared;
  }

  /** Everything that can fail. */
  async #prepare({ next, kindsFile, changes, current, version }: Change): Promise<Result<Blueprint, ConfigIssue[]>> {
    const { clock, folder, fleet, kernel, geo, acme, tls, affinity } = this.#parts;
    const refuse = (path: readonly string[], message: string) => err([{ path, message }]);
    const assigned = this.#assign(next, kindsFile, version);
    if (!assigned.ok) return refuse(['pools'], assigned.error);
    const forwarded = await kernel.prepare(assigned.value);
    if (!forwarded.ok) return err([forwarded.error]);
    const zones = await readZones(next.dns, folder, clock.epoch(), current?.dns);
    if (!zones.ok) return zones;
    const places = await geo.prepare(next);
    if (!places.ok) return refuse(['geo'], places.error);
    // First, so that there are files to read.
    const obtained = await acme.prepare(next);
    if (!obtained.ok) return obtained;
    const firewalls = wafIssues(next);
    if (firewalls.length > 0) return err(firewalls);
    const certificates = await tls.prepare(next);
    if (!certificates.ok) return certificates;
    const secrets = await affinity.prepare(next);
    if (!secrets.ok) return secrets;
    const blueprint = {
      ...assigned.value,
      kernel: forwarded.value,
      dns: zones.value,
      geo: places.value,
      tls: certificates.value,
      sockets: current === undefined ? givenTo(next, this.#parts.inherited) : {},
      affinityKeys: secrets.value,
    };
    const fresh = freshSockets(changes, blueprint, current);
    const refused =
      (await unwritableLog(next)) ??
      heldByOurselves(fresh, current) ??
      (await portsInUse(fresh, fleet.size > 1, (bind) => this.#leaving.holderOf(bind, clock.now()))) ??
      (await this.#prepareWorkers(blueprint, current));
    return refused === undefined ? ok(blueprint) : refuse(['listeners'], refused);
  }

  async #prepareWorkers(blueprint: Blueprint, current: Blueprint | undefined): Promise<string | undefined> {
    // Endpoints join now, so that workers can build on their slots; a pool's new policies wait until nothing can fail.
    this.#publishHealth(blueprint, { ...blueprint.config.pools, ...current?.config.pools }, current);
    await Promise.all([this.#lookUpAliases(blueprint), blueprint.dns === undefined ? undefined : this.#firstProbes()]);
    const prepared = await this.#parts.fleet.prepare(blueprint);
    return prepared.ok ? undefined : prepared.error;
  }

  /** Nothing can fail here. */
  async #commit(blueprint: Blueprint, { next, changes, current }: Change): Promise<Blueprint> {
    const { clock, fleet, kernel, geo, tls, acme, aliases, health, registry, probes } = this.#parts;
    geo.commit();
    tls.commit();
    aliases.commit();
    await kernel.commit(blueprint);
    await fleet.commit();
    acme.commit();
    if (current !== undefined) this.#publishHealth(blueprint, next.pools, current);
    this.#leaving.applied(changes, blueprint, current, clock.now());
    for (const name of Object.keys(current?.config.pools ?? {}))
      if (next.pools[name] === undefined) health.removePool(name);
    registry.retain(slottedSets(blueprint));
    this.#parts.variants.retain(next);
    health.prune();
    probes.sync();
    this.#sweep();
    return blueprint;
  }

  #lookUpAliases({ config, dns }: Blueprint): Promise<void> {
    if (config.dns === undefined || dns === undefined)
      return this.#parts.aliases.prepare({ names: new Set(), servers: [] });
    return this.#parts.aliases.prepare({ names: outsideNamesOf(config.dns, dns), servers: config.dns.resolvers });
  }

  /** A DNS answer is kept by others, so none is given before it is known who is up. */
  async #firstProbes(): Promise<void> {
    const { clock, health, probes } = this.#parts;
    probes.sync();
    const until = clock.now() + FIRST_PROBES_MS;
    const isChecking = (): boolean => health.snapshot().some(({ state }) => state === 'checking');
    while (isChecking() && clock.now() < until) {
      await new Promise<void>((resolve) => clock.after(FIRST_PROBES_POLL_MS, resolve));
    }
  }

  #publishHealth(blueprint: Blueprint, policies: Config['pools'], current: Blueprint | undefined): void {
    const initial = current === undefined;
    for (const set of healthSets(blueprint, policies)) this.#parts.health.setPool(set, { initial });
  }

  /** Everything as it was before: the old sets, the old policies. */
  #undo(current: Blueprint | undefined): void {
    const { health, registry, probes } = this.#parts;
    const sets = current === undefined ? [] : slottedSets(current);
    registry.retain(sets);
    const kept = new Set(sets.map(({ name }) => name));
    for (const { name } of health.pools()) if (!kept.has(name)) health.removePool(name);
    if (current !== undefined) this.#publishHealth(current, current.config.pools, current);
    health.prune();
    probes.sync();
    registry.sweep();
  }

  #assign(config: Config, kindsFile: string, version: number): Result<Blueprint, string> {
    const { registry } = this.#parts;
    const slots = assignSlots(registry, config);
    if (!slots.ok) return slots;
    for (const { name } of listenerAddresses(config)) {
      if (this.listenerSlots.has(name)) continue;
      if (this.listenerSlots.size >= MAX_LISTENERS)
        return err(`listener "${name}" does not fit: ${MAX_LISTENERS} names are the limit`);
      this.listenerSlots.set(name, this.listenerSlots.size);
    }
    const variantSlots = this.#parts.variants.assign(config);
    if (!variantSlots.ok) return variantSlots;
    return ok({
      version,
      config,
      ...slots.value,
      dns: undefined,
      geo: [],
      tls: NO_TLS,
      listenerSlots: Object.fromEntries(this.listenerSlots),
      variantSlots: variantSlots.value,
      sockets: {},
      kernel: [],
      affinityKeys: {},
      kindsFile,
    });
  }

  /** Slots of removed endpoints are given back once nothing runs on them. */
  #sweep(): void {
    const { registry, clock } = this.#parts;
    if (registry.sweep() > 0) clock.after(SWEEP_MS, () => this.#sweep());
  }
}
