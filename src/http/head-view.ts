// Owns what routing, hash keys and filters may ask about the request at hand, answered from the parsed head without copying it.
// One instance serves a thread: valid until the next head is parsed. A request that is held has its own.

import type { ClientCertificate, TlsView } from '../routing/route.ts';
import type { RequestParser } from './codec/request-parser.ts';
import type { HeadEdits } from './head-edits.ts';

export class HeadView {
  #parser: RequestParser;
  method = '';
  /** Lower case, without port. */
  host = '';
  /** As the request names it: of its target before its Host. */
  authority = '';
  /** Normalized, without query. */
  path = '';
  query = '';
  /** The path that chose the route: filters may have changed `path` since. */
  routedPath = '';
  client = '';
  tls: TlsView | undefined;
  certificate: ClientCertificate | undefined;
  /** What filters did to the head so far. */
  edits: HeadEdits | undefined;
  /** Whom an authentication filter found. */
  identity = '';
  /** It has no route because its path can be read in several ways that lead elsewhere. */
  ambiguous = false;
  /** The variant that a split chose for it; '' outside of one. */
  variant = '';
  /** A Set-Cookie field that the answer must have; '' for none. */
  setCookie = '';

  constructor(parser: RequestParser) {
    this.#parser = parser;
  }

  set(path: string, client: string, tls: TlsView | undefined, certificate: ClientCertificate | undefined): void {
    const { target, method } = this.#parser;
    this.method = method;
    this.path = path;
    this.query = target.query;
    this.client = client;
    this.tls = tls;
    this.certificate = certificate;
    this.ambiguous = false;
    this.variant = '';
    this.setCookie = '';
    this.authority = target.authority;
    this.host = hostOf(target.authority);
    this.edits = undefined;
    this.identity = '';
  }

  /** The same request, for longer: `parser` is a copy of the one that was asked so far. */
  copy(parser: RequestParser): HeadView {
    const copy = new HeadView(parser);
    copy.take(this);
    return copy;
  }

  /** Everything that is known of the request beside its fields. */
  take(other: HeadView): void {
    this.method = other.method;
    this.host = other.host;
    this.authority = other.authority;
    this.path = other.path;
    this.query = other.query;
    this.routedPath = other.routedPath;
    this.client = other.client;
    this.tls = other.tls;
    this.certificate = other.certificate;
    this.edits = other.edits;
    this.identity = other.identity;
    this.ambiguous = other.ambiguous;
    this.variant = other.variant;
    this.setCookie = other.setCookie;
  }

  /** As the client wrote it. */
  get target(): string {
    return this.#parser.fields.text.slice(this.#parser.targetStart, this.#parser.targetEnd);
  }

  /** As the client sent them. */
  eachField(call: (name: string, value: string) => void): void {
    const { fields } = this.#parser;
    for (let i = 0; i < fields.count; i++) call(fields.name(i), fields.value(i));
  }

  /** `name` in lower case; repeated fields are joined. */
  header(name: string): string | undefined {
    const edited = this.edits?.now(name);
    return edited === undefined ? this.#parser.fields.get(name) : (edited ?? undefined);
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
