// Owns texts with variables: `${client}`, `${header:x-user}`. Checked when a configuration is compiled, filled in per request.
// What a variable stands for is said by whoever fills it in; what is not there becomes nothing.

import { err, ok, type Result } from '../core/result.ts';

/** Without an argument. */
export const PLAIN_VARIABLES = [
  'client',
  'country',
  'device',
  'endpoint',
  'host',
  'identity',
  'listener',
  'method',
  'path',
  'pool',
  'query',
  'requestId',
  'route',
  'scheme',
  'status',
  'traceId',
  'uri',
  'variant',
] as const;
/** With one: `${header:x-user}`. */
export const NAMED_VARIABLES = ['capture', 'claim', 'cookie', 'header', 'label', 'map', 'query', 'response'] as const;

export type PlainVariable = (typeof PLAIN_VARIABLES)[number];
export type NamedVariable = (typeof NAMED_VARIABLES)[number];

/** Fills variables in. `argument` is '' for plain ones. */
export interface Variables {
  variable(name: PlainVariable | NamedVariable, argument: string): string;
}

export interface Variable {
  readonly name: PlainVariable | NamedVariable;
  readonly argument: string;
}

export class Template {
  readonly #parts: readonly (string | Variable)[];

  constructor(parts: readonly (string | Variable)[]) {
    this.#parts = parts;
  }

  get variables(): readonly Variable[] {
    return this.#parts.filter((part) => typeof part !== 'string');
  }

  /** `each` is asked for every filled-in value, and says how it is to be written. */
  fill(from: Variables, each: (value: string) => string = asIs): string {
    const parts = this.#parts;
    if (parts.length === 1 && typeof parts[0] === 'string') return parts[0];
    let out = '';
    for (const part of parts) out += typeof part === 'string' ? part : each(from.variable(part.name, part.argument));
    return out;
  }
}

const asIs = (value: string): string => value;
const VARIABLE = /\$\{([^{}]*)\}/g;

/** `$${` stands for `${`. The error is for people. */
export function compileTemplate(text: string): Result<Template, string> {
  const parts: (string | Variable)[] = [];
  let literal = '';
  let from = 0;
  for (const match of text.matchAll(VARIABLE)) {
    const isEscaped = text[match.index - 1] === '$';
    const before = text.slice(from, isEscaped ? match.index - 1 : match.index);
    from = match.index + match[0].length;
    if (before.includes('${')) return err('has a "${" without its "}"');
    literal += before;
    if (isEscaped) {
      literal += match[0];
      continue;
    }
    const variable = variableOf(match[1]);
    if (variable === undefined) return err(`has no variable "${match[1]}"`);
    if (literal !== '') parts.push(literal);
    literal = '';
    parts.push(variable);
  }
  if (text.slice(from).includes('${')) return err('has a "${" without its "}"');
  literal += text.slice(from);
  if (literal !== '' || parts.length === 0) parts.push(literal);
  return ok(new Template(parts));
}

function variableOf(text: string): Variable | undefined {
  const colon = text.indexOf(':');
  if (colon < 0) {
    return PLAIN_VARIABLES.includes(text as PlainVariable) ? { name: text as PlainVariable, argument: '' } : undefined;
  }
  const name = text.slice(0, colon) as NamedVariable;
  const argument = text.slice(colon + 1);
  if (!NAMED_VARIABLES.includes(name) || argument === '') return undefined;
  return { name, argument: name === 'header' || name === 'response' ? argument.toLowerCase() : argument };
}
