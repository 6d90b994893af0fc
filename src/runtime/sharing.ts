// Owns the seams through which balancers that share what they find out reach into this one: which targets are probed here, what was
// agreed on elsewhere, what others measured, and what the status says of them. It shares nothing itself (src/cluster/ does).

import type { HealthTable } from '../health/table.ts';
import type { ProbeRunner } from '../probes/runner.ts';
import type { AcmeKeeper } from './acme-keeper.ts';
import type { CheckedTarget, ClusterStatus, LatencyReport, SharedAcme, Sharing, Verdict } from './facade.ts';
import type { FactKeeper } from './fact-keeper.ts';
import { latencyEntries } from './latency-files.ts';

export interface SharingParts {
  readonly health: HealthTable;
  readonly probes: ProbeRunner;
  readonly facts: FactKeeper;
  readonly acme: AcmeKeeper;
}

export class RuntimeSharing implements Sharing {
  readonly #parts: SharingParts;
  #may: ((id: string) => boolean) | undefined;
  #status: (() => ClusterStatus) | undefined;

  constructor(parts: SharingParts) {
    this.#parts = parts;
  }

  checked(): readonly CheckedTarget[] {
    return this.#parts.health.pools().flatMap(({ health, endpoints }) => {
      if (health === undefined) return [];
      return endpoints.map(({ id }) => ({ id, timeoutMs: health.timeoutMs }));
    });
  }

  probeOnly(may: ((id: string) => boolean) | undefined): void {
    this.#may = may;
    this.#parts.probes.only(may);
  }

  onProbe(listener: (id: string, verdict: Verdict, evidence: string) => void): void {
    this.#parts.health.onProbe(listener);
  }

  adopt(id: string, verdict: Verdict | undefined, evidence: string): void {
    const follow = this.#may !== undefined && !this.#may(id);
    this.#parts.health.adoptVerdict(id, verdict, evidence, follow);
  }

  learnLatency(report: LatencyReport): void {
    const entries = latencyEntries(report);
    if (entries.ok) this.#parts.facts.latency.learn(entries.value.filter(({ site }) => site === report.site));
  }

  shareAcme(shared: SharedAcme): void {
    this.#parts.acme.shareWith(shared);
    this.#parts.facts.challenges.shareWith(shared);
  }

  tellStatus(status: () => ClusterStatus): void {
    this.#status = status;
  }

  get status(): ClusterStatus | undefined {
    return this.#status?.();
  }
}
