// Owns the step from a parsed split to the normalized one.

import { type Path, suggest } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { RolloutConfig, SplitConfig } from '../types.ts';
import type { Findings } from './findings.ts';

type ParsedHttp = Extract<ParsedDocument['listeners'][string], { readonly protocol: 'http' | 'https' }>;
type ParsedSplit = NonNullable<ParsedHttp['routes'][number]['split']>;

export function compileSplit(split: ParsedSplit, path: Path, findings: Findings): SplitConfig {
  const { by, rollout } = split;
  const variants = Object.entries(split.variants).map(([name, variant]) => ({ name, ...variant }));
  for (const { name, force } of variants)
    for (const field of ['header', 'cookie', 'query'] as const)
      for (const [key, match] of Object.entries(force[field]))
        findings.match(match, [...path, 'variants', name, 'force', field, key]);
  if (variants.length === 0) findings.add([...path, 'variants'], 'must name at least one');
  else if (rollout === undefined && variants.every(({ weight }) => weight === 0))
    findings.add([...path, 'variants'], 'has no variant with a weight: nobody would get anything');
  return {
    by: by.from === 'cookie' ? { from: by.from, name: by.name, maxAgeSeconds: Math.floor(by.maxAge / 1000) } : by,
    variants: variants as SplitConfig['variants'],
    rollout: rollout === undefined ? undefined : compileRollout(split, rollout, [...path, 'rollout'], findings),
  };
}

function compileRollout(
  { variants }: ParsedSplit,
  { to, steps, every, halt }: NonNullable<ParsedSplit['rollout']>,
  path: Path,
  findings: Findings,
): RolloutConfig {
  const names = Object.keys(variants);
  if (!names.includes(to))
    findings.add([...path, 'to'], `names the variant "${to}", which does not exist`, suggest(to, names));
  else if (names.length < 2) findings.add(path, 'needs another variant to come from');
  steps.forEach((share, i) => {
    if (share === 0) findings.add([...path, 'steps', i], 'is nobody');
    else if (i > 0 && share <= steps[i - 1])
      findings.add([...path, 'steps', i], 'must be more than the step before it');
  });
  return { to, steps, everyMs: every, halt };
}
