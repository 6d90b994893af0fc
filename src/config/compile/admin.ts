// Owns what the parts of an admin server must be to each other: whoever can be reached by others asks who they are.

import type { ParsedAdmin } from '../schema/admin.ts';
import type { AdminConfig } from '../types.ts';
import type { Findings } from './findings.ts';

const LOOPBACK = /^(?:127(?:\.\d{1,3}){3}|::1|localhost)$/;

export function compileAdmin(parsed: ParsedAdmin | null | undefined, findings: Findings): AdminConfig | undefined {
  if (parsed == null) return undefined;
  const { bind, tokens, tls, state, audit } = parsed;
  if (!LOOPBACK.test(bind.host) && tokens.length === 0) {
    findings.add(
      ['admin', 'bind'],
      'must be a loopback address, unless there are "tokens": without them nobody is asked who he is',
      'write 127.0.0.1:9900, or tokens: [{ name: ops, role: operate, tokenFile: ops.token }]',
    );
  }
  const names = new Set<string>();
  tokens.forEach(({ name, token, tokenFile }, i) => {
    if ((token === undefined) === (tokenFile === undefined))
      findings.add(['admin', 'tokens', i], 'needs either "token" or "tokenFile"');
    if (names.has(name)) findings.add(['admin', 'tokens', i, 'name'], `is "${name}", like another one`);
    names.add(name);
  });
  const normalized = tokens.map(({ name, role, token = '', tokenFile = '' }) => ({ name, role, token, tokenFile }));
  return { bind, tokens: normalized, tls, state, audit };
}
