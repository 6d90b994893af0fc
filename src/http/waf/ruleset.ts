// Owns what the engine is told at the beginning: the rules, which places are exempt from which of them, and what must not be
// shown of what it finds. An exemption is the engine's own: a rule that was exempt after it matched would hide others of its kind.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { WafExclusion } from '../../config/types.ts';
import { err, ok, type Result } from '../../core/result.ts';
import type { Resource } from '../resources.ts';
import type { Engine, EngineContext, EngineInstance } from './engine.ts';

/** Our own, for exemptions: the path without its query, normalized. */
export const PATH = 'evenkeel.path';
/** Where parameters stand. */
const PARAMETERS = [
  'server.request.query',
  'server.request.body',
  'server.request.cookies',
  'server.request.headers.no_cookies',
  'server.request.body.filenames',
];
const RECOMMENDED = new URL('../../../assets/waf/recommended.json', import.meta.url);
const MOST_BYTES = 16 * 1024 * 1024;

const SECRET_KEYS =
  '(?i)pass(?:word|wd|phrase|code)?|pwd|secret|token|authorization|api[-_]?key|private[-_]?key|session|credential|otp|cvv|card[-_]?number';
const SECRET_VALUES =
  '(?i)(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|authorization|session[-_]?id)["\']?\\s*[=:]|bearer\\s+[a-z0-9._-]+|eyJ[\\w=-]+\\.[\\w=-]+|-----BEGIN|\\b(?:\\d[ -]?){13,19}\\b';

interface Rules {
  readonly rules: readonly { readonly id: string }[];
  readonly exclusions?: readonly unknown[];
}

export interface RuleText {
  readonly rules: Rules;
  /** Changes with the content. */
  readonly digest: string;
}

/** `recommended`, or a file of the same form. The error is for the operator. */
export function readRules(from: string): Result<RuleText, string> {
  let text: string;
  try {
    text = readFileSync(from === 'recommended' ? RECOMMENDED : from, 'utf8');
  } catch (error) {
    return err(`cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
  if (text.length > MOST_BYTES) return err('is larger than 16 MB');
  try {
    const rules = JSON.parse(text) as Rules;
    if (!Array.isArray(rules.rules) || rules.rules.length === 0) return err('holds no "rules"');
    return ok({ rules, digest: createHash('sha256').update(text).digest('hex') });
  } catch {
    return err('is no JSON');
  }
}

/** The exemption at `at` names no rule there is. */
export function namesNothing({ rules }: Rules, { rule }: WafExclusion): boolean {
  return rule !== '' && !rules.some(({ id }) => matches(rule, id));
}

export class RuleSet implements Resource {
  readonly #instance: EngineInstance;

  constructor(instance: EngineInstance) {
    this.#instance = instance;
  }

  createContext(): EngineContext {
    return this.#instance.createContext();
  }

  /** Requests that came before a reload may still ask; the engine frees itself when nobody holds it any more. */
  close(): void {}
}

export function buildRuleSet(engine: Engine, rules: Rules, exclude: readonly WafExclusion[]): Result<RuleSet, string> {
  const exclusions = [...(rules.exclusions ?? []), ...exclude.map((one, i) => exemption(one, i, rules))];
  let instance: EngineInstance;
  try {
    instance = new engine({ version: '2.2', ...rules, exclusions }, 'rules', {
      obfuscatorKeyRegex: SECRET_KEYS,
      obfuscatorValueRegex: SECRET_VALUES,
    });
  } catch {
    return err('holds no rule that the engine understands');
  }
  const problem = problemOf(instance);
  if (problem === undefined) return ok(new RuleSet(instance));
  instance.dispose();
  return err(problem);
}

function problemOf({ diagnostics: { rules, exclusions } }: EngineInstance): string | undefined {
  if (rules?.error !== undefined) return `is not understood by the engine: ${rules.error}`;
  const [wrong] = Object.entries(rules?.errors ?? {});
  if (wrong !== undefined)
    return `holds rules that the engine refuses: ${wrong[1].slice(0, 3).join(', ')}: ${wrong[0]}`;
  if (exclusions?.error !== undefined || (exclusions?.failed?.length ?? 0) > 0)
    return 'has exemptions that the engine refuses';
  return undefined;
}

function exemption({ rule, path, parameter }: WafExclusion, i: number, { rules }: Rules): object {
  const ids = rules.filter(({ id }) => matches(rule, id)).map(({ id }) => ({ rule_id: id }));
  return {
    id: `evenkeel-${i}`,
    ...(rule === '' ? {} : { rules_target: ids }),
    ...(path === ''
      ? {}
      : {
          conditions: [
            {
              operator: 'match_regex',
              parameters: { inputs: [{ address: PATH }], regex: patternOf(path), options: { case_sensitive: true } },
            },
          ],
        }),
    ...(parameter === '' ? {} : { inputs: PARAMETERS.map((address) => ({ address, key_path: parameter.split('.') })) }),
  };
}

/** `*` is anything. */
function matches(pattern: string, id: string): boolean {
  return new RegExp(patternOf(pattern)).test(id);
}

function patternOf(glob: string): string {
  return `^${glob.replace(/[.+?^$|()[\]{}\\]/g, '\\$&').replace(/\*+/g, '.*')}$`;
}
