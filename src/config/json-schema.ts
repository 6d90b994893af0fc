// Owns the published JSON Schema of the configuration, for editors, and the list of keys known at a path, for hints.

import { z } from 'zod';
import { BALANCERS } from '../balancing/index.ts';
import { written } from './fields.ts';
import type { Path } from './issues.ts';
import { documentSchema } from './schema.ts';

type Json = Record<string, unknown>;

function toJson(schema: z.ZodType): Json {
  return z.toJSONSchema(schema, {
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      const note = written.get(zodSchema as unknown as z.ZodType);
      if (note === undefined) return;
      const target = jsonSchema as Json;
      for (const key of Object.keys(target)) if (key !== 'default') delete target[key];
      if (note.same !== undefined) {
        const { $schema: _, ...same } = toJson(note.same as z.ZodType);
        Object.assign(target, same);
      } else if (note.long === undefined) Object.assign(target, note.json);
      else {
        const { $schema: _, ...long } = toJson(note.long as z.ZodType);
        const short = Object.keys(note.json).length > 0 ? note.json : (long.items as Json);
        target.anyOf = [short, long];
      }
    },
  }) as Json;
}

/** Draft 2020-12. */
export function configJsonSchema(): Json {
  return { title: 'Evenkeel configuration', ...toJson(documentSchema(BALANCERS)) };
}

/** What may stand in one group of the document. */
export interface Known {
  readonly keys: readonly string[];
  /** Keys of the variants that this group is not, each with what it is for: `protocol http and tcp`. */
  readonly elsewhere: ReadonlyMap<string, string>;
}

/** Keys that may stand in the group at `path`. Of variants that the document tells apart (by `protocol`, `kind`) it is one. */
export function knownKeys(schema: z.ZodType, path: Path, document?: unknown): Known {
  let nodes: Json[] = [toJson(schema)];
  let given = document;
  for (const step of path) {
    nodes = chosen(nodes.flatMap(variants), given).flatMap((node) => child(node, step));
    given = isGroup(given) ? given[step] : undefined;
  }
  const all = nodes.flatMap(variants);
  const mine = chosen(all, given);
  const keys = new Set(mine.flatMap(keysOf));
  const elsewhere = new Map<string, string[]>();
  for (const node of all) {
    if (mine.includes(node)) continue;
    for (const key of keysOf(node))
      if (!keys.has(key)) elsewhere.set(key, [...(elsewhere.get(key) ?? []), ...names(node)]);
  }
  const told = [...elsewhere].filter(([, variant]) => variant.length > 0);
  return { keys: [...keys], elsewhere: new Map(told.map(([key, variant]) => [key, listed(variant)])) };
}

const isGroup = (value: unknown): value is Record<string | number, unknown> =>
  typeof value === 'object' && value !== null;

const propertiesOf = (node: Json): Record<string, Json> => (node.properties as Record<string, Json> | undefined) ?? {};
const keysOf = (node: Json): string[] => Object.keys(propertiesOf(node));

/** The words that tell a variant from the others, by key. */
function marks(node: Json): [key: string, value: unknown, fallback: boolean][] {
  return Object.entries(propertiesOf(node))
    .filter(([, property]) => 'const' in property)
    .map(([key, property]) => [key, property.const, property.default === property.const]);
}

/** `protocol http`. */
function names(node: Json): string[] {
  return marks(node).map(([key, value]) => `${key} ${String(value)}`);
}

/** `protocol http, https and tcp`. */
function listed(variantNames: readonly string[]): string {
  const [first, ...rest] = [...new Set(variantNames)];
  const all = [first, ...rest.map((name) => name.slice(name.indexOf(' ') + 1))];
  return all.length === 1 ? first : `${all.slice(0, -1).join(', ')} and ${all.at(-1)}`;
}

/** The variants that the document's group is; all of them when it does not say. */
function chosen(nodes: readonly Json[], given: unknown): readonly Json[] {
  if (!isGroup(given)) return nodes;
  const fitting = nodes.filter((node) =>
    marks(node).every(([key, value, fallback]) => given[key] === value || (given[key] === undefined && fallback)),
  );
  return fitting.some((node) => marks(node).length > 0) ? fitting : nodes;
}

function variants(node: Json): Json[] {
  const inner = [...((node.anyOf as Json[]) ?? []), ...((node.oneOf as Json[]) ?? [])];
  return [node, ...inner.flatMap(variants)];
}

function child(node: Json, step: string | number): Json[] {
  if (typeof step === 'number') return node.items === undefined ? [] : [node.items as Json];
  const named = (node.properties as Record<string, Json> | undefined)?.[step];
  if (named !== undefined) return [named];
  return typeof node.additionalProperties === 'object' ? [node.additionalProperties as Json] : [];
}
