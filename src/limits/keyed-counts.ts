// Owns how many are open and how many began in the last second, by key, over all workers of a node: what caps on
// connections count with. Exact but for one race: two workers that ask at the same instant may both be refused the last
// place, never both be given it. A key that finds no place in the table is not counted, and so not capped.

import type { KeyedTable } from '../core/keyed-table.ts';

const OPEN = 0;
/** Number of the second that `CURRENT` counts. */
const SECOND = 1;
const CURRENT = 2;
const PREVIOUS = 3;

/** Of a counted key; 0 is none. */
export type CountTicket = number;

export class KeyedCounts {
  readonly #table: KeyedTable;
  #second = 0;

  constructor(table: KeyedTable) {
    this.#table = table;
  }

  /**
   * Counts one more of the key, unless that makes more than `maxOpen` at once or `maxRate` within a second (0: no limit).
   * Returns a ticket to give back by `end`, 0 when it could not be counted, or -1 when it is refused.
   */
  begin(space: number, key: string, maxOpen: number, maxRate: number, now: number): CountTicket {
    const table = this.#table;
    this.#second = Math.floor(now / 1000);
    table.select(space, key);
    const entry = table.claim(this.#staleness);
    if (entry < 0) return 0;
    this.#turn(entry);
    // Counted first and looked at then, so that the others see it.
    table.add(entry, OPEN, 1);
    table.add(entry, CURRENT, 1);
    if ((maxOpen > 0 && this.#open() > maxOpen) || (maxRate > 0 && this.#rate(now) > maxRate)) {
      table.add(entry, OPEN, -1);
      table.add(entry, CURRENT, -1);
      return -1;
    }
    // Entries begin at 0, which means "none".
    return entry + 1;
  }

  end(ticket: CountTicket): void {
    if (ticket > 0) this.#table.add(ticket - 1, OPEN, -1);
  }

  open(space: number, key: string): number {
    this.#table.select(space, key);
    return this.#open();
  }

  /** A ticket that is open keeps its place. */
  readonly #staleness = (entry: number): number => {
    if (this.#table.get(entry, OPEN) > 0) return -1;
    return this.#second - this.#table.get(entry, SECOND);
  };

  #turn(entry: number): void {
    const table = this.#table;
    const passed = this.#second - table.get(entry, SECOND);
    if (passed <= 0) return;
    table.set(entry, PREVIOUS, passed === 1 ? table.get(entry, CURRENT) : 0);
    table.set(entry, CURRENT, 0);
    table.set(entry, SECOND, this.#second);
  }

  #open(): number {
    let sum = 0;
    for (let worker = 0; worker < this.#table.workers; worker++) {
      const entry = this.#table.find(worker);
      if (entry >= 0) sum += this.#table.get(entry, OPEN);
    }
    return sum;
  }

  /** This second's, and of the second before the part that is less than a second ago. */
  #rate(now: number): number {
    const table = this.#table;
    const left = 1 - (now / 1000 - this.#second);
    let sum = 0;
    for (let worker = 0; worker < table.workers; worker++) {
      const entry = table.find(worker);
      if (entry < 0) continue;
      const passed = this.#second - table.get(entry, SECOND);
      if (passed === 0) sum += table.get(entry, CURRENT) + table.get(entry, PREVIOUS) * left;
      else if (passed === 1) sum += table.get(entry, CURRENT) * left;
    }
    return sum;
  }
}
