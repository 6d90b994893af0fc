// Owns what is known of UDP listeners that a reload removed: their port is taken until their last flow has ended, because
// answers must leave by it. It knows who they are and how long that may take, not whether it is over: only a bind tells.

import type { Plan } from '../config/plan.ts';
import { type Address, formatAddress } from '../core/address.ts';
import { overlaps } from './bind-error.ts';
import type { Blueprint } from './snapshot.ts';

interface Leaving {
  readonly name: string;
  readonly bind: Address;
  /** Monotonic ms: flows are cut then. */
  readonly until: number;
}

export class LeavingListeners {
  #list: Leaving[] = [];

  /** A reload was applied. */
  applied({ unbind }: Plan, next: Blueprint, before: Blueprint | undefined, now: number): void {
    const { requestsMs, streamsMs } = next.config.drain;
    const until = now + Math.max(requestsMs, streamsMs);
    this.#list = this.#list.filter((one) => one.until > now);
    for (const { name, protocol, bind } of Object.values(before?.config.listeners ?? {})) {
      if (protocol !== 'udp' || before!.kernel.includes(name)) continue;
      if (unbind.includes(name) || next.kernel.includes(name)) this.#list.push({ name, bind, until });
    }
  }

  /** Why a UDP address may be in use, as far as it is our own doing. */
  holderOf(bind: Address, now: number): string | undefined {
    // Of several, all but the newest must have let go.
    const holder = this.#list.findLast((one) => one.until > now && overlaps(one.bind, bind));
    if (holder === undefined) return undefined;
    const left = Math.ceil((holder.until - now) / 1000);
    return (
      `${formatAddress(bind)} is held by the flows of the removed listener "${holder.name}", ` +
      `until the last of them ends or is cut in ${left} s (drain.streams); try again then`
    );
  }
}
