// Writes src/config/document.ts: the configuration as a person writes it, as a TypeScript type made from the one schema,
// so that `defineConfig` completes and checks what YAML users get from the JSON Schema. Run by `npm run generate`.

import { writeFileSync } from 'node:fs';
import { BALANCERS } from '../src/balancing/index.ts';
import { configJsonSchema } from '../src/config/json-schema.ts';

type Json = Record<string, unknown>;

const HEADER = `// Generated from the schema by scripts/generate-types.ts; do not edit. The configuration as a person writes it.
// biome-ignore-all format: generated
`;

export function documentTypes(): string {
  if (BALANCERS.length === 0) throw new Error('no balancing kinds');
  return `${HEADER}\nexport interface DocumentInput ${typeOf(configJsonSchema(), '')}\n`;
}

function typeOf(schema: Json, indent: string): string {
  const union = (schema.anyOf ?? schema.oneOf) as Json[] | undefined;
  if (union !== undefined) return [...new Set(union.map((one) => typeOf(one, indent)))].join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (Array.isArray(schema.enum)) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (Array.isArray(schema.type)) return schema.type.map((type) => typeOf({ ...schema, type }, indent)).join(' | ');
  switch (schema.type) {
    case 'object':
      return object(schema, indent);
    case 'array': {
      const item = schema.items === undefined ? 'unknown' : typeOf(schema.items as Json, indent);
      return `readonly (${item})[]`;
    }
    case 'integer':
      return 'number';
    case 'string':
    case 'number':
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      return 'unknown';
  }
}

function object(schema: Json, indent: string): string {
  if (schema.properties === undefined) {
    const values = schema.additionalProperties;
    return `{ readonly [name: string]: ${typeof values === 'object' && values !== null ? typeOf(values as Json, indent) : 'unknown'} }`;
  }
  const required = new Set((schema.required as string[] | undefined) ?? []);
  const inner = `${indent}  `;
  const lines = Object.entries(schema.properties as Record<string, Json>).map(([key, value]) => {
    const note = docOf(value);
    const name = /^[A-Za-z_]\w*$/.test(key) ? key : JSON.stringify(key);
    return `${note === '' ? '' : `${inner}/** ${note} */\n`}${inner}readonly ${name}${required.has(key) ? '' : '?'}: ${typeOf(value, inner)};`;
  });
  return `{\n${lines.join('\n')}\n${indent}}`;
}

function docOf({ description, default: fallback, anyOf }: Json): string {
  const own = (description ?? (anyOf as Json[] | undefined)?.[0]?.description ?? '') as string;
  const simple = fallback !== undefined && (typeof fallback !== 'object' || fallback === null);
  const parts = [own, simple ? `Default: ${JSON.stringify(fallback)}.` : ''];
  // A pattern such as /a/*/b would end the comment.
  return parts
    .filter((part) => part !== '')
    .join(' ')
    .replaceAll('*/', '*\\/');
}

if (import.meta.main) {
  writeFileSync(new URL('../src/config/document.ts', import.meta.url), documentTypes());
  process.stdout.write('wrote src/config/document.ts\n');
}
