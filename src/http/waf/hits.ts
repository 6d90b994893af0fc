// Owns what is told of something that was found: which rule, where, and what matched, in a form that harms nobody who reads it. What
// the engine took for a secret is not in it.

import type { EngineMatch } from './engine.ts';

const MOST_TEXT = 64;

export interface Hit {
  readonly rule: string;
  readonly name: string;
  readonly type: string;
  /** Address, and the way to the value in it. */
  readonly where: string;
  readonly matched: string;
}

export function hitOf({ rule, rule_matches: matches }: EngineMatch): Hit {
  const parameter = matches[0]?.parameters[0];
  const redacted = parameter?.value === '<Redacted>';
  const matched = redacted ? '<Redacted>' : (parameter?.highlight[0] ?? parameter?.value ?? '');
  const path = [parameter?.address ?? '', ...(parameter?.key_path ?? [])].join(':');
  return {
    rule: shown(rule.id, MOST_TEXT),
    name: shown(rule.name, 200),
    type: shown(rule.tags.type ?? '', MOST_TEXT),
    where: shown(path, 200),
    matched: shown(matched, MOST_TEXT),
  };
}

/** Cut first, so that an escape is never half. */
export function shown(text: string, most: number): string {
  const cut = text.length > most ? `${text.slice(0, most - 1)}…` : text;
  return cut.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
