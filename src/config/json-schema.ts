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

/** Keys that may stand in the group at `path`, across all its variants. */
export function knownKeys(schema: z.ZodType, path: Path): string[] {
  let nodes: Json[] = [toJson(schema)];
  for (const step of path) nodes = nodes.flatMap(variants).flatMap((node) => child(node, step));
  return [...new Set(nodes.flatMap(variants).flatMap((node) => Object.keys((node.properties as Json) ?? {})))];
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
