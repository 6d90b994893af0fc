// Owns named tables: from something of a request to a value, as `map` and `geo` are in nginx. An exact value comes before the
// longest prefix, that before the first regular expression; of networks the longest one that holds the address.

import type { TableConfig } from '../config/types.ts';
import { CidrMap } from '../core/cidr-map.ts';
import type { RequestHead, RoutingFacts } from './route.ts';
import { sourceReader } from './source.ts';
import { matcherOf } from './text.ts';

type Lookup = (head: RequestHead) => string | undefined;

export class Tables {
  readonly #lookups: ReadonlyMap<string, Lookup>;

  constructor(tables: Iterable<TableConfig>, facts: Pick<RoutingFacts, 'regex' | 'place'>) {
    this.#lookups = new Map(Array.from(tables, (table) => [table.name, lookupOf(table, facts)]));
  }

  /** What the table of that name says of the request; undefined when it says nothing. */
  value(name: string, head: RequestHead): string | undefined {
    return this.#lookups.get(name)?.(head);
  }
}

function lookupOf(table: TableConfig, facts: Pick<RoutingFacts, 'regex' | 'place'>): Lookup {
  const read = sourceReader(table.of, facts);
  const fallback = table.default;
  if (table.networks.length > 0) {
    const networks = new CidrMap(table.networks);
    return (head) => networks.get(read(head) ?? '') ?? fallback;
  }
  const find = textLookup(table, facts);
  return (head) => find(read(head)) ?? fallback;
}

function textLookup(
  { values }: TableConfig,
  { regex }: Pick<RoutingFacts, 'regex'>,
): (text: string | undefined) => string | undefined {
  const exact = new Map<string, string>();
  const prefixes: { text: string; value: string }[] = [];
  const rest: { holds: (text: string | undefined) => boolean; value: string }[] = [];
  for (const { match, value } of values) {
    if (match.kind === 'exact') exact.set(match.value, value);
    else if (match.kind === 'prefix') prefixes.push({ text: match.value, value });
    else rest.push({ holds: matcherOf(match, regex), value });
  }
  prefixes.sort((a, b) => b.text.length - a.text.length);
  return (text) => {
    if (text !== undefined) {
      const found = exact.get(text);
      if (found !== undefined) return found;
      for (const prefix of prefixes) if (text.startsWith(prefix.text)) return prefix.value;
    }
    for (const one of rest) if (one.holds(text)) return one.value;
    return undefined;
  };
}

/** Every value that a table can say. */
export function valuesOf({ values, networks, default: fallback }: TableConfig): readonly string[] {
  const all = [...values.map(({ value }) => value), ...networks.map(([, value]) => value)];
  return [...new Set(fallback === undefined ? all : [...all, fallback])];
}
