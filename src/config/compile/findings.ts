// Owns the list of what is wrong with a document while it is being compiled, and the checks that many parts share.

import { parseCidr } from '../../core/cidr.ts';
import { readIp } from '../../core/ip.ts';
import type { ConfigIssue, Path } from '../issues.ts';
import { checkPattern } from '../regex.ts';
import type { TextMatch } from '../types.ts';

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

  match(match: TextMatch, path: Path): void {
    if (match.kind === 'regex') this.pattern(match.value, path);
  }

  /** Host names and `*.` wildcards, lower case. */
  hosts(list: readonly string[], path: Path): void {
    for (const [i, host] of list.entries()) this.#host(host, [...path, i]);
  }

  #host(host: string, path: Path): void {
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
      } else this.#host(name, [...path, i]);
    });
  }
}
