// Owns the text that `nft` reads: a ruleset as a whole, as a person reads it, and the shortest way from one to another.
// Every script is one transaction: the kernel takes all of it or none. Pure.

import type { NftMap, Ruleset } from './ruleset.ts';

export interface TableOptions {
  readonly table: string;
  /** Shown by `nft list`, so that an operator sees whose the table is. */
  readonly comment: string;
}

/** The table as it is to be, whatever is there now. Connections that are established do not notice. */
export function createScript(next: Ruleset, { table, comment }: TableOptions): string {
  const at = `inet ${table}`;
  const head = [
    `add table ${at}`,
    `delete table ${at}`,
    // It belongs to the process that sends this, and is gone with it.
    `add table ${at} { flags owner; comment "${comment}"; }`,
  ];
  return lines([...head, ...changes(EMPTY, next, at)]);
}

/** '' when there is nothing to do. */
export function changeScript(previous: Ruleset, next: Ruleset, table: string): string {
  return lines(changes(previous, next, `inet ${table}`));
}

const EMPTY: Ruleset = { counters: new Map(), maps: new Map(), chains: new Map() };

function lines(commands: readonly string[]): string {
  return commands.length === 0 ? '' : `${commands.join('\n')}\n`;
}

function missing<V>(from: ReadonlyMap<string, V>, others: ReadonlyMap<string, unknown>): [string, V][] {
  return [...from].filter(([name]) => !others.has(name));
}

/** What refers comes after what it refers to; what is referred to is deleted last. */
function changes(previous: Ruleset, next: Ruleset, at: string): string[] {
  const newChains = missing(next.chains, previous.chains);
  const oldChains = missing(previous.chains, next.chains);
  const changed = [...next.chains].filter(([name, { rules }]) => {
    const before = previous.chains.get(name);
    return before !== undefined && !sameRules(before.rules, rules);
  });
  const oldMaps = missing(previous.maps, next.maps);
  return [
    ...missing(next.counters, previous.counters).map(([name]) => `add counter ${at} ${name}`),
    ...missing(next.maps, previous.maps).map(([name, map]) => `add ${map.sort} ${at} ${name} { ${map.type}; }`),
    ...newChains.map(([name, { hook }]) => `add chain ${at} ${name}${hook === '' ? '' : ` { ${hook} }`}`),
    ...[...changed, ...oldChains].map(([name]) => `flush chain ${at} ${name}`),
    ...oldMaps.map(([name, map]) => `flush ${map.sort} ${at} ${name}`),
    ...[...next.maps].flatMap(([name, map]) => elementChanges(previous.maps.get(name), map, `${at} ${name}`)),
    ...[...newChains, ...changed].flatMap(([name, { rules }]) => rules.map((rule) => `add rule ${at} ${name} ${rule}`)),
    ...oldChains.map(([name]) => `delete chain ${at} ${name}`),
    ...oldMaps.map(([name, map]) => `delete ${map.sort} ${at} ${name}`),
    ...missing(previous.counters, next.counters).map(([name]) => `delete counter ${at} ${name}`),
  ];
}

function sameRules(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}

function elementChanges(before: NftMap | undefined, { elements }: NftMap, at: string): string[] {
  if (before?.elements === elements) return [];
  const old = before?.elements ?? new Map<string, string>();
  const gone = [...old].filter(([key, value]) => elements.get(key) !== value).map(([key]) => key);
  const come = [...elements].filter(([key, value]) => old.get(key) !== value).map(([key, value]) => entry(key, value));
  const out: string[] = [];
  if (gone.length > 0) out.push(`delete element ${at} { ${gone.join(', ')} }`);
  if (come.length > 0) out.push(`add element ${at} { ${come.join(', ')} }`);
  return out;
}

function entry(key: string, value: string): string {
  return value === '' ? key : `${key} : ${value}`;
}

/** As `nft list table` shows it, and as `nft -f` reads it. */
export function printRuleset({ counters, maps, chains }: Ruleset, { table, comment }: TableOptions): string {
  const blocks = [
    ...[...counters.keys()].map((name) => [`counter ${name} {`, '}']),
    ...[...maps].map(([name, map]) => [`${map.sort} ${name} {`, `\t${map.type}`, ...elementLines(map), '}']),
    ...[...chains].map(([name, { hook, rules }]) => [
      `chain ${name} {`,
      ...(hook === '' ? [] : [`\t${hook}`]),
      ...rules.map((rule) => `\t${rule}`),
      '}',
    ]),
  ];
  const body = blocks.map((block) => block.map((line) => `\t${line}`).join('\n')).join('\n\n');
  return `table inet ${table} {\n\tcomment "${comment}"\n\n${body}\n}\n`;
}

const WIDTH = 100;

function elementLines({ elements }: NftMap): string[] {
  if (elements.size === 0) return [];
  const out: string[] = [];
  let line = '';
  for (const [key, value] of elements) {
    const text = entry(key, value);
    if (line !== '' && line.length + text.length > WIDTH) {
      out.push(`${line},`);
      line = text;
    } else line += line === '' ? text : `, ${text}`;
  }
  return [`\telements = { ${[...out, line].join('\n\t\t\t     ')} }`];
}
