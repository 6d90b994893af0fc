// Owns the step from a parsed table to the normalized one.

import type { Path } from '../issues.ts';
import { textMatch } from '../schema/match.ts';
import type { ParsedDocument } from '../schema.ts';
import type { TableConfig, TextMatch } from '../types.ts';
import type { Findings } from './findings.ts';

type Parsed = ParsedDocument['maps'][string];

export function compileTables(
  maps: Readonly<Record<string, Parsed>>,
  findings: Findings,
): Readonly<Record<string, TableConfig>> {
  return Object.fromEntries(
    Object.entries(maps).map(([name, table]) => [name, compileTable(name, table, ['maps', name], findings)]),
  );
}

function compileTable(name: string, parsed: Parsed, path: Path, findings: Findings): TableConfig {
  const values = Object.entries(parsed.values).map(([key, value]) => {
    const match = textMatch.parse(key) as TextMatch;
    findings.match(match, [...path, 'values', key]);
    return { match, value };
  });
  const networks = Object.entries(parsed.networks);
  for (const [cidr] of networks) findings.cidrs([cidr], [...path, 'networks']);
  if (networks.length > 0 && values.length > 0)
    findings.add([...path, 'networks'], 'stands beside "values"', 'make two maps of it');
  if (networks.length + values.length === 0) findings.add(path, 'needs "values" or "networks"');
  const { from } = parsed.of;
  if (networks.length > 0 && from !== 'client' && !('name' in parsed.of))
    findings.add([...path, 'of'], `is ${from}, which is no address`, 'of: client');
  return { name, of: parsed.of, values, networks, default: parsed.default };
}
