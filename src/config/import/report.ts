// Owns the account of an import: what became of each record, and why. Nothing is left out silently.

export type Outcome = 'converted' | 'approximated' | 'refused';

export interface ImportEntry {
  readonly name: string;
  readonly type: string;
  /** Which of several record sets of the name; '' when there is one. */
  readonly set: string;
  readonly outcome: Outcome;
  /** What is not as it was, or why it is not there. */
  readonly notes: readonly string[];
}

export interface Imported {
  /** A part of a configuration, as a person writes it. */
  readonly document: Readonly<Record<string, unknown>>;
  readonly report: readonly ImportEntry[];
  /** About the whole. */
  readonly notes: readonly string[];
}

/** The entry of one record while it is being made. */
export class Account {
  readonly #name: string;
  readonly #type: string;
  readonly #set: string;
  readonly #notes: string[] = [];
  #outcome: Outcome = 'converted';

  constructor(name: string, type: string, set: string) {
    this.#name = name;
    this.#type = type;
    this.#set = set;
  }

  get refused(): boolean {
    return this.#outcome === 'refused';
  }

  /** It is there, and means nearly the same. */
  approximate(note: string): void {
    if (this.#outcome === 'converted') this.#outcome = 'approximated';
    this.#notes.push(note);
  }

  /** It is not there. */
  refuse(note: string): void {
    this.#outcome = 'refused';
    this.#notes.push(note);
  }

  get entry(): ImportEntry {
    return { name: this.#name, type: this.#type, set: this.#set, outcome: this.#outcome, notes: [...this.#notes] };
  }
}

const SIGNS: Readonly<Record<Outcome, string>> = { converted: '=', approximated: '~', refused: '!' };

export function reportText({ report, notes }: Imported): string {
  const count = (outcome: Outcome): number => report.filter((entry) => entry.outcome === outcome).length;
  const lines = report.map(({ name, type, set, outcome, notes: why }) => {
    const what = `${SIGNS[outcome]} ${name} ${type}${set === '' ? '' : ` (${set})`}: ${outcome}`;
    return [what, ...why.map((note) => `    ${note}`)].join('\n');
  });
  const total = `${count('converted')} converted, ${count('approximated')} approximated, ${count('refused')} refused`;
  return `${[...lines, ...notes, total].join('\n')}\n`;
}
