// Owns the list of what is wrong with a document while it is being compiled, and the checks that many parts share.

import { parseCidr } from '../../core/cidr.ts';
import { FRAMING_FIELDS } from '../../core/framing-fields.ts';
import { readIp } from '../../core/ip.ts';
import { compileTemplate, NAMED_VARIABLES, PLAIN_VARIABLES } from '../../routing/template.ts';
import type { ConfigIssue, Path } from '../issues.ts';
import { checkPattern } from '../regex.ts';
import type { TextMatch } from '../types.ts';

const TEMPLATE_HINT = `variables are ${PLAIN_VARIABLES.map((name) => `\${${name}}`).join(', ')}, ${NAMED_VARIABLES.map((name) => `\${${name}:NAME}`).join(', ')}`;

export class Findings {
  readonly issues: ConfigIssue[];

  constructor(issues: ConfigIssue[]) {
    this.issues = issues;
  }

  add(path: Path, message: string, hint?: string): void {
    this.issues.push(hint === undefined ? { path, message } : { path, message, hint });
  }

  cidrs(list: readonly string[], path: Path): void {
    list.forEach((cidr, i) => {
      const parsed = parseCidr(cidr);
      if (!parsed.ok) this.add([...path, i], `has "${cidr}": ${parsed.error}`);
    });
  }

  pattern(pattern: string, path: Path): void {
    const checked = checkPattern(pattern);
    if (!checked.ok) this.add(path, checked.error);
  }

  /** A text with variables. */
  template(text: string, path: Path): void {
    const compiled = compileTemplate(text);
    if (!compiled.ok) this.add(path, compiled.error, TEMPLATE_HINT);
  }

  /** Changes to fields of a head: names may be changed by nobody but us, or by everybody. */
  fieldName(name: string, path: Path, isRequest: boolean): void {
    const lower = name.replace(/\*$/, '').toLowerCase();
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(lower)) this.add(path, `has "${name}", which is no name of a field`);
    else if (FRAMING_FIELDS.has(lower)) this.add(path, `may not touch "${name}": it says how a message travels`);
    else if (isRequest && /^(?:x-forwarded-(?:for|proto|host)|forwarded|via)$/.test(lower))
      this.add(path, `may not touch "${name}": it is the balancer's own`, 'see "forwarded" of the listener');
  }

  match(match: TextMatch, path: Path): void {
    if (match.kind === 'regex') this.pattern(match.value, path);
  }

  /** Host names and `*.` wildcards, lower case. */
  hosts(list: readonly string[], path: Path): void {
    for (const [i, host] of list.entries()) this.host(host, [...path, i]);
  }

  host(host: string, path: Path): void {
    if (/^(\*\.)?[a-z0-9_-]+(\.[a-z0-9_-]+)*$|^\[[0-9a-f:.]+\]$/.test(host)) return;
    this.add(path, `has "${host}", which is no host name`, 'write app.example.com or *.example.com, without port');
  }

  /** What a TLS client may say whom it wants (RFC 6066 §3: names, never addresses). */
  serverNames(list: readonly string[], path: Path): void {
    list.forEach((name, i) => {
      if (name === '*') {
        this.add([...path, i], 'is every name', 'leave "sni" out: such a route takes what no other one does');
      } else if (readIp(name.replace(/^\[(.*)\]$/, '$1'), new Uint8Array(16)) !== 0) {
        const hint = 'clients that connect to an address name nobody: leave "sni" out';
        this.add([...path, i], `has "${name}", which is an address: TLS clients send names only`, hint);
      } else this.host(name, [...path, i]);
    });
  }
}
