// Owns the normalized form of filters: what each kind is told. The order of a list is the order requests pass in.

/** One filter where it is written. What `settings` are is the kind's. */
export interface FilterEntry {
  readonly kind: string;
  readonly settings: unknown;
}

/** Texts may hold variables: see `routing/template.ts`. */
export interface FieldChanges {
  readonly set: Readonly<Record<string, string>>;
  readonly append: Readonly<Record<string, string>>;
  /** `x-internal-*` stands for all that begin so. */
  readonly remove: readonly string[];
}

export interface HeadersSettings {
  readonly request: FieldChanges;
  readonly response: FieldChanges;
}

export interface RedirectSettings {
  /** Text with variables: a path, or a whole address. */
  readonly to: string;
  readonly status: 301 | 302 | 303 | 307 | 308;
}

export interface RespondSettings {
  readonly status: number;
  readonly body: string;
  readonly type: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface RewriteSettings {
  /** What of the path is looked for; '' for the whole of it. */
  readonly path: string;
  /** `$1` and `$<name>` stand for groups; variables too. */
  readonly to: string;
  readonly stripPrefix: string;
  readonly addPrefix: string;
  readonly query: {
    readonly set: Readonly<Record<string, string>>;
    readonly remove: readonly string[];
  };
  /** Text with variables; '' leaves the host as it is. */
  readonly host: string;
}

export interface CorsSettings {
  /** `*`, whole origins, or `https://*.example.com`. */
  readonly origins: readonly string[];
  readonly methods: readonly string[];
  /** Request fields that scripts may send; `*` for those that are asked for. */
  readonly headers: readonly string[];
  /** Response fields that scripts may read. */
  readonly expose: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeMs: number;
}

export interface SecurityHeadersSettings {
  readonly contentSecurityPolicy: string;
  readonly frameOptions: 'deny' | 'sameorigin' | 'off';
  readonly referrerPolicy: string;
  readonly permissionsPolicy: string;
  readonly noSniff: boolean;
  readonly crossOriginOpenerPolicy: string;
  readonly crossOriginResourcePolicy: string;
  /** Fields that tell what software answers: taken off. */
  readonly hide: readonly string[];
}

export interface ErrorPagesSettings {
  readonly pages: readonly ErrorPage[];
  /** Answers of endpoints too, not only our own. */
  readonly intercept: boolean;
}

export interface ErrorPage {
  readonly status: readonly (readonly [number, number])[];
  readonly body: string;
  readonly type: string;
  /** 0: as it was. */
  readonly as: number;
}

export interface CompressSettings {
  /** In order of preference. */
  readonly encodings: readonly ('zstd' | 'br' | 'gzip')[];
  readonly levels: { readonly gzip: number; readonly br: number; readonly zstd: number };
  /** Shorter bodies are left alone. */
  readonly minBytes: number;
  /** `text/*`, `application/json`. */
  readonly types: readonly string[];
}

export interface ReplaceBodySettings {
  readonly rules: readonly { readonly find: string; readonly regex: boolean; readonly with: string }[];
  readonly types: readonly string[];
  /** Of a match that may lie across pieces. */
  readonly windowBytes: number;
}

export interface UseSettings {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** A hook that takes longer has failed. */
  readonly timeoutMs: number;
  /** What happens to requests when the filter fails: refused with 500, or passed on as if it were not there. */
  readonly onFailure: 'refuse' | 'skip';
  /** After so many failures in a row it is left alone for `restMs`. */
  readonly failures: number;
  readonly restMs: number;
}
