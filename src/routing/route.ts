// Owns the vocabulary of routing: what it may ask about a request, and what a compiled router answers.

/** What a client proved about itself by TLS. */
export interface ClientCertificate {
  readonly subject: string;
  /** SHA-256, lower-case hex. */
  readonly fingerprint: string;
}

/** The TLS connection that a request came by. */
export interface TlsView {
  /** Whom the client asked for, lower case; '' when it named nobody. */
  readonly serverName: string;
  /** '' when none was agreed on. */
  readonly alpn: string;
  /** `TLSv1.3` */
  readonly version: string;
}

/** What routing may ask about a request; implemented by the HTTP slice. */
export interface RequestHead {
  readonly method: string;
  /** Lower case, no port. */
  readonly host: string;
  /** Normalized (normalize.ts), without the query. */
  readonly path: string;
  /** Without '?'; '' if there is none. */
  readonly query: string;
  /** Text of the client's address. */
  readonly client: string;
  /** Undefined: in the clear. */
  readonly tls: TlsView | undefined;
  /** Undefined: it showed none, or is not asked for one. */
  readonly certificate: ClientCertificate | undefined;
  /** Who the client is, as a filter found out; '' when nobody did. */
  readonly identity: string;
  /** By lower-case name; several fields joined by ', '. */
  header(name: string): string | undefined;
}

/** Where a client is, as far as it is known; '' where it is not. */
export interface ClientPlace {
  readonly country: string;
  readonly continent: string;
}

/** Synchronous; the cost does not grow with the number of routes by host and path. */
export interface Router<R> {
  match(head: RequestHead): R | undefined;
}

/** A compiled regular expression. It finds the pattern anywhere unless anchored. */
export interface Pattern {
  test(text: string): boolean;
  exec(text: string): { readonly groups?: Readonly<Record<string, string | undefined>> | undefined } | null;
}

/** Makes one of a pattern that was checked for linear time before. */
export type RegexCompiler = (pattern: string) => Pattern;

/** What of a request a configuration's own program asks, and says whether the route takes it. */
export type Predicate = (request: PredicateRequest) => boolean;

export interface PredicateRequest extends RequestHead {
  /** `mobile`, `desktop` or `bot`. */
  readonly userAgent: string;
  readonly country: string;
  readonly continent: string;
  cookie(name: string): string | undefined;
  /** Of the query, decoded. */
  parameter(name: string): string | undefined;
}

/** What compiled conditions and tables may lean on beside the request. */
export interface RoutingFacts {
  readonly regex: RegexCompiler;
  place(client: string): ClientPlace;
  /** What a table says of a request. */
  table(name: string, head: RequestHead): string | undefined;
  /** By name. */
  readonly predicates: ReadonlyMap<string, Predicate>;
  /** One of them threw; its route is taken not to match. */
  onThrow(predicate: string, error: unknown): void;
}
