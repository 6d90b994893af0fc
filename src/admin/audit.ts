// Owns the account of who changed what through the admin server: what was asked for, what it was before and after, and whether it
// came about. The newest are kept in memory; all go to whoever writes them down.

export interface AuditEntry {
  /** Wall-clock ms. */
  readonly at: number;
  readonly who: string;
  /** Address of the client. */
  readonly from: string;
  /** `set-weight`, `drain`, `apply-config`, ... */
  readonly action: string;
  /** Which endpoint, site, split, version. */
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly note: string;
  readonly outcome: 'done' | 'refused';
}

const KEPT = 500;

export class Audit {
  readonly #entries: AuditEntry[] = [];
  readonly #write: (entry: AuditEntry) => void;
  readonly #listeners = new Set<(entry: AuditEntry) => void>();

  constructor(write: (entry: AuditEntry) => void) {
    this.#write = write;
  }

  add(entry: AuditEntry): void {
    this.#entries.push(entry);
    if (this.#entries.length > KEPT) this.#entries.shift();
    this.#write(entry);
    for (const listener of this.#listeners) listener(entry);
  }

  /** Newest first. */
  get entries(): readonly AuditEntry[] {
    return [...this.#entries].reverse();
  }

  /** Returns the unsubscriber. */
  subscribe(listener: (entry: AuditEntry) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
