// Owns the rule that an endpoint back from ejection takes one request at a time. Requests that began before the ejection
// may still run (a WebSocket for hours) and must not block the trial, so they are told apart from trial requests.
// One gate for a pool and its successors over reloads, per worker. Over several workers the shared in-flight count keeps
// the trial to one request while nothing is left over from before; otherwise to one per worker at most.

import type { LoadTable } from '../core/load-table.ts';
import { leftOverIn } from '../health/left-over.ts';

export class TrialGate {
  readonly #load: LoadTable;
  /** Slots whose trial request runs in this worker. */
  readonly #running = new Set<number>();
  /** By slot in trial: requests from before that still run, as far as known. */
  readonly #leftOver = new Map<number, number>();

  constructor(load: LoadTable) {
    this.#load = load;
  }

  /** The set of slots in trial changed (perhaps). */
  sync(trials: ReadonlySet<number>): void {
    for (const slot of this.#leftOver.keys()) if (!trials.has(slot)) this.#leftOver.delete(slot);
    for (const slot of trials) {
      if (this.#leftOver.has(slot)) continue;
      this.#leftOver.set(slot, leftOverIn(Atomics.load(this.#load.state, slot)));
    }
  }

  mayTry(slot: number): boolean {
    if (this.#running.has(slot)) return false;
    const inFlight = Atomics.load(this.#load.inFlight, slot);
    const leftOver = this.#leftOver.get(slot) ?? 0;
    if (inFlight < leftOver) this.#leftOver.set(slot, inFlight);
    return inFlight <= leftOver;
  }

  /** `inFlight` is the count with this request in it. False: another worker was faster; undo it. */
  begin(slot: number, inFlight: number): boolean {
    if (this.#running.has(slot) || inFlight > (this.#leftOver.get(slot) ?? 0) + 1) return false;
    this.#running.add(slot);
    return true;
  }

  end(slot: number): void {
    this.#running.delete(slot);
  }
}
