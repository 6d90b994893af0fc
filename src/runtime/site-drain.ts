// Owns taking a whole site out without a client noticing: first its addresses leave the answers, then, when every answer that
// was given has run out, its pool's endpoints take no new work.
//
//   in use ──begin──▶ out of the answers ──longest TTL──▶ endpoints drain ──end──▶ in use
//                            └──────────────end──────────────────────────────────▲

import { membersOf } from '../config/compile/steering.ts';
import type { Config, PolicyConfig } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { Clock, Timer } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { OverrideMode } from '../health/override.ts';
import { siteId } from './health-sets.ts';

export type Override = (id: string, mode: OverrideMode, note: string) => Result<unknown, string>;

/** Seconds that an answer with this site may be kept; 0 when no record leads there. */
export function longestTtl({ dns, policies }: Config, site: string): number {
  const leads = (policy: PolicyConfig): boolean =>
    membersOf(policy).some(([name]) => name === site || (policies[name] !== undefined && leads(policies[name])));
  const ttls = Object.values(dns?.zones ?? {}).flatMap(({ records }) =>
    records.filter(({ steer, fallback }) =>
      [steer, fallback].some((one) => one !== undefined && leads(one as PolicyConfig)),
    ),
  );
  return Math.max(0, ...ttls.map(({ ttl }) => ttl));
}

export class SiteDrains {
  readonly #clock: Clock;
  readonly #override: Override;
  readonly #waiting = new Map<string, Timer>();

  constructor(clock: Clock, override: Override) {
    this.#clock = clock;
    this.#override = override;
  }

  /** Resolves to how many seconds pass before the endpoints drain. */
  begin(config: Config, name: string, note: string): Result<number, string> {
    if (config.sites[name] === undefined) return err(`there is no site "${name}"`);
    this.#stopWaiting(name);
    this.#override(siteId(name), 'drain', note);
    const seconds = longestTtl(config, name);
    const timer = this.#clock.after(seconds * 1000, () => {
      this.#waiting.delete(name);
      this.#endpoints(config, name, 'drain', note);
    });
    this.#waiting.set(name, timer);
    return ok(seconds);
  }

  end(config: Config, name: string, note: string): Result<void, string> {
    if (config.sites[name] === undefined) return err(`there is no site "${name}"`);
    this.#stopWaiting(name);
    this.#endpoints(config, name, 'ready', note);
    this.#override(siteId(name), 'ready', note);
    return ok(undefined);
  }

  stop(): void {
    for (const name of this.#waiting.keys()) this.#stopWaiting(name);
  }

  #stopWaiting(name: string): void {
    this.#waiting.get(name)?.cancel();
    this.#waiting.delete(name);
  }

  #endpoints({ sites, pools }: Config, name: string, mode: OverrideMode, note: string): void {
    const pool = pools[sites[name].pool ?? ''];
    for (const { address } of pool?.endpoints ?? [])
      this.#override(`${pool.name}/${formatAddress(address)}`, mode, note);
  }
}
