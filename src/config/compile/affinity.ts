// Owns the step from parsed session persistence to the normalized form: each kind has the options that mean something to it, and
// cookies are such as browsers keep.

import type { AffinityKind } from '../../affinity/affinity.ts';
import { AFFINITIES, affinityByName } from '../../affinity/index.ts';
import type { Path } from '../issues.ts';
import type { ParsedAffinity } from '../schema/affinity.ts';
import { redisConfig } from '../schema/redis.ts';
import type { AffinityConfig, AffinityCookieConfig, AffinitySecretsConfig } from '../types.ts';
import type { Findings } from './findings.ts';

/** Below this a secret can be guessed. */
const SHORTEST_KEY = 16;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const DOMAIN = /^\.?[a-z0-9-]+(\.[a-z0-9-]+)*$/i;
const COOKIE_PATH = /^\/[\x21-\x3a\x3c-\x7e]*$/;

const OPTIONS = {
  cookie: ['domain', 'path', 'httpOnly', 'secure', 'sameSite', 'persistent'],
  secrets: ['keys', 'keysFile'],
  store: ['store'],
} as const;

export function compileAffinity(
  parsed: ParsedAffinity | null | undefined,
  path: Path,
  findings: Findings,
): AffinityConfig | undefined {
  if (parsed == null) return undefined;
  const { by = parsed.cookie === undefined ? SOURCE : { kind: 'cookie' as const, name: parsed.cookie } } = parsed;
  if (parsed.by !== undefined && parsed.cookie !== undefined)
    findings.add(path, 'has both "by" and "cookie"', '"cookie: NAME" is short for "by: cookie:NAME"');
  const kind = affinityByName(by.kind)!;
  checkName(by.name, kind, path, findings);
  checkOptions(parsed, kind, path, findings);
  const { ttlMs, maxAgeMs, onDown, store } = parsed;
  return {
    by: by.kind,
    name: by.kind === 'header' ? by.name.toLowerCase() : by.name,
    ttlMs,
    maxAgeMs,
    onDown,
    cookie: kind.takes.cookie ? cookieOf(parsed, by.name, path, findings) : undefined,
    secrets: kind.takes.secrets ? secretsOf(parsed, path, findings) : undefined,
    store: store == null ? undefined : redisConfig(store),
  };
}

const SOURCE = { kind: 'source', name: '' } as const;

function checkName(name: string, kind: AffinityKind, path: Path, findings: Findings): void {
  if (!kind.named) {
    if (name !== '') findings.add([...path, 'by'], `has a name, "${name}", and ${kind.name} has none`);
    return;
  }
  if (name === '') findings.add([...path, 'by'], `needs a name`, `write ${kind.name}:NAME`);
  else if (kind.name !== 'query' && !TOKEN.test(name))
    findings.add(
      [...path, 'by'],
      `has "${name}", which is no name of a ${kind.name === 'header' ? 'field' : 'cookie'}`,
    );
}

function checkOptions(parsed: ParsedAffinity, kind: AffinityKind, path: Path, findings: Findings): void {
  for (const [what, options] of Object.entries(OPTIONS)) {
    if (kind.takes[what as keyof typeof OPTIONS]) continue;
    const takers = AFFINITIES.filter(({ takes }) => takes[what as keyof typeof OPTIONS]).map(({ name }) => name);
    for (const option of options) {
      if (parsed[option] == null) continue;
      findings.add([...path, option], `has no meaning by ${kind.name}`, `it is for ${takers.join(', ')}`);
    }
  }
}

function cookieOf(parsed: ParsedAffinity, name: string, path: Path, findings: Findings): AffinityCookieConfig {
  const {
    domain = '',
    path: under = '/',
    httpOnly = true,
    secure = 'auto',
    sameSite = 'lax',
    persistent = true,
  } = parsed;
  if (domain !== '' && !DOMAIN.test(domain)) findings.add([...path, 'domain'], `is "${domain}", which is no domain`);
  if (!COOKIE_PATH.test(under)) findings.add([...path, 'path'], 'must begin with / and have no space and no ;');
  if (sameSite === 'none' && secure === false)
    findings.add([...path, 'sameSite'], 'is none, and browsers keep such a cookie only with "secure"');
  if (/^__(?:host|secure)-/i.test(name) && secure !== true)
    findings.add([...path, 'secure'], `must be true: browsers keep "${name}" only then`);
  if (/^__host-/i.test(name) && (domain !== '' || under !== '/'))
    findings.add(path, `must have the path / and no domain: browsers keep "${name}" only then`);
  return { domain, path: under, httpOnly, secure, sameSite, persistent };
}

function secretsOf(parsed: ParsedAffinity, path: Path, findings: Findings): AffinitySecretsConfig {
  const { keys = [], keysFile = '' } = parsed;
  if (keys.length > 0 && keysFile !== '') findings.add(path, 'has both "keys" and "keysFile"');
  keys.forEach((key, i) => {
    // What stands there is a secret: the message must not repeat it.
    if (key.length < SHORTEST_KEY)
      findings.add(
        [...path, 'keys', i],
        `is shorter than ${SHORTEST_KEY} characters`,
        'openssl rand -base64 32 makes one',
      );
  });
  return { keys, keysFile };
}
