// Owns finding where in the source a path of the document stands.

import { type Document, isMap, isPair, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import type { ConfigIssue, Path } from './issues.ts';

export interface Source {
  readonly text: string;
  /** 1-based line and column of a path, or undefined. */
  locate(path: Path, atKey: boolean): { line: number; column: number } | undefined;
}

export interface ParsedSource extends Source {
  readonly document: unknown;
  readonly issues: readonly ConfigIssue[];
}

const MAX_ALIASES = 100;

/** YAML 1.2, of which JSON is a part. */
export function parseYaml(text: string): ParsedSource {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: true, prettyErrors: false });
  const locate = (path: Path, atKey: boolean) => {
    const offset = offsetOf(document, path, atKey);
    if (offset === undefined) return undefined;
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const issues = document.errors.map((error): ConfigIssue => {
    const { line, col } = lines.linePos(error.pos[0]);
    return { path: [], message: `cannot be read: ${error.message}`, line, column: col };
  });
  let value: unknown;
  if (issues.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: MAX_ALIASES });
    } catch {
      issues.push({ path: [], message: `cannot be read: more than ${MAX_ALIASES} aliases`, line: 1, column: 1 });
    }
  }
  return { text, locate, issues, document: value };
}

/** The deepest part of `path` that exists; for an unknown key, the key itself. */
function offsetOf(document: Document, path: Path, atKey: boolean): number | undefined {
  let node = document.contents as Node | null;
  let offset = node?.range?.[0];
  for (let i = 0; i < path.length && node !== null; i++) {
    const step = path[i];
    if (isMap(node)) {
      const pair = node.items.find(
        (item) => isPair(item) && isScalar(item.key) && String(item.key.value) === String(step),
      );
      if (pair === undefined) return offset;
      const key = (pair.key as Node).range?.[0];
      const value = pair.value as Node | null;
      const last = i === path.length - 1;
      offset = last && atKey ? key : (value?.range?.[0] ?? key);
      // A group on its own lines is best shown by its key.
      if (last && !atKey && value !== null && (isMap(value) || isSeq(value)) && !value.flow) offset = key;
      node = value;
    } else if (isSeq(node) && typeof step === 'number') {
      const item = node.items[step] as Node | undefined;
      if (item === undefined) return offset;
      offset = item.range?.[0] ?? offset;
      node = item;
    } else return offset;
  }
  return offset;
}

/** A program has no positions of its values; the keys of the path, searched one behind the other, come close. */
export function locateInProgram(text: string): Source {
  return {
    text,
    locate(path) {
      let at = 0;
      let found = -1;
      for (const step of path) {
        if (typeof step === 'number') continue;
        const escaped = step.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
        const match = new RegExp(`(?:^|[\\s{,'"])(${escaped})['"]?\\s*[:,}(]`).exec(text.slice(at));
        if (match === null) break;
        found = at + match.index + match[0].indexOf(match[1]);
        at = found + match[1].length;
      }
      if (found < 0) return undefined;
      const before = text.slice(0, found).split('\n');
      return { line: before.length, column: before.at(-1)!.length + 1 };
    },
  };
}

/** Adds place and offending line to issues that have none. */
export function place(issues: readonly ConfigIssue[], source: Source): ConfigIssue[] {
  const lines = source.text.split('\n');
  const placed = issues.map((issue) => {
    const at =
      issue.line !== undefined
        ? { line: issue.line, column: issue.column ?? 1 }
        : source.locate(issue.path, issue.atKey === true);
    if (at === undefined) return issue;
    return { ...issue, ...at, text: (lines[at.line - 1] ?? '').replace(/\r$/, '').slice(0, 200) };
  });
  // In the order of the file, as a person works through it.
  return placed.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}
