// Owns the verdicts that balancers share: what is probed here for all, what the others say, and what is believed of each target. It
// decides by vantage.ts; a target of which too few say anything is probed here as if there were nobody else.
//
//   target:  agreed ◀──a quorum says the same── waiting ──nobody says anything for too long──▶ local ──a quorum──▶ agreed

import type { Clock, Timer } from '../core/env.ts';
import type { Sharing, Verdict } from '../runtime/facade.ts';
import { type Board, type Fields, fieldsOf, tame } from './board.ts';
import { BEAT_MS, type Member } from './members.ts';
import { judge, type Said, type Testimony, vantagesOf } from './vantage.ts';

export interface SharedHealthOptions {
  readonly board: Board;
  readonly clock: Clock;
  readonly sharing: Sharing;
  readonly name: string;
  readonly vantages: number;
  /** 0: more than half. */
  readonly quorum: number;
}

interface Word {
  readonly verdict: Said;
  readonly evidence: string;
}

interface Theirs {
  rev: number;
  words: Map<string, Word>;
}

/** Verdicts that change together go together. */
const TOGETHER_MS = 10;
const MOST_TARGETS = 100_000;

export class SharedHealth {
  readonly #options: SharedHealthOptions;
  #live: readonly string[] = [];
  #joined = false;
  readonly #theirs = new Map<string, Theirs>();
  readonly #mine = new Map<string, Word>();
  readonly #changed = new Set<string>();
  /** One that comes back under its name goes on with higher numbers. */
  #rev: number;
  /** All of it must be written: it never was, or a Redis lost it. */
  #unwritten = true;
  #flush: Timer | undefined;
  readonly #assigned = new Map<string, readonly string[]>();
  readonly #waiting = new Map<string, number>();
  readonly #local = new Set<string>();
  readonly #handingOn = new Set<string>();
  readonly #agreed = new Set<string>();

