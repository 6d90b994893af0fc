// Owns the normalized form of filters: what each kind is told. The order of a list is the order requests pass in.

import type { RedisConfig } from './redis.ts';

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

export interface RateLimitSettings {
  /** Text with variables: requests with the same one share a limit. */
  readonly key: string;
  /** So many ... */
  readonly limit: number;
  /** ... in so long, evenly spread but for ... */
  readonly periodMs: number;
  /** ... so many at once. */
  readonly burst: number;
  readonly cost: number;
  /** Answers tell what is left. */
  readonly headers: boolean;
  /** Shared by several balancers; undefined: each counts for itself. */
  readonly store: RedisConfig | undefined;
  /** Counts and tells, and refuses nobody. */
  readonly dryRun: boolean;
  /** Limits of one name are one limit, wherever they stand. '' is by place. */
  readonly name: string;
}

export interface ConcurrencyLimitSettings {
  readonly key: string;
  readonly max: number;
  readonly status: 429 | 503;
  readonly name: string;
}

export interface AccessList {
  /** CIDRs. */
  readonly networks: readonly string[];
  /** ISO 3166-1, upper case. */
  readonly countries: readonly string[];
  readonly userAgents: readonly ('mobile' | 'desktop' | 'bot')[];
  readonly methods: readonly string[];
}

/** Denied is who is on any of the lists of `deny`; everybody, unless on all lists of `allow` that are not empty. */
export interface AccessSettings {
  readonly allow: AccessList;
  readonly deny: AccessList;
}

export interface BodyLimitSettings {
  readonly maxBytes: number;
}

export interface BasicAuthSettings {
  /** htpasswd lines by user. */
  readonly users: Readonly<Record<string, string>>;
  /** An htpasswd file; '' for none. */
  readonly file: string;
  readonly realm: string;
  /** The endpoint does not see what the client proved itself by. */
  readonly hide: boolean;
}

export interface ApiKeySettings {
  /** SHA-256 in hex by name; keys in the clear were turned into it when they were read. */
  readonly keys: Readonly<Record<string, string>>;
  /** Lines of `name key` or `name sha256:HEX`; '' for none. */
  readonly file: string;
  readonly header: string;
  /** '' for none. */
  readonly query: string;
  readonly hide: boolean;
}

export interface JwtSettings {
  /** Where the keys are: https://… or a file. */
  readonly jwks: string;
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly algorithms: readonly string[];
  /** '' for none: the token is in Authorization. */
  readonly cookie: string;
  /** Claim that is the identity. */
  readonly identity: string;
  /** Values that claims must have, or hold. */
  readonly require: Readonly<Record<string, string>>;
  /** Fields for the endpoint by the claim they are filled from. */
  readonly forward: Readonly<Record<string, string>>;
  readonly clockToleranceMs: number;
  readonly refreshMs: number;
  /** Requests without a token go on, as nobody. */
  readonly optional: boolean;
}

export interface ForwardAuthSettings {
  readonly url: string;
  readonly timeoutMs: number;
  /** Fields of the request that the service is shown; lower case. */
  readonly send: readonly string[];
  /** Fields of its answer that the endpoint is shown. */
  readonly copy: readonly string[];
  /** Field of its answer that names the identity; '' for none. */
  readonly identity: string;
  /** How long one answer holds for requests that look alike; 0: it does not. */
  readonly cacheMs: number;
}

export interface StaticSettings {
  readonly root: string;
  readonly index: readonly string[];
  /** Files beside the one that is asked for, `.br`, `.zst`, `.gz`, are sent where they are accepted. */
  readonly precompressed: boolean;
  readonly cacheControl: string;
  /** Sent, as 200, for what is not there: for applications with one page. '' for none. */
  readonly fallback: string;
  /** What is not there goes on to the pool. */
  readonly passMissing: boolean;
  readonly hidden: boolean;
}

/** A cache that filters may keep answers in. */
export interface CacheConfig {
  /** Of all workers together. */
  readonly memoryBytes: number;
  readonly maxObjectBytes: number;
  readonly disk: { readonly path: string; readonly sizeBytes: number } | undefined;
}

export interface CacheSettings {
  /** Name of the cache. */
  readonly in: string;
  /** Seconds by status or class, for answers that say nothing about it. */
  readonly ttl: Readonly<Record<string, number>>;
  /** Text with variables that makes requests differ, beside their address; '' for none. */
  readonly key: string;
  /** Text with variables: what is neither empty nor 0 goes past the cache. */
  readonly bypass: string;
  readonly query: { readonly ignore: readonly string[]; readonly only: readonly string[]; readonly sort: boolean };
  /** One asks the endpoint, the others wait for the answer. */
  readonly collapse: boolean;
  readonly collapseTimeoutMs: number;
  /** Kept from this time on that it is asked for. */
  readonly minUses: number;
  /** For answers that do not say so themselves. */
  readonly staleWhileRevalidateMs: number;
  readonly staleIfErrorMs: number;
  /** Field of answers that names their tags; lower case. */
  readonly tags: string;
  /** Clients may ask for what is fresh. */
  readonly obeyClients: boolean;
  /** Answers say what the cache did (RFC 9211). */
  readonly header: boolean;
}

export interface MirrorSettings {
  /** The shadow. */
  readonly pool: string;
  /** Share of the requests, 0-1. */
  readonly percent: number;
  /** Copies under way at once, per worker; more are dropped. */
  readonly maxInFlight: number;
  /** After this a copy is given up. */
  readonly timeoutMs: number;
}

export interface FaultSettings {
  /** Share of the requests, 0-1. */
  readonly percent: number;
  readonly delay: { readonly minMs: number; readonly maxMs: number } | undefined;
  /** Status instead of an answer of an endpoint. */
  readonly abort: number | undefined;
  /** Field by which a request asks for a fault of its own; '' for none. */
  readonly header: string;
  /** CIDRs of clients that may ask. */
  readonly from: readonly string[];
  /** Requests held at once, per worker; more pass as if nothing were. */
  readonly maxActive: number;
}

export type WafBodyType = 'json' | 'form' | 'multipart' | 'text';

/** What is not looked at. Each part that is not '' narrows it. */
export interface WafExclusion {
  /** Id of a rule; `crs-942-*` for all that begin so. */
  readonly rule: string;
  /** Of the path; `*` is anything. */
  readonly path: string;
  /** Name of a parameter, a member of a body, a cookie or a field; `a.b` for a member of a member. */
  readonly parameter: string;
}

export interface WafSettings {
  readonly mode: 'detect' | 'block' | 'off';
  /** `recommended`, or a file. */
  readonly rules: string;
  readonly exclude: readonly WafExclusion[];
  readonly body: {
    /** So much of the beginning; 0: bodies are not looked at. */
    readonly maxBytes: number;
    readonly types: readonly WafBodyType[];
  };
  /** Of the engine's time for the head of a request, and for its body. */
  readonly budgetMs: number;
  readonly onTimeout: 'pass' | 'block';
  readonly status: number;
}
