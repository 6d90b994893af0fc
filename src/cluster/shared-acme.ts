// Owns certificates and challenges of all balancers: one of them orders for all, each answers for any of them when the authority comes
// to look, and what was obtained goes to all. Keys are among it, so it is for those who share a secret.

import type { Clock } from '../core/env.ts';
import type { Challenge, SharedAcme } from '../runtime/facade.ts';
import { type Board, type Fields, fieldsOf } from './board.ts';
import type { Lease } from './lease.ts';
import type { Member } from './members.ts';

export interface SharedCertificatesOptions {
  readonly board: Board;
  readonly clock: Clock;
  readonly name: string;
  /** Asked for when there is something to order. */
  readonly lease: () => Lease;
  /** How long the others have not been heard; 0: they are. */
  readonly aloneMs: () => number;
}

/** By then nobody else will order: certificates run out. */
const PATIENCE_MS = 3_600_000;
/** Nobody says that he has heard; news need milliseconds. */
const SPREAD_MS = 250;
const MOST_FILES = 10_000;
const MOST_CHALLENGES = 100;
const FILE = /^[^/\\\x00-\x1f]{1,255}\.pem$/;

export class SharedCertificates implements SharedAcme {
  readonly #options: SharedCertificatesOptions;
  /** By file; to give them back to a Redis that lost them, and to whoever listens later. */
  readonly #known = new Map<string, string>();
  readonly #theirs = new Map<string, readonly Challenge[]>();
  readonly #read = new Map<string, number>();
  #mine: readonly Challenge[] = [];
  #rev = 0;
  #others = 0;
  #isLoaded = false;
  #onCertificate: ((file: string, text: string) => void) | undefined;
  #onChallenges: ((all: readonly Challenge[]) => void) | undefined;

  constructor(options: SharedCertificatesOptions) {
    this.#options = options;
    options.board.on('certificate', (_node, { file }) => void this.#fetch(String(file)));
    options.board.on('challenges', (node, body) => this.#heard(node, body));
  }

  get rev(): number {
    return this.#rev;
  }

  mayOrder(): boolean {
    const { lease, aloneMs } = this.#options;
    return (lease().held && this.#isLoaded) || aloneMs() > PATIENCE_MS;
  }

  publishCertificate(file: string, text: string): void {
    this.#known.set(file, text);
    void this.#put(file, text);
  }

  onCertificate(listener: (file: string, text: string) => void): void {
    this.#onCertificate = listener;
    for (const [file, text] of this.#known) listener(file, text);
  }

  async publishChallenges(all: readonly Challenge[]): Promise<void> {
    const { board, name, clock } = this.#options;
    this.#mine = all;
    this.#rev = Math.floor(clock.epoch());
    void board.write('challenges', name, { all });
    await board.tell('challenges', name, { all });
    if (this.#others > 0 && all.length > 0) await new Promise<void>((resolve) => clock.after(SPREAD_MS, resolve));
  }

  onChallenges(listener: (all: readonly Challenge[]) => void): void {
    this.#onChallenges = listener;
  }

  members(all: readonly Member[], isNew: boolean): void {
    const { board, name } = this.#options;
    this.#others = all.filter(({ self }) => !self).length;
    if (isNew && this.#mine.length > 0) void board.write('challenges', name, { all: this.#mine });
    if (isNew || !this.#isLoaded) void this.#exchange();
    const names = new Set(all.map((one) => one.name));
    for (const node of this.#theirs.keys()) if (!names.has(node)) this.#set(node, []);
    for (const { name: node, self, revs } of all) {
      const rev = revs.challenges ?? 0;
      if (self || this.#read.get(node) === rev) continue;
      this.#read.set(node, rev);
      if (rev > 0) void board.read('challenges', node).then((body) => body !== undefined && this.#heard(node, body));
    }
  }

  /** Everything that is there comes here, and what is missing there goes there. */
  async #exchange(): Promise<void> {
    const { board } = this.#options;
    const reply = await board.ask('HKEYS', board.key('certificates'));
    if (!Array.isArray(reply)) return;
    const there = (reply as unknown[]).slice(0, MOST_FILES).map(String);
    for (const file of there) await this.#fetch(file);
    for (const [file, text] of this.#known) if (!there.includes(file)) await this.#put(file, text);
    this.#isLoaded = true;
  }

  async #put(file: string, text: string): Promise<void> {
    const { board, name } = this.#options;
    if (await board.write('certificates', file, { file, text })) await board.tell('certificate', name, { file });
  }

  async #fetch(file: string): Promise<void> {
    if (!FILE.test(file)) return;
    const body = await this.#options.board.read('certificates', file);
    // What lies under another name was put there by somebody else.
    if (body === undefined || body.file !== file || typeof body.text !== 'string') return;
    if (this.#known.get(file) === body.text) return;
    this.#known.set(file, body.text);
    this.#onCertificate?.(file, body.text);
  }

  #heard(node: string, { all }: Fields): void {
    if (!Array.isArray(all)) return;
    this.#set(
      node,
      all.slice(0, MOST_CHALLENGES).flatMap((one) => challengeOf(one) ?? []),
    );
  }

  #set(node: string, all: readonly Challenge[]): void {
    if (all.length === 0 && !this.#theirs.has(node)) return;
    if (all.length === 0) this.#theirs.delete(node);
    else this.#theirs.set(node, all);
    this.#onChallenges?.([...this.#theirs.values()].flat());
  }
}

function challengeOf(value: unknown): Challenge | undefined {
  const { type, token, answer, name, cert, key } = fieldsOf(value) ?? {};
  if (type === 'http-01' && typeof token === 'string' && typeof answer === 'string') return { type, token, answer };
  if (type !== 'tls-alpn-01' || typeof name !== 'string' || typeof cert !== 'string' || typeof key !== 'string')
    return undefined;
  return { type, name, cert, key };
}