  constructor(options: SharedHealthOptions) {
    this.#options = options;
    this.#rev = Math.floor(options.clock.epoch());
    options.sharing.onProbe((id, verdict, evidence) => this.#probed(id, verdict, evidence));
    options.board.on('verdicts', (node, body) => this.#heard(node, body));
  }

  get rev(): number {
    return this.#rev;
  }

  get counts() {
    const probed = this.#options.sharing.checked().filter(({ id }) => this.#isOurs(id)).length;
    return { probed, agreed: this.#agreed.size, local: this.#local.size, waiting: this.#waiting.size };
  }

  /** Who is there now. What they say is read where it is new. */
  members(all: readonly Member[], isNew: boolean): void {
    if (isNew || !this.#joined) this.#unwritten = true;
    this.#joined = true;
    const live = all.map(({ name }) => name);
    if (live.join() !== this.#live.join()) this.#assigned.clear();
    this.#live = live;
    for (const name of this.#theirs.keys()) if (!live.includes(name)) this.#theirs.delete(name);
    for (const { name, self, revs } of all)
      if (!self && this.#theirs.get(name)?.rev !== revs.verdicts) void this.#read(name);
    this.review();
    if (this.#unwritten) this.#later();
  }

  left(node: string): void {
    this.#live = this.#live.filter((name) => name !== node);
    this.#theirs.delete(node);
    this.#assigned.clear();
    this.review();
  }

  /** The others cannot be heard: everything is probed here, beginning with what was believed last. */
  alone(): void {
    this.#joined = false;
    this.#live = [];
    this.#theirs.clear();
    for (const set of [this.#waiting, this.#local, this.#handingOn, this.#agreed, this.#assigned]) set.clear();
    const { sharing } = this.#options;
    sharing.probeOnly(undefined);
    for (const { id } of sharing.checked())
      sharing.adopt(id, undefined, 'other balancers cannot be heard; checked here');
  }

  close(): void {
    this.#flush?.cancel();
  }

  /** Looks at all targets anew. */
  review(): void {
    if (!this.#joined) return;
    const targets = this.#options.sharing.checked();
    const known = new Set(targets.map(({ id }) => id));
    for (const set of [this.#waiting, this.#local, this.#handingOn, this.#agreed, this.#assigned, this.#mine])
      for (const id of set.keys()) if (!known.has(id)) set.delete(id);
    const findings = targets.map(({ id, timeoutMs }) => this.#judge(id, timeoutMs));
    this.#options.sharing.probeOnly((id) => this.#isOurs(id));
    for (const adopt of findings) adopt?.();
  }

  #reviewOne(id: string): void {
    if (!this.#joined) return;
    const target = this.#options.sharing.checked().find((one) => one.id === id);
    if (target === undefined) return;
    const before = this.#isOurs(id);
    const adopt = this.#judge(id, target.timeoutMs);
    if (this.#isOurs(id) !== before) this.#options.sharing.probeOnly((one) => this.#isOurs(one));
    adopt?.();
  }

  #assignedTo(id: string): readonly string[] {
    let nodes = this.#assigned.get(id);
    if (nodes === undefined) {
      nodes = vantagesOf(id, this.#live, this.#options.vantages);
      this.#assigned.set(id, nodes);
    }
    return nodes;
  }

  #isOurs(id: string): boolean {
    if (!this.#joined || this.#local.has(id) || this.#handingOn.has(id)) return true;
    return this.#assignedTo(id).includes(this.#options.name);
  }

  /** What is to be believed, once it is settled who probes. */
  #judge(id: string, timeoutMs: number): (() => void) | undefined {
    const { clock, sharing, name, quorum } = this.#options;
    const assigned = this.#assignedTo(id);
    const said = this.#testimonies(id);
    const isUnheard =
      judge(
        said.filter(({ node }) => assigned.includes(node)),
        assigned,
        quorum,
      ).kind === 'unknown';
    // Who probed it goes on until those whose turn it is have spoken.
    if (assigned.includes(name) || !isUnheard) this.#handingOn.delete(id);
    else if (this.#mine.has(id)) this.#handingOn.add(id);
    if (!assigned.includes(name) && !this.#handingOn.has(id) && this.#mine.delete(id)) this.#say(id);
    const judgement = judge(said, assigned, quorum);
    if (judgement.kind !== 'unknown') {
      this.#waiting.delete(id);
      this.#local.delete(id);
      const wasAgreed = this.#agreed.has(id);
      this.#agreed.add(id);
      if (judgement.kind === 'agreed') return () => sharing.adopt(id, judgement.verdict, judgement.evidence);
      // Whatever was believed stays; where nothing was, some can reach it.
      return wasAgreed ? undefined : () => sharing.adopt(id, 'up', judgement.evidence);
    }
    const since = this.#waiting.get(id) ?? clock.now();
    this.#waiting.set(id, since);
    if (clock.now() - since <= BEAT_MS + timeoutMs) return undefined;
    this.#local.add(id);
    this.#agreed.delete(id);
    return () => sharing.adopt(id, undefined, 'too few other balancers say anything; checked here');
  }

  #testimonies(id: string): Testimony[] {
    const all: Testimony[] = [];
    const mine = this.#mine.get(id);
    if (mine !== undefined) all.push({ node: this.#options.name, ...mine });
    for (const [node, { words }] of this.#theirs) {
      const word = words.get(id);
      if (word !== undefined) all.push({ node, ...word });
    }
    return all.sort((a, b) => (a.node < b.node ? -1 : 1));
  }

  #probed(id: string, verdict: Verdict, evidence: string): void {
    if (verdict === 'checking') return;
    // What is checked here for want of others is no testimony.
    if (this.#joined && !this.#mine.has(id) && !this.#assignedTo(id).includes(this.#options.name)) return;
    if (this.#mine.get(id)?.verdict === verdict) return;
    this.#mine.set(id, { verdict, evidence });
    this.#say(id);
    this.#reviewOne(id);
  }

  #say(id: string): void {
    this.#changed.add(id);
    this.#later();
  }

  #later(): void {
    this.#flush ??= this.#options.clock.after(TOGETHER_MS, () => {
      this.#flush = undefined;
      if (this.#joined) void this.#write();
    });
  }

  async #write(): Promise<void> {
    const { board, name } = this.#options;
    const from = this.#rev++;
    const rev = this.#rev;
    const changes = [...this.#changed].map((id) => [id, wordOf(this.#mine.get(id))]);
    this.#changed.clear();
    this.#unwritten = false;
    const words = [...this.#mine].map(([id, word]) => [id, wordOf(word)]);
    const written = board.write('verdicts', name, { rev, words });
    // Behind the other on the same connection: who reads because of it finds it.
    void board.tell('verdicts', name, { from, rev, changes });
    if (!(await written)) this.#unwritten = true;
  }

  #heard(node: string, { from, rev, changes }: Fields): void {
    if (!this.#joined || !this.#live.includes(node) || node === this.#options.name) return;
    const known = this.#theirs.get(node);
    if (known === undefined || known.rev !== from || !Array.isArray(changes)) return void this.#read(node);
    known.rev = Number(rev);
    for (const [id, word] of pairsOf(changes)) {
      if (word === undefined) known.words.delete(id);
      else known.words.set(id, word);
      this.#reviewOne(id);
    }
  }

  async #read(node: string): Promise<void> {
    const all = await this.#options.board.read('verdicts', node);
    if (all === undefined || !this.#joined || !this.#live.includes(node)) return;
    const rev = Number(all.rev);
    const known = this.#theirs.get(node);
    // News may have been faster.
    if (known !== undefined && known.rev >= rev) return;
    const words = new Map<string, Word>();
    for (const [id, word] of pairsOf(all.words)) if (word !== undefined) words.set(id, word);
    this.#theirs.set(node, { rev, words });
    this.review();
  }
}

function wordOf(word: Word | undefined): readonly [Said, string] | null {
  return word === undefined ? null : [word.verdict, word.evidence];
}

function* pairsOf(list: unknown): Iterable<readonly [string, Word | undefined]> {
  if (!Array.isArray(list)) return;
  for (const one of list.slice(0, MOST_TARGETS) as unknown[]) {
    if (!Array.isArray(one) || typeof one[0] !== 'string') continue;
    const [id, word] = one as [string, unknown];
    const said = Array.isArray(word) ? fieldsOf({ verdict: word[0], evidence: word[1] }) : undefined;
    const verdict = said?.verdict;
    if (verdict === 'up' || verdict === 'down') yield [id, { verdict, evidence: tame(said?.evidence, 200) }];
    else if (word === null) yield [id, undefined];
  }
}
