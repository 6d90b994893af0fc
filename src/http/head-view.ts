// Owns what routing and hash keys may ask about the request at hand, answered from the parsed head without copying it.
// One instance serves a thread: valid until the next head is parsed.

import type { ClientCertificate } from '../routing/route.ts';
import type { RequestParser } from './codec/request-parser.ts';

export class HeadView {
  readonly #parser: RequestParser;
  method = '';
  /** Lower case, without port. */
  host = '';
  /** Normalized, without query. */
  path = '';
  query = '';
  client = '';
  certificate: ClientCertificate | undefined;

  constructor(parser: RequestParser) {
    this.#parser = parser;
  }

  set(path: string, client: string, certificate: ClientCertificate | undefined): void {
    const { target, method } = this.#parser;
    this.method = method;
    this.path = path;
    this.query = target.query;
    this.client = client;
    this.certificate = certificate;
    this.host = hostOf(target.authority);
  }

  /** `name` in lower case; repeated fields are joined. */
  header(name: string): string | undefined {
    return this.#parser.fields.get(name);
  }
}

let lastAuthority = '';
let lastHost = '';

/** Host of an authority in lower case, without port and trailing dot. Most requests in a row name the same one. */
export function hostOf(authority: string): string {
  if (authority === lastAuthority) return lastHost;
  const close = authority.lastIndexOf(']');
  const colon = authority.indexOf(':', close < 0 ? 0 : close);
  let host = (colon < 0 ? authority : authority.slice(0, colon)).toLowerCase();
  if (host.endsWith('.')) host = host.slice(0, -1);
  lastAuthority = authority;
  lastHost = host;
  return host;
}
