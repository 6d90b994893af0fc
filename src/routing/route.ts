// Owns the vocabulary of routing: what it may ask about a request, and what a compiled router answers.

/** What a client proved about itself by TLS. */
export interface ClientCertificate {
  readonly subject: string;
  /** SHA-256, lower-case hex. */
  readonly fingerprint: string;
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
  /** Undefined: it showed none, or is not asked for one. */
  readonly certificate: ClientCertificate | undefined;
  /** By lower-case name; several fields joined by ', '. */
  header(name: string): string | undefined;
}

/** Synchronous; the cost does not grow with the number of routes by host and path. */
export interface Router<R> {
  match(head: RequestHead): R | undefined;
}

/** Makes a tester of a pattern that was checked for linear time before. It finds the pattern anywhere unless anchored. */
export type RegexCompiler = (pattern: string) => { test(text: string): boolean };
