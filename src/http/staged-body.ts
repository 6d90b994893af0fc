// Owns the way of one body through the stages that filters put in its way, first to last, at once or over time.

import type { BodyStage } from './filter.ts';

export interface StagedBodyOwner {
  emit(bytes: Buffer): void;
  /** Once, after the last `emit`. */
  ended(fault: Error | undefined): void;
  /** It was full and is not any more. */
  drained(): void;
}

export class StagedBody {
  readonly #stages: readonly BodyStage[];
  readonly #owner: StagedBodyOwner;
  readonly #nexts: ((bytes: Buffer) => void)[] = [];
  #over = false;

  constructor(stages: readonly BodyStage[], owner: StagedBodyOwner) {
    this.#stages = [...stages];
    this.#owner = owner;
    for (const [i, stage] of this.#stages.entries()) {
      this.#nexts.push((bytes) => this.#pass(i + 1, bytes));
      stage.whenReady?.(() => {
        if (!this.#over && !this.isFull) this.#owner.drained();
      });
    }
  }

  get isFull(): boolean {
    return !this.#over && this.#stages.some((stage) => stage.isFull === true);
  }

  push(bytes: Buffer): void {
    this.#pass(0, bytes);
  }

  #pass(index: number, bytes: Buffer): void {
    if (this.#over) return;
    if (index === this.#stages.length) return this.#owner.emit(bytes);
    try {
      this.#stages[index].push(bytes, this.#nexts[index]);
    } catch (error) {
      this.#finish(error as Error);
    }
  }

  end(): void {
    this.#endFrom(0);
  }

  #endFrom(index: number): void {
    if (this.#over) return;
    if (index === this.#stages.length) return this.#finish(undefined);
    try {
      this.#stages[index].end(this.#nexts[index], (fault) => {
        if (fault === undefined) this.#endFrom(index + 1);
        else this.#finish(fault);
      });
    } catch (error) {
      this.#finish(error as Error);
    }
  }

  #finish(fault: Error | undefined): void {
    if (this.#over) return;
    if (fault !== undefined) for (const stage of this.#stages) stage.cancel?.();
    this.#over = true;
    this.#owner.ended(fault);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    for (const stage of this.#stages) stage.cancel?.();
  }
}
