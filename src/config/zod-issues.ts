// Owns the translation of the schema library's findings into issues that a person can act on.

import type { z } from 'zod';
import { type ConfigIssue, type Path, suggest } from './issues.ts';
import type { Known } from './json-schema.ts';

type ZodIssue = z.core.$ZodIssue;
type KnownAt = (path: Path) => Known;

function hintFor(key: string, { keys, elsewhere }: Known): string | undefined {
  const owner = elsewhere.get(key);
  return owner === undefined ? suggest(key, keys) : `"${key}" is for ${owner}`;
}

export function translate(issues: readonly ZodIssue[], known: KnownAt): ConfigIssue[] {
  return issues.flatMap((issue) => translateOne(issue, [], known));
}

function translateOne(issue: ZodIssue, base: Path, known: KnownAt): ConfigIssue[] {
  const path = [...base, ...(issue.path as (string | number)[])];
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) =>
        withHint({ path: [...path, key], message: 'is not known here', atKey: true }, hintFor(key, known(path))),
      );
    case 'invalid_type':
      return [
        issue.input === undefined
          ? { path, message: 'is missing' }
          : { path, message: `must be ${article(issue.expected)}, not ${described(issue.input)}` },
      ];
    case 'invalid_value':
      return [
        withHint(
          {
            path,
            message: `must be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map((v) => JSON.stringify(v)).join(', ')}`,
          },
          typeof issue.input === 'string' ? near(issue.input, issue.values) : undefined,
        ),
      ];
    case 'too_small':
      return [
        { path, message: `must be at least ${issue.minimum}${issue.origin === 'string' ? ' characters long' : ''}` },
      ];
    case 'too_big':
      return [
        { path, message: `must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters long' : ''}` },
      ];
    case 'invalid_union':
      return union(issue, path, known);
    case 'invalid_key':
      return [{ path, message: issue.issues[0]?.message ?? 'is no valid name', atKey: true }];
    default:
      return [{ path, message: issue.message }];
  }
}

function union(issue: ZodIssue & { code: 'invalid_union' }, path: Path, known: KnownAt): ConfigIssue[] {
  const { discriminator, options } = issue as { discriminator?: string; options?: unknown[] };
  if (discriminator !== undefined && issue.errors.length === 0) {
    const input = issue.input as Record<string, unknown> | undefined;
    if (input === null || typeof input !== 'object') return [{ path, message: `cannot be ${described(input)}` }];
    const at = path.at(-1) === discriminator ? path : [...path, discriminator];
    const given = input[discriminator];
    const names = (options ?? known([...path, '*']).keys).filter((name) => name !== undefined).map(String);
    return [withHint({ path: at, message: `has no kind ${JSON.stringify(given)}` }, suggest(String(given), names))];
  }
  // The variant that got furthest says best what is wrong.
  const best = [...issue.errors].sort((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? [];
  const found = best.flatMap((inner) => translateOne(inner, path, known));
  return found.length > 0 ? found : [{ path, message: issue.message }];
}

function depth(issues: readonly ZodIssue[]): number {
  return Math.max(0, ...issues.map((issue) => issue.path.length));
}

function near(input: string, values: readonly unknown[]): string | undefined {
  const hint = suggest(input, values.map(String));
  return hint?.startsWith('did') ? hint : undefined;
}

function withHint(issue: ConfigIssue, hint: string | undefined): ConfigIssue {
  return hint === undefined ? issue : { ...issue, hint };
}

function article(expected: string): string {
  const names: Record<string, string> = {
    object: 'a group of settings',
    record: 'a group of named things',
    array: 'a list',
    string: 'text',
    number: 'a number',
    int: 'a whole number',
    boolean: 'true or false',
  };
  return names[expected] ?? expected;
}

function described(value: unknown): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a group of settings';
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? JSON.stringify(value)
    : typeof value;
}
