// Owns what is wrong with a configuration, as a value: where, what, and what to write instead.

export type Path = readonly (string | number)[];

export interface ConfigIssue {
  readonly path: Path;
  /** Reads on after the path: "pools.api.endpoints[0] needs a port, ...". */
  readonly message: string;
  readonly hint?: string;
  /** The key itself is wrong (unknown, misspelt), not its value. */
  readonly atKey?: boolean;
  /** 1-based; 0 when the place is not known. */
  readonly line?: number;
  readonly column?: number;
  /** The offending line of the file. */
  readonly text?: string;
}

export function formatPath(path: Path): string {
  let out = '';
  for (const part of path) {
    if (typeof part === 'number') out += `[${part}]`;
    else out += out === '' ? part : `.${part}`;
  }
  return out === '' ? 'the document' : out;
}

/** One line for a log. What concerns no single setting says by itself where it is. */
export function sentenceOf({ path, message }: ConfigIssue): string {
  return path.length < 2 ? message : `${formatPath(path)} ${message}`;
}

/** Damerau-Levenshtein distance (optimal string alignment). */
function distance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    rows[i] = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      rows[i][j] = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, rows[i - 1][j - 1] + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        rows[i][j] = Math.min(rows[i][j], rows[i - 2][j - 2] + 1);
      }
    }
  }
  return rows[a.length][b.length];
}

/** `did you mean "..."?`, or the list of what is known when nothing is near. */
export function suggest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const ranked = known.map((name) => ({ name, away: distance(word.toLowerCase(), name.toLowerCase()) }));
  ranked.sort((a, b) => a.away - b.away);
  const nearest = ranked[0];
  if (nearest.away <= Math.max(1, Math.floor(word.length / 3))) return `did you mean "${nearest.name}"?`;
  return known.length <= 20 ? `known here: ${known.join(', ')}` : undefined;
}

/** One issue as it stands in a terminal: place, what, the line with a mark under it, the hint. */
export function formatIssue(file: string, issue: ConfigIssue): string {
  const place = issue.line ? `${file}:${issue.line}:${issue.column}` : file;
  let out = `${place}: ${formatPath(issue.path)} ${issue.message}`;
  if (issue.text !== undefined && issue.line) {
    const gutter = String(issue.line);
    const column = Math.max(0, (issue.column ?? 1) - 1);
    out += `\n  ${gutter} | ${issue.text}\n  ${' '.repeat(gutter.length)} | ${' '.repeat(column)}^`;
  }
  if (issue.hint !== undefined) out += `\n  hint: ${issue.hint}`;
  return out;
}
