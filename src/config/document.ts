// Generated from the schema by scripts/generate-types.ts; do not edit. The configuration as a person writes it.
// biome-ignore-all format: generated

export interface DocumentInput {
  readonly "$schema"?: string;
  /** Default: "auto". */
  readonly workers?: "auto" | number;
  /** Default: "". */
  readonly zone?: string;
  readonly trustedProxies?: string | readonly (string)[];
  /** where it listens, such as 127.0.0.1:9900; false for nowhere */
  readonly admin?: string | boolean | {
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly bind: string;
    readonly tokens?: readonly ({
      readonly name: string;
      readonly role: "read" | "operate";
      readonly token?: string;
      readonly tokenFile?: string;
    })[];
    readonly tls?: {
      readonly cert: string;
      readonly key: string;
    };
    /** Default: "". */
    readonly state?: string;
    /** Default: "". */
    readonly audit?: string;
  } | null;
  /** the Redis that balancers share, such as redis://10.0.0.5:6379 */
  readonly cluster?: string | boolean | {
    readonly redis: string;
    /** Default: "evenkeel:". */
    readonly prefix?: string;
    /** such as 250ms, 5s, 10m */
    readonly timeout?: string;
    /** Default: "". */
    readonly node?: string;
    readonly secret?: string;
    readonly secretFile?: string;
    /** false: each balancer probes every target */
    readonly health?: boolean | {
      /** Default: 3. */
      readonly vantages?: number;
      /** Default: "majority". */
      readonly quorum?: "majority" | number;
    } | null;
    /** Default: true. */
    readonly latency?: boolean;
    /** Default: true. */
    readonly certificates?: boolean;
    /** Default: true. */
    readonly config?: boolean;
  } | null;
  /** stdout, stderr or a path */
  readonly accessLog?: string | boolean | {
    /** Default: "stdout". */
    readonly to?: string;
    readonly fields?: readonly (string)[];
    /** such as 20% or 0.2 */
    readonly sample?: string | number;
  } | null;
  /** the address of a collector, such as http://127.0.0.1:4318 */
  readonly tracing?: string | boolean | {
    readonly otlp: string;
    /** such as 20% or 0.2 */
    readonly sample?: string | number;
    /** Default: true. */
    readonly propagate?: boolean;
    /** Default: false. */
    readonly trustClients?: boolean;
    /** Default: "evenkeel". */
    readonly service?: string;
    readonly headers?: { readonly [name: string]: string };
  } | null;
  readonly drain?: {
    /** such as 250ms, 5s, 10m */
    readonly requests?: string;
    /** such as 250ms, 5s, 10m */
    readonly streams?: string;
  };
  readonly listeners?: { readonly [name: string]: {
    /** Default: "http". */
    readonly protocol?: "http";
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly bind: string;
    /** true, or whose headers are believed */
    readonly proxyProtocol?: boolean | string | readonly (string)[] | {
      readonly from?: string | readonly (string)[];
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
    } | null;
    readonly pool?: string;
    readonly filters?: readonly ("cache" | "compress" | "cors" | "security-headers" | {
      readonly access?: {
        readonly allow?: {
          readonly networks?: string | readonly (string)[];
          readonly countries?: string | readonly (string)[];
          readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
          readonly methods?: string | readonly (string)[];
        };
        readonly deny?: {
          readonly networks?: string | readonly (string)[];
          readonly countries?: string | readonly (string)[];
          readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
          readonly methods?: string | readonly (string)[];
        };
      };
      readonly "api-key"?: {
        readonly keys?: { readonly [name: string]: string };
        /** Default: "". */
        readonly file?: string;
        /** Default: "x-api-key". */
        readonly header?: string;
        /** Default: "". */
        readonly query?: string;
        /** Default: true. */
        readonly hide?: boolean;
      };
      readonly "basic-auth"?: {
        readonly users?: { readonly [name: string]: string };
        /** Default: "". */
        readonly file?: string;
        /** Default: "restricted". */
        readonly realm?: string;
        /** Default: true. */
        readonly hide?: boolean;
      };
      /** such as 1m */
      readonly "body-limit"?: string | number | {
        /** bytes, or such as 16k, 1m */
        readonly max: string | number;
      };
      /** how long answers are kept that say nothing about it, such as 5m */
      readonly cache?: string | {
        /** Default: "default". */
        readonly in?: string;
        readonly ttl?: { readonly [name: string]: string };
        /** Default: "". */
        readonly key?: string;
        /** Default: "". */
        readonly bypass?: string;
        readonly query?: {
          readonly ignore?: string | readonly (string)[];
          readonly only?: string | readonly (string)[];
          /** Default: false. */
          readonly sort?: boolean;
        };
        /** Default: true. */
        readonly collapse?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly collapseTimeout?: string;
        /** Default: 1. */
        readonly minUses?: number;
        /** such as 250ms, 5s, 10m */
        readonly staleWhileRevalidate?: string;
        /** such as 250ms, 5s, 10m */
        readonly staleIfError?: string;
        /** Default: "cache-tag". */
        readonly tags?: string;
        /** Default: false. */
        readonly obeyClients?: boolean;
        /** Default: true. */
        readonly header?: boolean;
      };
      readonly compress?: {
        readonly encodings?: "zstd" | "br" | "gzip" | readonly ("zstd" | "br" | "gzip")[];
        readonly levels?: {
          /** Default: 5. */
          readonly gzip?: number;
          /** Default: 4. */
          readonly br?: number;
          /** Default: 3. */
          readonly zstd?: number;
        };
        /** bytes, or such as 16k, 1m */
        readonly min?: string | number;
        readonly types?: string | readonly (string)[];
      };
      readonly "concurrency-limit"?: {
        /** Default: "client". */
        readonly key?: string;
        readonly max: number;
        /** Default: 429. */
        readonly status?: 429 | 503;
        /** Default: "". */
        readonly name?: string;
      };
      readonly cors?: {
        readonly origins?: string | readonly (string)[];
        readonly methods?: string | readonly (string)[];
        readonly headers?: string | readonly (string)[];
        readonly expose?: string | readonly (string)[];
        /** Default: false. */
        readonly credentials?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly maxAge?: string;
      };
      readonly "error-pages"?: {
        readonly pages: { readonly [name: string]: string | {
          readonly body: string;
          /** Default: "text/html; charset=utf-8". */
          readonly type?: string;
          readonly as?: number;
        } };
        /** Default: false. */
        readonly intercept?: boolean;
      };
      readonly fault?: {
        /** such as 20% or 0.2 */
        readonly percent?: string | number;
        /** such as 2s */
        readonly delay?: string | {
          /** such as 250ms, 5s, 10m */
          readonly min?: string;
          /** such as 250ms, 5s, 10m */
          readonly max: string;
        };
        readonly abort?: number;
        /** Default: "". */
        readonly header?: string;
        readonly from?: string | readonly (string)[];
        /** Default: 100. */
        readonly maxActive?: number;
      };
      readonly "forward-auth"?: {
        readonly url: string;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
        readonly send?: string | readonly (string)[];
        readonly copy?: string | readonly (string)[];
        /** Default: "". */
        readonly identity?: string;
        /** such as 250ms, 5s, 10m */
        readonly cache?: string;
      };
      readonly headers?: {
        readonly request?: {
          readonly set?: { readonly [name: string]: string };
          readonly append?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
        readonly response?: {
          readonly set?: { readonly [name: string]: string };
          readonly append?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
      };
      readonly jwt?: {
        readonly jwks: string;
        /** Default: "". */
        readonly issuer?: string;
        readonly audience?: string | readonly (string)[];
        readonly algorithms?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512" | readonly ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512")[];
        /** Default: "". */
        readonly cookie?: string;
        /** Default: "sub". */
        readonly identity?: string;
        readonly require?: { readonly [name: string]: string };
        readonly forward?: { readonly [name: string]: string };
        /** such as 250ms, 5s, 10m */
        readonly clockTolerance?: string;
        /** such as 250ms, 5s, 10m */
        readonly refresh?: string;
        /** Default: false. */
        readonly optional?: boolean;
      };
      /** the name of a pool */
      readonly mirror?: string | {
        readonly pool: string;
        /** such as 20% or 0.2 */
        readonly percent?: string | number;
        /** Default: 100. */
        readonly maxInFlight?: number;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
      };
      readonly "rate-limit"?: {
        /** Default: "client". */
        readonly key?: string;
        readonly rate: string;
        readonly burst?: number;
        /** Default: 1. */
        readonly cost?: number;
        /** Default: true. */
        readonly headers?: boolean;
        /** memory, or redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port */
        readonly store?: string | {
          readonly redis: string;
          /** Default: "evenkeel:". */
          readonly prefix?: string;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
        } | null;
        /** Default: false. */
        readonly dryRun?: boolean;
        /** Default: "". */
        readonly name?: string;
      };
      /** where to, such as https://www.example.com${uri} */
      readonly redirect?: string | {
        readonly to: string;
        /** Default: 302. */
        readonly status?: 301 | 302 | 303 | 307 | 308;
      };
      readonly "replace-body"?: {
        readonly rules: {
          readonly find: string;
          /** Default: false. */
          readonly regex?: boolean;
          /** Default: "". */
          readonly with?: string;
        } | readonly ({
          readonly find: string;
          /** Default: false. */
          readonly regex?: boolean;
          /** Default: "". */
          readonly with?: string;
        })[];
        readonly types?: string | readonly (string)[];
        /** bytes, or such as 16k, 1m */
        readonly window?: string | number;
      };
      /** a status, or a text */
      readonly respond?: number | string | {
        /** Default: 200. */
        readonly status?: number;
        /** Default: "". */
        readonly body?: string;
        /** Default: "text/plain; charset=utf-8". */
        readonly type?: string;
        readonly headers?: { readonly [name: string]: string };
      };
      readonly rewrite?: {
        /** Default: "". */
        readonly path?: string;
        /** Default: "". */
        readonly to?: string;
        /** Default: "". */
        readonly stripPrefix?: string;
        /** Default: "". */
        readonly addPrefix?: string;
        readonly query?: {
          readonly set?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
        /** Default: "". */
        readonly host?: string;
      };
      readonly "security-headers"?: {
        /** Default: "". */
        readonly contentSecurityPolicy?: string;
        /** Default: "sameorigin". */
        readonly frameOptions?: "deny" | "sameorigin" | "off";
        /** Default: "strict-origin-when-cross-origin". */
        readonly referrerPolicy?: string;
        /** Default: "". */
        readonly permissionsPolicy?: string;
        /** Default: true. */
        readonly noSniff?: boolean;
        /** Default: "". */
        readonly crossOriginOpenerPolicy?: string;
        /** Default: "". */
        readonly crossOriginResourcePolicy?: string;
        readonly hide?: string | readonly (string)[];
      };
      /** a folder */
      readonly static?: string | {
        readonly root: string;
        readonly index?: string | readonly (string)[];
        /** Default: true. */
        readonly precompressed?: boolean;
        /** Default: "public, max-age=300". */
        readonly cacheControl?: string;
        /** Default: "". */
        readonly fallback?: string;
        /** Default: false. */
        readonly passMissing?: boolean;
        /** Default: false. */
        readonly hidden?: boolean;
      };
      /** the name of one of "filters" */
      readonly use?: string | {
        readonly name: string;
        readonly options?: { readonly [name: string]: unknown };
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
        /** Default: "refuse". */
        readonly onFailure?: "refuse" | "skip";
        /** Default: 50. */
        readonly failures?: number;
        /** such as 250ms, 5s, 10m */
        readonly rest?: string;
      };
      readonly waf?: "detect" | "block" | "off" | {
        readonly mode: "detect" | "block" | "off";
        /** Default: "recommended". */
        readonly rules?: string;
        readonly exclude?: {
          /** Default: "". */
          readonly rule?: string;
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly parameter?: string;
        } | readonly ({
          /** Default: "". */
          readonly rule?: string;
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly parameter?: string;
        })[];
        /** bodies are not looked at */
        readonly body?: "off" | false | {
          /** bytes, or such as 16k, 1m */
          readonly max?: string | number;
          readonly types?: "json" | "form" | "multipart" | "text" | readonly ("json" | "form" | "multipart" | "text")[];
        };
        /** such as 250ms, 5s, 10m */
        readonly budget?: string;
        /** Default: "pass". */
        readonly onTimeout?: "pass" | "block";
        /** Default: 403. */
        readonly status?: number;
      };
    })[];
    readonly routes?: readonly ({
      /** Default: "". */
      readonly name?: string;
      readonly host?: string | readonly (string)[];
      /** /exact, /prefix/*, /glob/*\/x, /captures/{id}, or ~regex */
      readonly path?: string | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "glob";
        readonly value: string;
      } | {
        readonly kind: "template";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      };
      readonly method?: string | readonly (string)[];
      readonly header?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      readonly cookie?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      readonly query?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      readonly client?: string | readonly (string)[];
      /** such as DE */
      readonly country?: string | readonly (string)[];
      /** AF, AN, AS, EU, NA, OC or SA */
      readonly continent?: string | readonly (string)[];
      readonly userAgent?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
      readonly language?: string | readonly (string)[];
      readonly tls?: {
        readonly sni?: string | readonly (string)[];
        readonly version?: "1.2" | "1.3" | readonly ("1.2" | "1.3")[];
        readonly alpn?: string | readonly (string)[];
      };
      /** whether the client showed a certificate */
      readonly clientCertificate?: boolean | {
        /** exact text, prefix*, ~regex, ~*regex without case, or true / false for present / absent */
        readonly subject?: string | boolean | number | {
          readonly kind: "present";
        } | {
          readonly kind: "absent";
        } | {
          readonly kind: "exact";
          readonly value: string;
        } | {
          readonly kind: "prefix";
          readonly value: string;
        } | {
          readonly kind: "regex";
          readonly value: string;
        };
        readonly fingerprint?: string | readonly (string)[];
      };
      /** exact text, prefix*, ~regex, ~*regex without case, or true / false for present / absent */
      readonly identity?: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      };
      readonly map?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      /** name of one of the "predicates" of a TypeScript configuration */
      readonly when?: string;
      readonly filters?: readonly ("cache" | "compress" | "cors" | "security-headers" | {
        readonly access?: {
          readonly allow?: {
            readonly networks?: string | readonly (string)[];
            readonly countries?: string | readonly (string)[];
            readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
            readonly methods?: string | readonly (string)[];
          };
          readonly deny?: {
            readonly networks?: string | readonly (string)[];
            readonly countries?: string | readonly (string)[];
            readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
            readonly methods?: string | readonly (string)[];
          };
        };
        readonly "api-key"?: {
          readonly keys?: { readonly [name: string]: string };
          /** Default: "". */
          readonly file?: string;
          /** Default: "x-api-key". */
          readonly header?: string;
          /** Default: "". */
          readonly query?: string;
          /** Default: true. */
          readonly hide?: boolean;
        };
        readonly "basic-auth"?: {
          readonly users?: { readonly [name: string]: string };
          /** Default: "". */
          readonly file?: string;
          /** Default: "restricted". */
          readonly realm?: string;
          /** Default: true. */
          readonly hide?: boolean;
        };
        /** such as 1m */
        readonly "body-limit"?: string | number | {
          /** bytes, or such as 16k, 1m */
          readonly max: string | number;
        };
        /** how long answers are kept that say nothing about it, such as 5m */
        readonly cache?: string | {
          /** Default: "default". */
          readonly in?: string;
          readonly ttl?: { readonly [name: string]: string };
          /** Default: "". */
          readonly key?: string;
          /** Default: "". */
          readonly bypass?: string;
          readonly query?: {
            readonly ignore?: string | readonly (string)[];
            readonly only?: string | readonly (string)[];
            /** Default: false. */
            readonly sort?: boolean;
          };
          /** Default: true. */
          readonly collapse?: boolean;
          /** such as 250ms, 5s, 10m */
          readonly collapseTimeout?: string;
          /** Default: 1. */
          readonly minUses?: number;
          /** such as 250ms, 5s, 10m */
          readonly staleWhileRevalidate?: string;
          /** such as 250ms, 5s, 10m */
          readonly staleIfError?: string;
          /** Default: "cache-tag". */
          readonly tags?: string;
          /** Default: false. */
          readonly obeyClients?: boolean;
          /** Default: true. */
          readonly header?: boolean;
        };
        readonly compress?: {
          readonly encodings?: "zstd" | "br" | "gzip" | readonly ("zstd" | "br" | "gzip")[];
          readonly levels?: {
            /** Default: 5. */
            readonly gzip?: number;
            /** Default: 4. */
            readonly br?: number;
            /** Default: 3. */
            readonly zstd?: number;
          };
          /** bytes, or such as 16k, 1m */
          readonly min?: string | number;
          readonly types?: string | readonly (string)[];
        };
        readonly "concurrency-limit"?: {
          /** Default: "client". */
          readonly key?: string;
          readonly max: number;
          /** Default: 429. */
          readonly status?: 429 | 503;
          /** Default: "". */
          readonly name?: string;
        };
        readonly cors?: {
          readonly origins?: string | readonly (string)[];
          readonly methods?: string | readonly (string)[];
          readonly headers?: string | readonly (string)[];
          readonly expose?: string | readonly (string)[];
          /** Default: false. */
          readonly credentials?: boolean;
          /** such as 250ms, 5s, 10m */
          readonly maxAge?: string;
        };
        readonly "error-pages"?: {
          readonly pages: { readonly [name: string]: string | {
            readonly body: string;
            /** Default: "text/html; charset=utf-8". */
            readonly type?: string;
            readonly as?: number;
          } };
          /** Default: false. */
          readonly intercept?: boolean;
        };
        readonly fault?: {
          /** such as 20% or 0.2 */
          readonly percent?: string | number;
          /** such as 2s */
          readonly delay?: string | {
            /** such as 250ms, 5s, 10m */
            readonly min?: string;
            /** such as 250ms, 5s, 10m */
            readonly max: string;
          };
          readonly abort?: number;
          /** Default: "". */
          readonly header?: string;
          readonly from?: string | readonly (string)[];
          /** Default: 100. */
          readonly maxActive?: number;
        };
        readonly "forward-auth"?: {
          readonly url: string;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
          readonly send?: string | readonly (string)[];
          readonly copy?: string | readonly (string)[];
          /** Default: "". */
          readonly identity?: string;
          /** such as 250ms, 5s, 10m */
          readonly cache?: string;
        };
        readonly headers?: {
          readonly request?: {
            readonly set?: { readonly [name: string]: string };
            readonly append?: { readonly [name: string]: string };
            readonly remove?: string | readonly (string)[];
          };
          readonly response?: {
            readonly set?: { readonly [name: string]: string };
            readonly append?: { readonly [name: string]: string };
            readonly remove?: string | readonly (string)[];
          };
        };
        readonly jwt?: {
          readonly jwks: string;
          /** Default: "". */
          readonly issuer?: string;
          readonly audience?: string | readonly (string)[];
          readonly algorithms?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512" | readonly ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512")[];
          /** Default: "". */
          readonly cookie?: string;
          /** Default: "sub". */
          readonly identity?: string;
          readonly require?: { readonly [name: string]: string };
          readonly forward?: { readonly [name: string]: string };
          /** such as 250ms, 5s, 10m */
          readonly clockTolerance?: string;
          /** such as 250ms, 5s, 10m */
          readonly refresh?: string;
          /** Default: false. */
          readonly optional?: boolean;
        };
        /** the name of a pool */
        readonly mirror?: string | {
          readonly pool: string;
          /** such as 20% or 0.2 */
          readonly percent?: string | number;
          /** Default: 100. */
          readonly maxInFlight?: number;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
        };
        readonly "rate-limit"?: {
          /** Default: "client". */
          readonly key?: string;
          readonly rate: string;
          readonly burst?: number;
          /** Default: 1. */
          readonly cost?: number;
          /** Default: true. */
          readonly headers?: boolean;
          /** memory, or redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port */
          readonly store?: string | {
            readonly redis: string;
            /** Default: "evenkeel:". */
            readonly prefix?: string;
            /** such as 250ms, 5s, 10m */
            readonly timeout?: string;
          } | null;
          /** Default: false. */
          readonly dryRun?: boolean;
          /** Default: "". */
          readonly name?: string;
        };
        /** where to, such as https://www.example.com${uri} */
        readonly redirect?: string | {
          readonly to: string;
          /** Default: 302. */
          readonly status?: 301 | 302 | 303 | 307 | 308;
        };
        readonly "replace-body"?: {
          readonly rules: {
            readonly find: string;
            /** Default: false. */
            readonly regex?: boolean;
            /** Default: "". */
            readonly with?: string;
          } | readonly ({
            readonly find: string;
            /** Default: false. */
            readonly regex?: boolean;
            /** Default: "". */
            readonly with?: string;
          })[];
          readonly types?: string | readonly (string)[];
          /** bytes, or such as 16k, 1m */
          readonly window?: string | number;
        };
        /** a status, or a text */
        readonly respond?: number | string | {
          /** Default: 200. */
          readonly status?: number;
          /** Default: "". */
          readonly body?: string;
          /** Default: "text/plain; charset=utf-8". */
          readonly type?: string;
          readonly headers?: { readonly [name: string]: string };
        };
        readonly rewrite?: {
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly to?: string;
          /** Default: "". */
          readonly stripPrefix?: string;
          /** Default: "". */
          readonly addPrefix?: string;
          readonly query?: {
            readonly set?: { readonly [name: string]: string };
            readonly remove?: string | readonly (string)[];
          };
          /** Default: "". */
          readonly host?: string;
        };
        readonly "security-headers"?: {
          /** Default: "". */
          readonly contentSecurityPolicy?: string;
          /** Default: "sameorigin". */
          readonly frameOptions?: "deny" | "sameorigin" | "off";
          /** Default: "strict-origin-when-cross-origin". */
          readonly referrerPolicy?: string;
          /** Default: "". */
          readonly permissionsPolicy?: string;
          /** Default: true. */
          readonly noSniff?: boolean;
          /** Default: "". */
          readonly crossOriginOpenerPolicy?: string;
          /** Default: "". */
          readonly crossOriginResourcePolicy?: string;
          readonly hide?: string | readonly (string)[];
        };
        /** a folder */
        readonly static?: string | {
          readonly root: string;
          readonly index?: string | readonly (string)[];
          /** Default: true. */
          readonly precompressed?: boolean;
          /** Default: "public, max-age=300". */
          readonly cacheControl?: string;
          /** Default: "". */
          readonly fallback?: string;
          /** Default: false. */
          readonly passMissing?: boolean;
          /** Default: false. */
          readonly hidden?: boolean;
        };
        /** the name of one of "filters" */
        readonly use?: string | {
          readonly name: string;
          readonly options?: { readonly [name: string]: unknown };
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
          /** Default: "refuse". */
          readonly onFailure?: "refuse" | "skip";
          /** Default: 50. */
          readonly failures?: number;
          /** such as 250ms, 5s, 10m */
          readonly rest?: string;
        };
        readonly waf?: "detect" | "block" | "off" | {
          readonly mode: "detect" | "block" | "off";
          /** Default: "recommended". */
          readonly rules?: string;
          readonly exclude?: {
            /** Default: "". */
            readonly rule?: string;
            /** Default: "". */
            readonly path?: string;
            /** Default: "". */
            readonly parameter?: string;
          } | readonly ({
            /** Default: "". */
            readonly rule?: string;
            /** Default: "". */
            readonly path?: string;
            /** Default: "". */
            readonly parameter?: string;
          })[];
          /** bodies are not looked at */
          readonly body?: "off" | false | {
            /** bytes, or such as 16k, 1m */
            readonly max?: string | number;
            readonly types?: "json" | "form" | "multipart" | "text" | readonly ("json" | "form" | "multipart" | "text")[];
          };
          /** such as 250ms, 5s, 10m */
          readonly budget?: string;
          /** Default: "pass". */
          readonly onTimeout?: "pass" | "block";
          /** Default: 403. */
          readonly status?: number;
        };
      })[];
      /** name of a pool */
      readonly pool?: string | {
        readonly name: string;
      } | {
        readonly map: string;
      };
      readonly split?: {
        /** client, header:NAME, cookie or cookie:NAME Default: "client". */
        readonly by?: string | {
          readonly from: "client";
        } | {
          readonly from: "header";
          readonly name: string;
        } | {
          readonly from: "cookie";
          /** Default: "evenkeel-id". */
          readonly name?: string;
          /** such as 250ms, 5s, 10m */
          readonly maxAge?: string;
        };
        readonly variants: { readonly [name: string]: {
          readonly pool: string;
          /** Default: 1. */
          readonly weight?: number;
          readonly force?: {
            readonly header?: { readonly [name: string]: string | boolean | number | {
              readonly kind: "present";
            } | {
              readonly kind: "absent";
            } | {
              readonly kind: "exact";
              readonly value: string;
            } | {
              readonly kind: "prefix";
              readonly value: string;
            } | {
              readonly kind: "regex";
              readonly value: string;
            } };
            readonly cookie?: { readonly [name: string]: string | boolean | number | {
              readonly kind: "present";
            } | {
              readonly kind: "absent";
            } | {
              readonly kind: "exact";
              readonly value: string;
            } | {
              readonly kind: "prefix";
              readonly value: string;
            } | {
              readonly kind: "regex";
              readonly value: string;
            } };
            readonly query?: { readonly [name: string]: string | boolean | number | {
              readonly kind: "present";
            } | {
              readonly kind: "absent";
            } | {
              readonly kind: "exact";
              readonly value: string;
            } | {
              readonly kind: "prefix";
              readonly value: string;
            } | {
              readonly kind: "regex";
              readonly value: string;
            } };
          };
        } };
        readonly rollout?: {
          readonly to: string;
          readonly steps?: readonly (string | number)[];
          /** such as 250ms, 5s, 10m */
          readonly every?: string;
          readonly halt?: {
            /** such as 20% or 0.2 */
            readonly errors?: string | number;
            /** such as 20% or 0.2 */
            readonly maxErrors?: string | number;
            readonly latency?: false | "off" | number;
            /** Default: 100. */
            readonly minRequests?: number;
          };
        };
      };
      readonly timeouts?: {
        /** such as 250ms, 5s, 10m */
        readonly firstByte?: string;
        /** such as 250ms, 5s, 10m */
        readonly attempt?: string;
        /** such as 250ms, 5s, 10m */
        readonly total?: string;
      };
      /** further attempts */
      readonly retries?: number | {
        /** Default: 2. */
        readonly attempts?: number;
        /** such as 250ms, 5s, 10m */
        readonly backoff?: string;
        /** such as 250ms, 5s, 10m */
        readonly maxBackoff?: string;
        /** such as [connect-failure, reset, timeout, 502, 5xx, gateway-error, retriable-4xx] */
        readonly on?: readonly (string | number)[] | string | number;
        readonly methods?: readonly (string)[];
        /** Default: false. */
        readonly idempotencyKey?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly maxRetryAfter?: string;
      };
      /** when, such as 200ms or p95 */
      readonly hedge?: string | boolean | {
        /** such as 200ms or p95 */
        readonly after: string;
        /** such as 250ms, 5s, 10m */
        readonly atLeast?: string;
      } | null;
    })[];
    readonly limits?: {
      /** bytes, or such as 16k, 1m */
      readonly head?: string | number;
      /** Default: 100. */
      readonly fields?: number;
      /** bytes, or such as 16k, 1m */
      readonly target?: string | number;
      /** bytes, or such as 16k, 1m */
      readonly body?: string | number;
      /** Default: 100000. */
      readonly connections?: number;
      /** Default: 0. */
      readonly connectionsPerClient?: number;
      /** Default: 0. */
      readonly connectionRate?: number;
      /** Default: 0. */
      readonly connectionRatePerClient?: number;
      /** Default: 0. */
      readonly requestsPerConnection?: number;
    };
    readonly timeouts?: {
      /** such as 250ms, 5s, 10m */
      readonly head?: string;
      /** such as 250ms, 5s, 10m */
      readonly bodyIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly keepAlive?: string;
      /** such as 250ms, 5s, 10m */
      readonly sendIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly tunnelIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly tunnelLifetime?: string;
    };
    readonly forwarded?: {
      /** Default: true. */
      readonly xForwarded?: boolean;
      /** Default: false. */
      readonly forwarded?: boolean;
      /** Default: "x-request-id". */
      readonly requestId?: string;
    };
    /** Default: null. */
    readonly http2?: boolean | {
      /** Default: 128. */
      readonly streams?: number;
      /** bytes, or such as 16k, 1m */
      readonly window?: string | number;
      /** bytes, or such as 16k, 1m */
      readonly connectionWindow?: string | number;
      /** Default: 200. */
      readonly resets?: number;
      /** Default: 1000. */
      readonly controlFrames?: number;
    } | null;
    /** true, or the port of the HTTPS listener */
    readonly redirectToHttps?: boolean | number | {
      /** Default: 443. */
      readonly port?: number;
      /** Default: 308. */
      readonly status?: 301 | 302 | 307 | 308;
    } | null;
  } | {
    readonly protocol: "https";
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly bind: string;
    /** true, or whose headers are believed */
    readonly proxyProtocol?: boolean | string | readonly (string)[] | {
      readonly from?: string | readonly (string)[];
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
    } | null;
    readonly pool?: string;
    readonly filters?: readonly ("cache" | "compress" | "cors" | "security-headers" | {
      readonly access?: {
        readonly allow?: {
          readonly networks?: string | readonly (string)[];
          readonly countries?: string | readonly (string)[];
          readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
          readonly methods?: string | readonly (string)[];
        };
        readonly deny?: {
          readonly networks?: string | readonly (string)[];
          readonly countries?: string | readonly (string)[];
          readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
          readonly methods?: string | readonly (string)[];
        };
      };
      readonly "api-key"?: {
        readonly keys?: { readonly [name: string]: string };
        /** Default: "". */
        readonly file?: string;
        /** Default: "x-api-key". */
        readonly header?: string;
        /** Default: "". */
        readonly query?: string;
        /** Default: true. */
        readonly hide?: boolean;
      };
      readonly "basic-auth"?: {
        readonly users?: { readonly [name: string]: string };
        /** Default: "". */
        readonly file?: string;
        /** Default: "restricted". */
        readonly realm?: string;
        /** Default: true. */
        readonly hide?: boolean;
      };
      /** such as 1m */
      readonly "body-limit"?: string | number | {
        /** bytes, or such as 16k, 1m */
        readonly max: string | number;
      };
      /** how long answers are kept that say nothing about it, such as 5m */
      readonly cache?: string | {
        /** Default: "default". */
        readonly in?: string;
        readonly ttl?: { readonly [name: string]: string };
        /** Default: "". */
        readonly key?: string;
        /** Default: "". */
        readonly bypass?: string;
        readonly query?: {
          readonly ignore?: string | readonly (string)[];
          readonly only?: string | readonly (string)[];
          /** Default: false. */
          readonly sort?: boolean;
        };
        /** Default: true. */
        readonly collapse?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly collapseTimeout?: string;
        /** Default: 1. */
        readonly minUses?: number;
        /** such as 250ms, 5s, 10m */
        readonly staleWhileRevalidate?: string;
        /** such as 250ms, 5s, 10m */
        readonly staleIfError?: string;
        /** Default: "cache-tag". */
        readonly tags?: string;
        /** Default: false. */
        readonly obeyClients?: boolean;
        /** Default: true. */
        readonly header?: boolean;
      };
      readonly compress?: {
        readonly encodings?: "zstd" | "br" | "gzip" | readonly ("zstd" | "br" | "gzip")[];
        readonly levels?: {
          /** Default: 5. */
          readonly gzip?: number;
          /** Default: 4. */
          readonly br?: number;
          /** Default: 3. */
          readonly zstd?: number;
        };
        /** bytes, or such as 16k, 1m */
        readonly min?: string | number;
        readonly types?: string | readonly (string)[];
      };
      readonly "concurrency-limit"?: {
        /** Default: "client". */
        readonly key?: string;
        readonly max: number;
        /** Default: 429. */
        readonly status?: 429 | 503;
        /** Default: "". */
        readonly name?: string;
      };
      readonly cors?: {
        readonly origins?: string | readonly (string)[];
        readonly methods?: string | readonly (string)[];
        readonly headers?: string | readonly (string)[];
        readonly expose?: string | readonly (string)[];
        /** Default: false. */
        readonly credentials?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly maxAge?: string;
      };
      readonly "error-pages"?: {
        readonly pages: { readonly [name: string]: string | {
          readonly body: string;
          /** Default: "text/html; charset=utf-8". */
          readonly type?: string;
          readonly as?: number;
        } };
        /** Default: false. */
        readonly intercept?: boolean;
      };
      readonly fault?: {
        /** such as 20% or 0.2 */
        readonly percent?: string | number;
        /** such as 2s */
        readonly delay?: string | {
          /** such as 250ms, 5s, 10m */
          readonly min?: string;
          /** such as 250ms, 5s, 10m */
          readonly max: string;
        };
        readonly abort?: number;
        /** Default: "". */
        readonly header?: string;
        readonly from?: string | readonly (string)[];
        /** Default: 100. */
        readonly maxActive?: number;
      };
      readonly "forward-auth"?: {
        readonly url: string;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
        readonly send?: string | readonly (string)[];
        readonly copy?: string | readonly (string)[];
        /** Default: "". */
        readonly identity?: string;
        /** such as 250ms, 5s, 10m */
        readonly cache?: string;
      };
      readonly headers?: {
        readonly request?: {
          readonly set?: { readonly [name: string]: string };
          readonly append?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
        readonly response?: {
          readonly set?: { readonly [name: string]: string };
          readonly append?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
      };
      readonly jwt?: {
        readonly jwks: string;
        /** Default: "". */
        readonly issuer?: string;
        readonly audience?: string | readonly (string)[];
        readonly algorithms?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512" | readonly ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512")[];
        /** Default: "". */
        readonly cookie?: string;
        /** Default: "sub". */
        readonly identity?: string;
        readonly require?: { readonly [name: string]: string };
        readonly forward?: { readonly [name: string]: string };
        /** such as 250ms, 5s, 10m */
        readonly clockTolerance?: string;
        /** such as 250ms, 5s, 10m */
        readonly refresh?: string;
        /** Default: false. */
        readonly optional?: boolean;
      };
      /** the name of a pool */
      readonly mirror?: string | {
        readonly pool: string;
        /** such as 20% or 0.2 */
        readonly percent?: string | number;
        /** Default: 100. */
        readonly maxInFlight?: number;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
      };
      readonly "rate-limit"?: {
        /** Default: "client". */
        readonly key?: string;
        readonly rate: string;
        readonly burst?: number;
        /** Default: 1. */
        readonly cost?: number;
        /** Default: true. */
        readonly headers?: boolean;
        /** memory, or redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port */
        readonly store?: string | {
          readonly redis: string;
          /** Default: "evenkeel:". */
          readonly prefix?: string;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
        } | null;
        /** Default: false. */
        readonly dryRun?: boolean;
        /** Default: "". */
        readonly name?: string;
      };
      /** where to, such as https://www.example.com${uri} */
      readonly redirect?: string | {
        readonly to: string;
        /** Default: 302. */
        readonly status?: 301 | 302 | 303 | 307 | 308;
      };
      readonly "replace-body"?: {
        readonly rules: {
          readonly find: string;
          /** Default: false. */
          readonly regex?: boolean;
          /** Default: "". */
          readonly with?: string;
        } | readonly ({
          readonly find: string;
          /** Default: false. */
          readonly regex?: boolean;
          /** Default: "". */
          readonly with?: string;
        })[];
        readonly types?: string | readonly (string)[];
        /** bytes, or such as 16k, 1m */
        readonly window?: string | number;
      };
      /** a status, or a text */
      readonly respond?: number | string | {
        /** Default: 200. */
        readonly status?: number;
        /** Default: "". */
        readonly body?: string;
        /** Default: "text/plain; charset=utf-8". */
        readonly type?: string;
        readonly headers?: { readonly [name: string]: string };
      };
      readonly rewrite?: {
        /** Default: "". */
        readonly path?: string;
        /** Default: "". */
        readonly to?: string;
        /** Default: "". */
        readonly stripPrefix?: string;
        /** Default: "". */
        readonly addPrefix?: string;
        readonly query?: {
          readonly set?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
        /** Default: "". */
        readonly host?: string;
      };
      readonly "security-headers"?: {
        /** Default: "". */
        readonly contentSecurityPolicy?: string;
        /** Default: "sameorigin". */
        readonly frameOptions?: "deny" | "sameorigin" | "off";
        /** Default: "strict-origin-when-cross-origin". */
        readonly referrerPolicy?: string;
        /** Default: "". */
        readonly permissionsPolicy?: string;
        /** Default: true. */
        readonly noSniff?: boolean;
        /** Default: "". */
        readonly crossOriginOpenerPolicy?: string;
        /** Default: "". */
        readonly crossOriginResourcePolicy?: string;
        readonly hide?: string | readonly (string)[];
      };
      /** a folder */
      readonly static?: string | {
        readonly root: string;
        readonly index?: string | readonly (string)[];
        /** Default: true. */
        readonly precompressed?: boolean;
        /** Default: "public, max-age=300". */
        readonly cacheControl?: string;
        /** Default: "". */
        readonly fallback?: string;
        /** Default: false. */
        readonly passMissing?: boolean;
        /** Default: false. */
        readonly hidden?: boolean;
      };
      /** the name of one of "filters" */
      readonly use?: string | {
        readonly name: string;
        readonly options?: { readonly [name: string]: unknown };
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
        /** Default: "refuse". */
        readonly onFailure?: "refuse" | "skip";
        /** Default: 50. */
        readonly failures?: number;
        /** such as 250ms, 5s, 10m */
        readonly rest?: string;
      };
      readonly waf?: "detect" | "block" | "off" | {
        readonly mode: "detect" | "block" | "off";
        /** Default: "recommended". */
        readonly rules?: string;
        readonly exclude?: {
          /** Default: "". */
          readonly rule?: string;
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly parameter?: string;
        } | readonly ({
          /** Default: "". */
          readonly rule?: string;
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly parameter?: string;
        })[];
        /** bodies are not looked at */
        readonly body?: "off" | false | {
          /** bytes, or such as 16k, 1m */
          readonly max?: string | number;
          readonly types?: "json" | "form" | "multipart" | "text" | readonly ("json" | "form" | "multipart" | "text")[];
        };
        /** such as 250ms, 5s, 10m */
        readonly budget?: string;
        /** Default: "pass". */
        readonly onTimeout?: "pass" | "block";
        /** Default: 403. */
        readonly status?: number;
      };
    })[];
    readonly routes?: readonly ({
      /** Default: "". */
      readonly name?: string;
      readonly host?: string | readonly (string)[];
      /** /exact, /prefix/*, /glob/*\/x, /captures/{id}, or ~regex */
      readonly path?: string | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "glob";
        readonly value: string;
      } | {
        readonly kind: "template";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      };
      readonly method?: string | readonly (string)[];
      readonly header?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      readonly cookie?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      readonly query?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      readonly client?: string | readonly (string)[];
      /** such as DE */
      readonly country?: string | readonly (string)[];
      /** AF, AN, AS, EU, NA, OC or SA */
      readonly continent?: string | readonly (string)[];
      readonly userAgent?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
      readonly language?: string | readonly (string)[];
      readonly tls?: {
        readonly sni?: string | readonly (string)[];
        readonly version?: "1.2" | "1.3" | readonly ("1.2" | "1.3")[];
        readonly alpn?: string | readonly (string)[];
      };
      /** whether the client showed a certificate */
      readonly clientCertificate?: boolean | {
        /** exact text, prefix*, ~regex, ~*regex without case, or true / false for present / absent */
        readonly subject?: string | boolean | number | {
          readonly kind: "present";
        } | {
          readonly kind: "absent";
        } | {
          readonly kind: "exact";
          readonly value: string;
        } | {
          readonly kind: "prefix";
          readonly value: string;
        } | {
          readonly kind: "regex";
          readonly value: string;
        };
        readonly fingerprint?: string | readonly (string)[];
      };
      /** exact text, prefix*, ~regex, ~*regex without case, or true / false for present / absent */
      readonly identity?: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      };
      readonly map?: { readonly [name: string]: string | boolean | number | {
        readonly kind: "present";
      } | {
        readonly kind: "absent";
      } | {
        readonly kind: "exact";
        readonly value: string;
      } | {
        readonly kind: "prefix";
        readonly value: string;
      } | {
        readonly kind: "regex";
        readonly value: string;
      } };
      /** name of one of the "predicates" of a TypeScript configuration */
      readonly when?: string;
      readonly filters?: readonly ("cache" | "compress" | "cors" | "security-headers" | {
        readonly access?: {
          readonly allow?: {
            readonly networks?: string | readonly (string)[];
            readonly countries?: string | readonly (string)[];
            readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
            readonly methods?: string | readonly (string)[];
          };
          readonly deny?: {
            readonly networks?: string | readonly (string)[];
            readonly countries?: string | readonly (string)[];
            readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
            readonly methods?: string | readonly (string)[];
          };
        };
        readonly "api-key"?: {
          readonly keys?: { readonly [name: string]: string };
          /** Default: "". */
          readonly file?: string;
          /** Default: "x-api-key". */
          readonly header?: string;
          /** Default: "". */
          readonly query?: string;
          /** Default: true. */
          readonly hide?: boolean;
        };
        readonly "basic-auth"?: {
          readonly users?: { readonly [name: string]: string };
          /** Default: "". */
          readonly file?: string;
          /** Default: "restricted". */
          readonly realm?: string;
          /** Default: true. */
          readonly hide?: boolean;
        };
        /** such as 1m */
        readonly "body-limit"?: string | number | {
          /** bytes, or such as 16k, 1m */
          readonly max: string | number;
        };
        /** how long answers are kept that say nothing about it, such as 5m */
        readonly cache?: string | {
          /** Default: "default". */
          readonly in?: string;
          readonly ttl?: { readonly [name: string]: string };
          /** Default: "". */
          readonly key?: string;
          /** Default: "". */
          readonly bypass?: string;
          readonly query?: {
            readonly ignore?: string | readonly (string)[];
            readonly only?: string | readonly (string)[];
            /** Default: false. */
            readonly sort?: boolean;
          };
          /** Default: true. */
          readonly collapse?: boolean;
          /** such as 250ms, 5s, 10m */
          readonly collapseTimeout?: string;
          /** Default: 1. */
          readonly minUses?: number;
          /** such as 250ms, 5s, 10m */
          readonly staleWhileRevalidate?: string;
          /** such as 250ms, 5s, 10m */
          readonly staleIfError?: string;
          /** Default: "cache-tag". */
          readonly tags?: string;
          /** Default: false. */
          readonly obeyClients?: boolean;
          /** Default: true. */
          readonly header?: boolean;
        };
        readonly compress?: {
          readonly encodings?: "zstd" | "br" | "gzip" | readonly ("zstd" | "br" | "gzip")[];
          readonly levels?: {
            /** Default: 5. */
            readonly gzip?: number;
            /** Default: 4. */
            readonly br?: number;
            /** Default: 3. */
            readonly zstd?: number;
          };
          /** bytes, or such as 16k, 1m */
          readonly min?: string | number;
          readonly types?: string | readonly (string)[];
        };
        readonly "concurrency-limit"?: {
          /** Default: "client". */
          readonly key?: string;
          readonly max: number;
          /** Default: 429. */
          readonly status?: 429 | 503;
          /** Default: "". */
          readonly name?: string;
        };
        readonly cors?: {
          readonly origins?: string | readonly (string)[];
          readonly methods?: string | readonly (string)[];
          readonly headers?: string | readonly (string)[];
          readonly expose?: string | readonly (string)[];
          /** Default: false. */
          readonly credentials?: boolean;
          /** such as 250ms, 5s, 10m */
          readonly maxAge?: string;
        };
        readonly "error-pages"?: {
          readonly pages: { readonly [name: string]: string | {
            readonly body: string;
            /** Default: "text/html; charset=utf-8". */
            readonly type?: string;
            readonly as?: number;
          } };
          /** Default: false. */
          readonly intercept?: boolean;
        };
        readonly fault?: {
          /** such as 20% or 0.2 */
          readonly percent?: string | number;
          /** such as 2s */
          readonly delay?: string | {
            /** such as 250ms, 5s, 10m */
            readonly min?: string;
            /** such as 250ms, 5s, 10m */
            readonly max: string;
          };
          readonly abort?: number;
          /** Default: "". */
          readonly header?: string;
          readonly from?: string | readonly (string)[];
          /** Default: 100. */
          readonly maxActive?: number;
        };
        readonly "forward-auth"?: {
          readonly url: string;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
          readonly send?: string | readonly (string)[];
          readonly copy?: string | readonly (string)[];
          /** Default: "". */
          readonly identity?: string;
          /** such as 250ms, 5s, 10m */
          readonly cache?: string;
        };
        readonly headers?: {
          readonly request?: {
            readonly set?: { readonly [name: string]: string };
            readonly append?: { readonly [name: string]: string };
            readonly remove?: string | readonly (string)[];
          };
          readonly response?: {
            readonly set?: { readonly [name: string]: string };
            readonly append?: { readonly [name: string]: string };
            readonly remove?: string | readonly (string)[];
          };
        };
        readonly jwt?: {
          readonly jwks: string;
          /** Default: "". */
          readonly issuer?: string;
          readonly audience?: string | readonly (string)[];
          readonly algorithms?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512" | readonly ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512")[];
          /** Default: "". */
          readonly cookie?: string;
          /** Default: "sub". */
          readonly identity?: string;
          readonly require?: { readonly [name: string]: string };
          readonly forward?: { readonly [name: string]: string };
          /** such as 250ms, 5s, 10m */
          readonly clockTolerance?: string;
          /** such as 250ms, 5s, 10m */
          readonly refresh?: string;
          /** Default: false. */
          readonly optional?: boolean;
        };
        /** the name of a pool */
        readonly mirror?: string | {
          readonly pool: string;
          /** such as 20% or 0.2 */
          readonly percent?: string | number;
          /** Default: 100. */
          readonly maxInFlight?: number;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
        };
        readonly "rate-limit"?: {
          /** Default: "client". */
          readonly key?: string;
          readonly rate: string;
          readonly burst?: number;
          /** Default: 1. */
          readonly cost?: number;
          /** Default: true. */
          readonly headers?: boolean;
          /** memory, or redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port */
          readonly store?: string | {
            readonly redis: string;
            /** Default: "evenkeel:". */
            readonly prefix?: string;
            /** such as 250ms, 5s, 10m */
            readonly timeout?: string;
          } | null;
          /** Default: false. */
          readonly dryRun?: boolean;
          /** Default: "". */
          readonly name?: string;
        };
        /** where to, such as https://www.example.com${uri} */
        readonly redirect?: string | {
          readonly to: string;
          /** Default: 302. */
          readonly status?: 301 | 302 | 303 | 307 | 308;
        };
        readonly "replace-body"?: {
          readonly rules: {
            readonly find: string;
            /** Default: false. */
            readonly regex?: boolean;
            /** Default: "". */
            readonly with?: string;
          } | readonly ({
            readonly find: string;
            /** Default: false. */
            readonly regex?: boolean;
            /** Default: "". */
            readonly with?: string;
          })[];
          readonly types?: string | readonly (string)[];
          /** bytes, or such as 16k, 1m */
          readonly window?: string | number;
        };
        /** a status, or a text */
        readonly respond?: number | string | {
          /** Default: 200. */
          readonly status?: number;
          /** Default: "". */
          readonly body?: string;
          /** Default: "text/plain; charset=utf-8". */
          readonly type?: string;
          readonly headers?: { readonly [name: string]: string };
        };
        readonly rewrite?: {
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly to?: string;
          /** Default: "". */
          readonly stripPrefix?: string;
          /** Default: "". */
          readonly addPrefix?: string;
          readonly query?: {
            readonly set?: { readonly [name: string]: string };
            readonly remove?: string | readonly (string)[];
          };
          /** Default: "". */
          readonly host?: string;
        };
        readonly "security-headers"?: {
          /** Default: "". */
          readonly contentSecurityPolicy?: string;
          /** Default: "sameorigin". */
          readonly frameOptions?: "deny" | "sameorigin" | "off";
          /** Default: "strict-origin-when-cross-origin". */
          readonly referrerPolicy?: string;
          /** Default: "". */
          readonly permissionsPolicy?: string;
          /** Default: true. */
          readonly noSniff?: boolean;
          /** Default: "". */
          readonly crossOriginOpenerPolicy?: string;
          /** Default: "". */
          readonly crossOriginResourcePolicy?: string;
          readonly hide?: string | readonly (string)[];
        };
        /** a folder */
        readonly static?: string | {
          readonly root: string;
          readonly index?: string | readonly (string)[];
          /** Default: true. */
          readonly precompressed?: boolean;
          /** Default: "public, max-age=300". */
          readonly cacheControl?: string;
          /** Default: "". */
          readonly fallback?: string;
          /** Default: false. */
          readonly passMissing?: boolean;
          /** Default: false. */
          readonly hidden?: boolean;
        };
        /** the name of one of "filters" */
        readonly use?: string | {
          readonly name: string;
          readonly options?: { readonly [name: string]: unknown };
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
          /** Default: "refuse". */
          readonly onFailure?: "refuse" | "skip";
          /** Default: 50. */
          readonly failures?: number;
          /** such as 250ms, 5s, 10m */
          readonly rest?: string;
        };
        readonly waf?: "detect" | "block" | "off" | {
          readonly mode: "detect" | "block" | "off";
          /** Default: "recommended". */
          readonly rules?: string;
          readonly exclude?: {
            /** Default: "". */
            readonly rule?: string;
            /** Default: "". */
            readonly path?: string;
            /** Default: "". */
            readonly parameter?: string;
          } | readonly ({
            /** Default: "". */
            readonly rule?: string;
            /** Default: "". */
            readonly path?: string;
            /** Default: "". */
            readonly parameter?: string;
          })[];
          /** bodies are not looked at */
          readonly body?: "off" | false | {
            /** bytes, or such as 16k, 1m */
            readonly max?: string | number;
            readonly types?: "json" | "form" | "multipart" | "text" | readonly ("json" | "form" | "multipart" | "text")[];
          };
          /** such as 250ms, 5s, 10m */
          readonly budget?: string;
          /** Default: "pass". */
          readonly onTimeout?: "pass" | "block";
          /** Default: 403. */
          readonly status?: number;
        };
      })[];
      /** name of a pool */
      readonly pool?: string | {
        readonly name: string;
      } | {
        readonly map: string;
      };
      readonly split?: {
        /** client, header:NAME, cookie or cookie:NAME Default: "client". */
        readonly by?: string | {
          readonly from: "client";
        } | {
          readonly from: "header";
          readonly name: string;
        } | {
          readonly from: "cookie";
          /** Default: "evenkeel-id". */
          readonly name?: string;
          /** such as 250ms, 5s, 10m */
          readonly maxAge?: string;
        };
        readonly variants: { readonly [name: string]: {
          readonly pool: string;
          /** Default: 1. */
          readonly weight?: number;
          readonly force?: {
            readonly header?: { readonly [name: string]: string | boolean | number | {
              readonly kind: "present";
            } | {
              readonly kind: "absent";
            } | {
              readonly kind: "exact";
              readonly value: string;
            } | {
              readonly kind: "prefix";
              readonly value: string;
            } | {
              readonly kind: "regex";
              readonly value: string;
            } };
            readonly cookie?: { readonly [name: string]: string | boolean | number | {
              readonly kind: "present";
            } | {
              readonly kind: "absent";
            } | {
              readonly kind: "exact";
              readonly value: string;
            } | {
              readonly kind: "prefix";
              readonly value: string;
            } | {
              readonly kind: "regex";
              readonly value: string;
            } };
            readonly query?: { readonly [name: string]: string | boolean | number | {
              readonly kind: "present";
            } | {
              readonly kind: "absent";
            } | {
              readonly kind: "exact";
              readonly value: string;
            } | {
              readonly kind: "prefix";
              readonly value: string;
            } | {
              readonly kind: "regex";
              readonly value: string;
            } };
          };
        } };
        readonly rollout?: {
          readonly to: string;
          readonly steps?: readonly (string | number)[];
          /** such as 250ms, 5s, 10m */
          readonly every?: string;
          readonly halt?: {
            /** such as 20% or 0.2 */
            readonly errors?: string | number;
            /** such as 20% or 0.2 */
            readonly maxErrors?: string | number;
            readonly latency?: false | "off" | number;
            /** Default: 100. */
            readonly minRequests?: number;
          };
        };
      };
      readonly timeouts?: {
        /** such as 250ms, 5s, 10m */
        readonly firstByte?: string;
        /** such as 250ms, 5s, 10m */
        readonly attempt?: string;
        /** such as 250ms, 5s, 10m */
        readonly total?: string;
      };
      /** further attempts */
      readonly retries?: number | {
        /** Default: 2. */
        readonly attempts?: number;
        /** such as 250ms, 5s, 10m */
        readonly backoff?: string;
        /** such as 250ms, 5s, 10m */
        readonly maxBackoff?: string;
        /** such as [connect-failure, reset, timeout, 502, 5xx, gateway-error, retriable-4xx] */
        readonly on?: readonly (string | number)[] | string | number;
        readonly methods?: readonly (string)[];
        /** Default: false. */
        readonly idempotencyKey?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly maxRetryAfter?: string;
      };
      /** when, such as 200ms or p95 */
      readonly hedge?: string | boolean | {
        /** such as 200ms or p95 */
        readonly after: string;
        /** such as 250ms, 5s, 10m */
        readonly atLeast?: string;
      } | null;
    })[];
    readonly limits?: {
      /** bytes, or such as 16k, 1m */
      readonly head?: string | number;
      /** Default: 100. */
      readonly fields?: number;
      /** bytes, or such as 16k, 1m */
      readonly target?: string | number;
      /** bytes, or such as 16k, 1m */
      readonly body?: string | number;
      /** Default: 100000. */
      readonly connections?: number;
      /** Default: 0. */
      readonly connectionsPerClient?: number;
      /** Default: 0. */
      readonly connectionRate?: number;
      /** Default: 0. */
      readonly connectionRatePerClient?: number;
      /** Default: 0. */
      readonly requestsPerConnection?: number;
    };
    readonly timeouts?: {
      /** such as 250ms, 5s, 10m */
      readonly head?: string;
      /** such as 250ms, 5s, 10m */
      readonly bodyIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly keepAlive?: string;
      /** such as 250ms, 5s, 10m */
      readonly sendIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly tunnelIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly tunnelLifetime?: string;
    };
    readonly forwarded?: {
      /** Default: true. */
      readonly xForwarded?: boolean;
      /** Default: false. */
      readonly forwarded?: boolean;
      /** Default: "x-request-id". */
      readonly requestId?: string;
    };
    readonly tls?: {
      readonly certificates?: string | {
        readonly cert?: string;
        readonly key?: string;
        readonly directory?: string;
        readonly acme?: string | readonly (string)[];
        readonly keyType?: "ec" | "rsa";
      } | readonly (string | {
        readonly cert?: string;
        readonly key?: string;
        readonly directory?: string;
        readonly acme?: string | readonly (string)[];
        readonly keyType?: "ec" | "rsa";
      })[];
      /** Default: "intermediate". */
      readonly profile?: "modern" | "intermediate";
      readonly minVersion?: "TLSv1.2" | "TLSv1.3";
      /** Default: "TLSv1.3". */
      readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
      readonly ciphers?: string | readonly (string)[];
      readonly curves?: string | readonly (string)[];
      /** Default: "default". */
      readonly unknownNames?: "default" | "refuse";
      /** such as 250ms, 5s, 10m */
      readonly handshakeTimeout?: string;
      /** Default: 0. */
      readonly handshakeRate?: number;
      /** such as 250ms, 5s, 10m */
      readonly sessions?: string;
      /** Default: true. */
      readonly ocsp?: boolean;
      readonly clients?: false | {
        /** Default: "required". */
        readonly verify?: "optional" | "required";
        readonly ca: string;
        /** Default: "". */
        readonly crl?: string;
      } | null;
    };
    readonly http2?: boolean | {
      /** Default: 128. */
      readonly streams?: number;
      /** bytes, or such as 16k, 1m */
      readonly window?: string | number;
      /** bytes, or such as 16k, 1m */
      readonly connectionWindow?: string | number;
      /** Default: 200. */
      readonly resets?: number;
      /** Default: 1000. */
      readonly controlFrames?: number;
    } | null;
    /** how long browsers remember it, such as 365d */
    readonly hsts?: string | boolean | {
      /** such as 250ms, 5s, 10m */
      readonly maxAge?: string;
      /** Default: false. */
      readonly includeSubDomains?: boolean;
      /** Default: false. */
      readonly preload?: boolean;
    } | null;
  } | {
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly bind: string;
    readonly protocol: "tcp";
    readonly tls?: {
      readonly certificates?: string | {
        readonly cert?: string;
        readonly key?: string;
        readonly directory?: string;
        readonly acme?: string | readonly (string)[];
        readonly keyType?: "ec" | "rsa";
      } | readonly (string | {
        readonly cert?: string;
        readonly key?: string;
        readonly directory?: string;
        readonly acme?: string | readonly (string)[];
        readonly keyType?: "ec" | "rsa";
      })[];
      /** Default: "intermediate". */
      readonly profile?: "modern" | "intermediate";
      readonly minVersion?: "TLSv1.2" | "TLSv1.3";
      /** Default: "TLSv1.3". */
      readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
      readonly ciphers?: string | readonly (string)[];
      readonly curves?: string | readonly (string)[];
      /** Default: "default". */
      readonly unknownNames?: "default" | "refuse";
      /** such as 250ms, 5s, 10m */
      readonly handshakeTimeout?: string;
      /** Default: 0. */
      readonly handshakeRate?: number;
      /** such as 250ms, 5s, 10m */
      readonly sessions?: string;
      /** Default: true. */
      readonly ocsp?: boolean;
      readonly clients?: false | {
        /** Default: "required". */
        readonly verify?: "optional" | "required";
        readonly ca: string;
        /** Default: "". */
        readonly crl?: string;
      } | null;
    };
    /** Default: "proxy". */
    readonly mode?: "proxy" | "nat" | "auto";
    /** Default: "auto". */
    readonly snat?: "auto" | "off";
    /** true, or whose headers are believed */
    readonly proxyProtocol?: boolean | string | readonly (string)[] | {
      readonly from?: string | readonly (string)[];
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
    } | null;
    readonly pool?: string;
    readonly routes?: readonly ({
      /** Default: "". */
      readonly name?: string;
      readonly sni?: string | readonly (string)[];
      readonly alpn?: string | readonly (string)[];
      readonly client?: string | readonly (string)[];
      readonly pool: string;
    })[];
    readonly limits?: {
      /** Default: 100000. */
      readonly connections?: number;
      /** Default: 0. */
      readonly connectionsPerClient?: number;
      /** Default: 0. */
      readonly connectionRate?: number;
      /** Default: 0. */
      readonly connectionRatePerClient?: number;
    };
    readonly timeouts?: {
      /** such as 250ms, 5s, 10m */
      readonly idle?: string;
      /** such as 250ms, 5s, 10m */
      readonly lifetime?: string;
      /** such as 250ms, 5s, 10m */
      readonly hello?: string;
    };
  } | {
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly bind: string;
    readonly protocol: "udp";
    /** Default: "proxy". */
    readonly mode?: "proxy" | "nat" | "auto";
    /** Default: "auto". */
    readonly snat?: "auto" | "off";
    /** true, or whose headers are believed */
    readonly proxyProtocol?: boolean | string | readonly (string)[] | {
      readonly from?: string | readonly (string)[];
      /** has no meaning for UDP: each datagram brings its header along */
      readonly timeout?: unknown;
    } | null;
    readonly pool: string;
    readonly flow?: {
      /** Default: "address-and-port". */
      readonly key?: "address-and-port" | "address";
      /** such as 250ms, 5s, 10m */
      readonly idle?: string;
      /** Default: 0. */
      readonly responses?: number;
      /** Default: 16384. */
      readonly max?: number;
    };
  } };
  readonly pools?: { readonly [name: string]: {
    readonly balance?: "round-robin" | "weighted-round-robin" | "least-connections" | "least-response-time" | "peak-ewma" | "random" | "p2c" | "source-hash" | "ring-hash" | "rendezvous" | "maglev" | {
      readonly kind: "round-robin";
    } | {
      readonly kind: "weighted-round-robin";
      /** smooth interleaves the endpoints (a a b a c a a); block gives each its share in a row (a a a b b c). Default: "smooth". */
      readonly mode?: "smooth" | "block";
    } | {
      readonly kind: "least-connections";
    } | {
      readonly kind: "least-response-time";
      /** An idle endpoint whose latency was last measured so long ago gets one request, so that it can recover. */
      readonly probe?: string;
    } | {
      readonly kind: "peak-ewma";
    } | {
      readonly kind: "random";
    } | {
      readonly kind: "p2c";
    } | {
      readonly kind: "source-hash";
      /** source, path, sni, header:NAME, cookie:NAME or query:NAME */
      readonly key?: string | {
        readonly from: "source";
      } | {
        readonly from: "path";
      } | {
        readonly from: "sni";
      } | {
        readonly from: "header" | "cookie" | "query";
        readonly name: string;
      };
    } | {
      readonly kind: "ring-hash";
      /** source, path, sni, header:NAME, cookie:NAME or query:NAME */
      readonly key?: string | {
        readonly from: "source";
      } | {
        readonly from: "path";
      } | {
        readonly from: "sni";
      } | {
        readonly from: "header" | "cookie" | "query";
        readonly name: string;
      };
      /** Points on the ring per unit of weight. More points, more even shares: the spread is about 1 / sqrt(replicas). Default: 150. */
      readonly replicas?: number;
      /** Bounded load: no endpoint holds more than this many times the mean in flight, e.g. 1.25. 0 turns it off; values between 0 and 1 count as 1. Default: 0. */
      readonly bound?: number;
      /** ketama places keys exactly as nginx `hash KEY consistent` does (160 points per unit of weight, crc32). Default: "default". */
      readonly variant?: "default" | "ketama";
    } | {
      readonly kind: "rendezvous";
      /** source, path, sni, header:NAME, cookie:NAME or query:NAME */
      readonly key?: string | {
        readonly from: "source";
      } | {
        readonly from: "path";
      } | {
        readonly from: "sni";
      } | {
        readonly from: "header" | "cookie" | "query";
        readonly name: string;
      };
    } | {
      readonly kind: "maglev";
      /** source, path, sni, header:NAME, cookie:NAME or query:NAME */
      readonly key?: string | {
        readonly from: "source";
      } | {
        readonly from: "path";
      } | {
        readonly from: "sni";
      } | {
        readonly from: "header" | "cookie" | "query";
        readonly name: string;
      };
      /** Entries of the table, rounded up to a prime. At least 100 times the number of endpoints keeps shares within 1 %. Default: 65537. */
      readonly table?: number;
    };
    readonly endpoints?: readonly (string | {
      /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
      readonly address: string;
      /** Default: 1. */
      readonly weight?: number;
      /** Default: 0. */
      readonly tier?: number;
      readonly backup?: boolean;
      /** Default: "". */
      readonly zone?: string;
      readonly maxInFlight?: number;
      readonly maxRate?: number;
    })[];
    readonly discover?: {
      readonly file?: string;
      readonly http?: string;
      readonly dns?: string;
      readonly docker?: string;
      readonly kubernetes?: string;
      readonly consul?: string;
      readonly etcd?: string;
      readonly redis?: string;
      readonly type?: "A" | "AAAA" | "both" | "SRV";
      /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
      readonly resolvers?: string | readonly (string)[];
      /** such as 250ms, 5s, 10m */
      readonly minTtl?: string;
      /** such as 250ms, 5s, 10m */
      readonly maxTtl?: string;
      readonly port?: number | string;
      readonly label?: string;
      readonly network?: string;
      readonly server?: string;
      readonly ca?: string;
      readonly tokenFile?: string;
      readonly tokenEnv?: string;
      readonly tags?: string | readonly (string)[];
      readonly datacenter?: string;
      readonly key?: string;
      /** such as 250ms, 5s, 10m */
      readonly interval?: string;
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
      /** Default: 1. */
      readonly weight?: number;
      /** Default: 0. */
      readonly tier?: number;
      /** Default: "". */
      readonly zone?: string;
      readonly maxInFlight?: number;
      readonly maxRate?: number;
    } | readonly ({
      readonly file?: string;
      readonly http?: string;
      readonly dns?: string;
      readonly docker?: string;
      readonly kubernetes?: string;
      readonly consul?: string;
      readonly etcd?: string;
      readonly redis?: string;
      readonly type?: "A" | "AAAA" | "both" | "SRV";
      /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
      readonly resolvers?: string | readonly (string)[];
      /** such as 250ms, 5s, 10m */
      readonly minTtl?: string;
      /** such as 250ms, 5s, 10m */
      readonly maxTtl?: string;
      readonly port?: number | string;
      readonly label?: string;
      readonly network?: string;
      readonly server?: string;
      readonly ca?: string;
      readonly tokenFile?: string;
      readonly tokenEnv?: string;
      readonly tags?: string | readonly (string)[];
      readonly datacenter?: string;
      readonly key?: string;
      /** such as 250ms, 5s, 10m */
      readonly interval?: string;
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
      /** Default: 1. */
      readonly weight?: number;
      /** Default: 0. */
      readonly tier?: number;
      /** Default: "". */
      readonly zone?: string;
      readonly maxInFlight?: number;
      readonly maxRate?: number;
    })[];
    readonly autoscale?: {
      /** such as 20% or 0.2 */
      readonly cpu?: string | number;
      readonly inFlight?: number;
      readonly requests?: number;
      /** such as 250ms, 5s, 10m */
      readonly queueTime?: string;
      /** agent:PORT, json:/path#field or prometheus:/path */
      readonly from?: string | {
        readonly kind: "agent";
        readonly port: number;
      } | {
        readonly kind: "json";
        readonly path: string;
        readonly field: string;
      } | {
        readonly kind: "prometheus";
        readonly path: string;
      };
      /** Default: 1. */
      readonly min?: number;
      readonly max: number;
      /** such as 250ms, 5s, 10m */
      readonly period?: string;
      /** such as 20% or 0.2 */
      readonly toleranceOut?: string | number;
      /** such as 20% or 0.2 */
      readonly toleranceIn?: string | number;
      /** Default: 4. */
      readonly maxStepOut?: number;
      /** Default: 1. */
      readonly maxStepIn?: number;
      /** such as 250ms, 5s, 10m */
      readonly cooldownOut?: string;
      /** such as 250ms, 5s, 10m */
      readonly cooldownIn?: string;
      /** such as 250ms, 5s, 10m */
      readonly warmUp?: string;
      /** such as 250ms, 5s, 10m */
      readonly stabilisation?: string;
      /** such as 250ms, 5s, 10m */
      readonly drain?: string;
      /** Default: false. */
      readonly dryRun?: boolean;
      readonly processes?: {
        readonly command: readonly (string)[];
        readonly env?: { readonly [name: string]: string };
        /** Default: "". */
        readonly folder?: string;
        /** such as 250ms, 5s, 10m */
        readonly stop?: string;
      };
      readonly docker?: {
        readonly image: string;
        readonly command?: readonly (string)[];
        readonly env?: { readonly [name: string]: string };
        readonly port: number;
        /** Default: "". */
        readonly network?: string;
        /** Default: "unix:/var/run/docker.sock". */
        readonly server?: string;
        /** Default: "". */
        readonly ca?: string;
        /** such as 250ms, 5s, 10m */
        readonly stop?: string;
      };
      readonly kubernetes?: {
        readonly resource: string;
        readonly server?: string;
        /** Default: "". */
        readonly ca?: string;
        /** Default: "". */
        readonly tokenFile?: string;
        /** Default: "". */
        readonly tokenEnv?: string;
      };
      readonly exec?: {
        readonly command: readonly (string)[];
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
      };
    };
    /** Default: 0. */
    readonly maxInFlight?: number | "auto";
    /** Default: 0. */
    readonly maxRate?: number;
    /** or a path to probe by HTTP */
    readonly health?: false | "off" | {
      /** path, such as /health */
      readonly http?: string | {
        /** Default: "/". */
        readonly path?: string;
        /** Default: "GET". */
        readonly method?: "GET" | "HEAD" | "POST" | "OPTIONS";
        /** Default: "". */
        readonly host?: string;
        readonly headers?: { readonly [name: string]: string };
        /** such as 200-399 or [200, 404] */
        readonly status?: readonly (string | number)[] | string | number;
        /** exact text, prefix*, ~regex, ~*regex without case, or true / false for present / absent */
        readonly body?: string | boolean | number | {
          readonly kind: "present";
        } | {
          readonly kind: "absent";
        } | {
          readonly kind: "exact";
          readonly value: string;
        } | {
          readonly kind: "prefix";
          readonly value: string;
        } | {
          readonly kind: "regex";
          readonly value: string;
        };
      };
      /** true, or the name of a service */
      readonly grpc?: boolean | string | {
        /** Default: "". */
        readonly service?: string;
      } | null;
      /** true, or settings */
      readonly tcp?: boolean | {
        /** text */
        readonly send?: string | {
          readonly text?: string;
          readonly hex?: string;
        };
        /** text anywhere in the answer, prefix*, or ~regex */
        readonly expect?: string | {
          readonly contains?: string;
          readonly prefix?: string;
          readonly exact?: string;
          readonly regex?: string;
          readonly hex?: string;
        };
      } | null;
      /** true, or settings */
      readonly udp?: boolean | {
        /** text */
        readonly send?: string | {
          readonly text?: string;
          readonly hex?: string;
        };
        /** text anywhere in the answer, prefix*, or ~regex */
        readonly expect?: string | {
          readonly contains?: string;
          readonly prefix?: string;
          readonly exact?: string;
          readonly regex?: string;
          readonly hex?: string;
        };
      } | null;
      /** true, or settings */
      readonly tls?: boolean | {
        /** Default: "". */
        readonly sni?: string;
        readonly alpn?: string | readonly (string)[];
        /** Default: false. */
        readonly verify?: boolean;
        /** Default: "". */
        readonly ca?: string;
      } | null;
      /** true, or settings */
      readonly redis?: boolean | {
        /** Default: "". */
        readonly username?: string;
        /** Default: "". */
        readonly password?: string;
      } | null;
      /** true, or settings */
      readonly mysql?: boolean | {
        /** Default: "". */
        readonly user?: string;
      } | null;
      /** true, or settings */
      readonly postgres?: boolean | {
        /** Default: "postgres". */
        readonly user?: string;
        /** Default: "". */
        readonly database?: string;
      } | null;
      /** true, or settings */
      readonly smtp?: boolean | {
        /** Default: "localhost". */
        readonly helo?: string;
      } | null;
      readonly preset?: "critical" | "standard" | "background";
      /** such as 250ms, 5s, 10m */
      readonly interval?: string;
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
      /** Default: 2. */
      readonly rise?: number;
      /** Default: 3. */
      readonly fall?: number;
      /** such as 20% or 0.2 */
      readonly jitter?: string | number;
      /** such as 250ms, 5s, 10m */
      readonly pendingInterval?: string;
      /** Default: 0. */
      readonly port?: number;
    } | null;
    readonly passive?: false | "off" | {
      /** Default: 3. */
      readonly failures?: number;
      /** such as 250ms, 5s, 10m */
      readonly window?: string;
      /** such as 250ms, 5s, 10m */
      readonly eject?: string;
      /** such as 250ms, 5s, 10m */
      readonly maxEject?: string;
      /** such as 20% or 0.2 */
      readonly maxEjected?: string | number;
      /** such as 200-399 or [200, 404] */
      readonly status?: readonly (string | number)[] | string | number;
    } | null;
    /** window, such as 30s */
    readonly slowStart?: string | {
      /** such as 250ms, 5s, 10m */
      readonly window: string;
      /** Default: 1. */
      readonly aggression?: number;
    } | null;
    /** share of usable endpoints, such as 50% */
    readonly panic?: string | {
      /** such as 20% or 0.2 */
      readonly below: string | number;
    } | null;
    readonly allDown?: {
      /** Default: 503. */
      readonly status?: number;
      /** such as 250ms, 5s, 10m */
      readonly retryAfter?: string;
    };
    /** Default: "prefer-own". */
    readonly zones?: "prefer-own" | "ignore";
    readonly queue?: {
      /** Default: 100. */
      readonly size?: number;
      /** such as 250ms, 5s, 10m */
      readonly timeout?: string;
    };
    /** further attempts */
    readonly retries?: number | {
      /** Default: 2. */
      readonly attempts?: number;
      /** such as 250ms, 5s, 10m */
      readonly backoff?: string;
      /** such as 250ms, 5s, 10m */
      readonly maxBackoff?: string;
      /** such as [connect-failure, reset, timeout, 502, 5xx, gateway-error, retriable-4xx] */
      readonly on?: readonly (string | number)[] | string | number;
      readonly methods?: readonly (string)[];
      /** Default: false. */
      readonly idempotencyKey?: boolean;
      /** such as 250ms, 5s, 10m */
      readonly maxRetryAfter?: string;
      /** such as 20% or 0.2 */
      readonly budget?: string | number;
      /** Default: 3. */
      readonly budgetMin?: number;
    };
    /** share of failures, such as 50%; or off */
    readonly breaker?: string | boolean | {
      /** Default: "both". */
      readonly scope?: "pool" | "endpoint" | "both";
      /** such as 20% or 0.2 */
      readonly errors?: string | number;
      /** such as 200-399 or [200, 404] */
      readonly status?: readonly (string | number)[] | string | number;
      /** Default: 20. */
      readonly minRequests?: number;
      /** such as 250ms, 5s, 10m */
      readonly window?: string;
      readonly latency?: {
        /** such as 250ms, 5s, 10m */
        readonly above: string;
        /** such as 20% or 0.2 */
        readonly share?: string | number;
      };
      /** such as 250ms, 5s, 10m */
      readonly open?: string;
      /** Default: 3. */
      readonly halfOpen?: number;
    } | null;
    readonly adaptive?: boolean | {
      /** Default: 4. */
      readonly min?: number;
      /** Default: 1000. */
      readonly max?: number;
      /** Default: 20. */
      readonly start?: number;
      /** Default: 1.5. */
      readonly tolerance?: number;
    } | null;
    readonly connection?: {
      /** such as 250ms, 5s, 10m */
      readonly connectTimeout?: string;
      /** such as 250ms, 5s, 10m */
      readonly bodyIdle?: string;
      /** such as 250ms, 5s, 10m */
      readonly idle?: string;
      /** such as 250ms, 5s, 10m */
      readonly maxAge?: string;
      /** Default: 512. */
      readonly maxIdle?: number;
      /** Default: 1. */
      readonly pipelining?: number;
      /** Default: 100. */
      readonly streams?: number;
    };
    /** Default: "http1". */
    readonly protocol?: "http1" | "h2";
    readonly tls?: boolean | {
      /** Default: true. */
      readonly verify?: boolean;
      /** Default: "". */
      readonly serverName?: string;
      /** Default: "". */
      readonly ca?: string;
      /** Default: "". */
      readonly cert?: string;
      /** Default: "". */
      readonly key?: string;
    } | null;
    readonly upgrades?: "least-connections" | "balance";
    readonly proxyProtocol?: false | "off" | "v1" | "v2" | {
      readonly version: 1 | 2;
      /** Default: true. */
      readonly tlvs?: boolean;
    } | null;
    readonly affinity?: false | string | {
      /** one of source, cookie:NAME, cookie-prefix:NAME, cookie-learn:NAME, header:NAME, query:NAME */
      readonly by?: string | {
        readonly kind: "source" | "cookie" | "cookie-prefix" | "cookie-learn" | "header" | "query";
        /** Default: "". */
        readonly name?: string;
      };
      readonly cookie?: string;
      /** such as 250ms, 5s, 10m */
      readonly ttl?: string;
      /** such as 250ms, 5s, 10m */
      readonly maxAge?: string;
      /** Default: "repick". */
      readonly onDown?: "repick" | "fail";
      readonly domain?: string;
      readonly path?: string;
      readonly httpOnly?: boolean;
      readonly secure?: "auto" | boolean;
      readonly sameSite?: "lax" | "strict" | "none" | "off";
      readonly persistent?: boolean;
      readonly keys?: readonly (string)[];
      readonly keysFile?: string;
      /** memory, or redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port */
      readonly store?: string | {
        readonly redis: string;
        /** Default: "evenkeel:". */
        readonly prefix?: string;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
      } | null;
    } | null;
    readonly filters?: readonly ("cache" | "compress" | "cors" | "security-headers" | {
      readonly access?: {
        readonly allow?: {
          readonly networks?: string | readonly (string)[];
          readonly countries?: string | readonly (string)[];
          readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
          readonly methods?: string | readonly (string)[];
        };
        readonly deny?: {
          readonly networks?: string | readonly (string)[];
          readonly countries?: string | readonly (string)[];
          readonly userAgents?: "mobile" | "desktop" | "bot" | readonly ("mobile" | "desktop" | "bot")[];
          readonly methods?: string | readonly (string)[];
        };
      };
      readonly "api-key"?: {
        readonly keys?: { readonly [name: string]: string };
        /** Default: "". */
        readonly file?: string;
        /** Default: "x-api-key". */
        readonly header?: string;
        /** Default: "". */
        readonly query?: string;
        /** Default: true. */
        readonly hide?: boolean;
      };
      readonly "basic-auth"?: {
        readonly users?: { readonly [name: string]: string };
        /** Default: "". */
        readonly file?: string;
        /** Default: "restricted". */
        readonly realm?: string;
        /** Default: true. */
        readonly hide?: boolean;
      };
      /** such as 1m */
      readonly "body-limit"?: string | number | {
        /** bytes, or such as 16k, 1m */
        readonly max: string | number;
      };
      /** how long answers are kept that say nothing about it, such as 5m */
      readonly cache?: string | {
        /** Default: "default". */
        readonly in?: string;
        readonly ttl?: { readonly [name: string]: string };
        /** Default: "". */
        readonly key?: string;
        /** Default: "". */
        readonly bypass?: string;
        readonly query?: {
          readonly ignore?: string | readonly (string)[];
          readonly only?: string | readonly (string)[];
          /** Default: false. */
          readonly sort?: boolean;
        };
        /** Default: true. */
        readonly collapse?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly collapseTimeout?: string;
        /** Default: 1. */
        readonly minUses?: number;
        /** such as 250ms, 5s, 10m */
        readonly staleWhileRevalidate?: string;
        /** such as 250ms, 5s, 10m */
        readonly staleIfError?: string;
        /** Default: "cache-tag". */
        readonly tags?: string;
        /** Default: false. */
        readonly obeyClients?: boolean;
        /** Default: true. */
        readonly header?: boolean;
      };
      readonly compress?: {
        readonly encodings?: "zstd" | "br" | "gzip" | readonly ("zstd" | "br" | "gzip")[];
        readonly levels?: {
          /** Default: 5. */
          readonly gzip?: number;
          /** Default: 4. */
          readonly br?: number;
          /** Default: 3. */
          readonly zstd?: number;
        };
        /** bytes, or such as 16k, 1m */
        readonly min?: string | number;
        readonly types?: string | readonly (string)[];
      };
      readonly "concurrency-limit"?: {
        /** Default: "client". */
        readonly key?: string;
        readonly max: number;
        /** Default: 429. */
        readonly status?: 429 | 503;
        /** Default: "". */
        readonly name?: string;
      };
      readonly cors?: {
        readonly origins?: string | readonly (string)[];
        readonly methods?: string | readonly (string)[];
        readonly headers?: string | readonly (string)[];
        readonly expose?: string | readonly (string)[];
        /** Default: false. */
        readonly credentials?: boolean;
        /** such as 250ms, 5s, 10m */
        readonly maxAge?: string;
      };
      readonly "error-pages"?: {
        readonly pages: { readonly [name: string]: string | {
          readonly body: string;
          /** Default: "text/html; charset=utf-8". */
          readonly type?: string;
          readonly as?: number;
        } };
        /** Default: false. */
        readonly intercept?: boolean;
      };
      readonly fault?: {
        /** such as 20% or 0.2 */
        readonly percent?: string | number;
        /** such as 2s */
        readonly delay?: string | {
          /** such as 250ms, 5s, 10m */
          readonly min?: string;
          /** such as 250ms, 5s, 10m */
          readonly max: string;
        };
        readonly abort?: number;
        /** Default: "". */
        readonly header?: string;
        readonly from?: string | readonly (string)[];
        /** Default: 100. */
        readonly maxActive?: number;
      };
      readonly "forward-auth"?: {
        readonly url: string;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
        readonly send?: string | readonly (string)[];
        readonly copy?: string | readonly (string)[];
        /** Default: "". */
        readonly identity?: string;
        /** such as 250ms, 5s, 10m */
        readonly cache?: string;
      };
      readonly headers?: {
        readonly request?: {
          readonly set?: { readonly [name: string]: string };
          readonly append?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
        readonly response?: {
          readonly set?: { readonly [name: string]: string };
          readonly append?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
      };
      readonly jwt?: {
        readonly jwks: string;
        /** Default: "". */
        readonly issuer?: string;
        readonly audience?: string | readonly (string)[];
        readonly algorithms?: "RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512" | readonly ("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512" | "ES256" | "ES384" | "ES512" | "EdDSA" | "HS256" | "HS384" | "HS512")[];
        /** Default: "". */
        readonly cookie?: string;
        /** Default: "sub". */
        readonly identity?: string;
        readonly require?: { readonly [name: string]: string };
        readonly forward?: { readonly [name: string]: string };
        /** such as 250ms, 5s, 10m */
        readonly clockTolerance?: string;
        /** such as 250ms, 5s, 10m */
        readonly refresh?: string;
        /** Default: false. */
        readonly optional?: boolean;
      };
      /** the name of a pool */
      readonly mirror?: string | {
        readonly pool: string;
        /** such as 20% or 0.2 */
        readonly percent?: string | number;
        /** Default: 100. */
        readonly maxInFlight?: number;
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
      };
      readonly "rate-limit"?: {
        /** Default: "client". */
        readonly key?: string;
        readonly rate: string;
        readonly burst?: number;
        /** Default: 1. */
        readonly cost?: number;
        /** Default: true. */
        readonly headers?: boolean;
        /** memory, or redis://host:port, redis+sentinel://host:port,host:port/master or redis+cluster://host:port,host:port */
        readonly store?: string | {
          readonly redis: string;
          /** Default: "evenkeel:". */
          readonly prefix?: string;
          /** such as 250ms, 5s, 10m */
          readonly timeout?: string;
        } | null;
        /** Default: false. */
        readonly dryRun?: boolean;
        /** Default: "". */
        readonly name?: string;
      };
      /** where to, such as https://www.example.com${uri} */
      readonly redirect?: string | {
        readonly to: string;
        /** Default: 302. */
        readonly status?: 301 | 302 | 303 | 307 | 308;
      };
      readonly "replace-body"?: {
        readonly rules: {
          readonly find: string;
          /** Default: false. */
          readonly regex?: boolean;
          /** Default: "". */
          readonly with?: string;
        } | readonly ({
          readonly find: string;
          /** Default: false. */
          readonly regex?: boolean;
          /** Default: "". */
          readonly with?: string;
        })[];
        readonly types?: string | readonly (string)[];
        /** bytes, or such as 16k, 1m */
        readonly window?: string | number;
      };
      /** a status, or a text */
      readonly respond?: number | string | {
        /** Default: 200. */
        readonly status?: number;
        /** Default: "". */
        readonly body?: string;
        /** Default: "text/plain; charset=utf-8". */
        readonly type?: string;
        readonly headers?: { readonly [name: string]: string };
      };
      readonly rewrite?: {
        /** Default: "". */
        readonly path?: string;
        /** Default: "". */
        readonly to?: string;
        /** Default: "". */
        readonly stripPrefix?: string;
        /** Default: "". */
        readonly addPrefix?: string;
        readonly query?: {
          readonly set?: { readonly [name: string]: string };
          readonly remove?: string | readonly (string)[];
        };
        /** Default: "". */
        readonly host?: string;
      };
      readonly "security-headers"?: {
        /** Default: "". */
        readonly contentSecurityPolicy?: string;
        /** Default: "sameorigin". */
        readonly frameOptions?: "deny" | "sameorigin" | "off";
        /** Default: "strict-origin-when-cross-origin". */
        readonly referrerPolicy?: string;
        /** Default: "". */
        readonly permissionsPolicy?: string;
        /** Default: true. */
        readonly noSniff?: boolean;
        /** Default: "". */
        readonly crossOriginOpenerPolicy?: string;
        /** Default: "". */
        readonly crossOriginResourcePolicy?: string;
        readonly hide?: string | readonly (string)[];
      };
      /** a folder */
      readonly static?: string | {
        readonly root: string;
        readonly index?: string | readonly (string)[];
        /** Default: true. */
        readonly precompressed?: boolean;
        /** Default: "public, max-age=300". */
        readonly cacheControl?: string;
        /** Default: "". */
        readonly fallback?: string;
        /** Default: false. */
        readonly passMissing?: boolean;
        /** Default: false. */
        readonly hidden?: boolean;
      };
      /** the name of one of "filters" */
      readonly use?: string | {
        readonly name: string;
        readonly options?: { readonly [name: string]: unknown };
        /** such as 250ms, 5s, 10m */
        readonly timeout?: string;
        /** Default: "refuse". */
        readonly onFailure?: "refuse" | "skip";
        /** Default: 50. */
        readonly failures?: number;
        /** such as 250ms, 5s, 10m */
        readonly rest?: string;
      };
      readonly waf?: "detect" | "block" | "off" | {
        readonly mode: "detect" | "block" | "off";
        /** Default: "recommended". */
        readonly rules?: string;
        readonly exclude?: {
          /** Default: "". */
          readonly rule?: string;
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly parameter?: string;
        } | readonly ({
          /** Default: "". */
          readonly rule?: string;
          /** Default: "". */
          readonly path?: string;
          /** Default: "". */
          readonly parameter?: string;
        })[];
        /** bodies are not looked at */
        readonly body?: "off" | false | {
          /** bytes, or such as 16k, 1m */
          readonly max?: string | number;
          readonly types?: "json" | "form" | "multipart" | "text" | readonly ("json" | "form" | "multipart" | "text")[];
        };
        /** such as 250ms, 5s, 10m */
        readonly budget?: string;
        /** Default: "pass". */
        readonly onTimeout?: "pass" | "block";
        /** Default: 403. */
        readonly status?: number;
      };
    })[];
  } };
  readonly caches?: { readonly [name: string]: {
    /** bytes, or such as 16k, 1m */
    readonly memory?: string | number;
    /** bytes, or such as 16k, 1m */
    readonly maxObject?: string | number;
    readonly disk?: {
      readonly path: string;
      /** bytes, or such as 16k, 1m */
      readonly size?: string | number;
    };
  } };
  readonly maps?: { readonly [name: string]: {
    /** method, host, path, client, country, continent, userAgent, sni, tlsVersion, alpn, identity, header:NAME, cookie:NAME or query:NAME */
    readonly of: string | {
      readonly from: "method" | "host" | "path" | "client" | "country" | "continent" | "userAgent" | "sni" | "tlsVersion" | "alpn" | "identity";
    } | {
      readonly from: "header" | "cookie" | "query";
      readonly name: string;
    };
    readonly values?: { readonly [name: string]: string };
    readonly networks?: { readonly [name: string]: string };
    readonly default?: string;
  } };
  readonly acme?: {
    /** Default: "https://acme-v02.api.letsencrypt.org/directory". */
    readonly directory?: string;
    /** Default: "". */
    readonly email?: string;
    readonly storage: string;
    /** Default: false. */
    readonly agreeTerms?: boolean;
    /** Default: "auto". */
    readonly challenge?: "auto" | "http-01" | "tls-alpn-01";
    /** Default: "". */
    readonly ca?: string;
    readonly externalAccount?: {
      readonly kid: string;
      readonly hmac: string;
    };
  };
  readonly dns?: {
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly bind: string | readonly (string)[];
    /** Default: "rotate". */
    readonly rotate?: "rotate" | "shuffle" | "fixed";
    /** Default: "". */
    readonly nsid?: string;
    /** Default: true. */
    readonly cookies?: boolean | {
      readonly secrets?: string | readonly (string)[];
    } | null;
    readonly rateLimit?: false | "off" | {
      /** Default: 200. */
      readonly responses?: number;
      /** Default: 2. */
      readonly slip?: number;
      readonly exempt?: string | readonly (string)[];
    } | null;
    /** Default: 1232. */
    readonly ednsSize?: number;
    /** Default: true. */
    readonly ecs?: boolean;
    readonly tcp?: {
      /** such as 250ms, 5s, 10m */
      readonly idle?: string;
      /** Default: 1000. */
      readonly connections?: number;
    };
    /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
    readonly resolvers?: string | readonly (string)[];
    readonly zones: { readonly [name: string]: {
      readonly file?: string;
      /** Default: 300. */
      readonly ttl?: number;
      readonly soa?: {
        /** Default: "". */
        readonly mname?: string;
        /** Default: "". */
        readonly rname?: string;
        /** Default: 0. */
        readonly serial?: number;
        /** Default: 3600. */
        readonly refresh?: number;
        /** Default: 900. */
        readonly retry?: number;
        /** Default: 1209600. */
        readonly expire?: number;
        /** Default: 60. */
        readonly minimum?: number;
        /** Default: 3600. */
        readonly ttl?: number;
      };
      readonly ns?: string | readonly (string)[];
      readonly transfer?: {
        readonly allow?: string | readonly (string)[];
        /** host:port, such as 10.0.0.1:8080 or [::1]:8080 */
        readonly notify?: string | readonly (string)[];
      };
      /** Default: false. */
      readonly dnssec?: boolean | {
        readonly key?: string;
      } | null;
      readonly records?: { readonly [name: string]: {
        readonly ttl?: number;
        readonly rotate?: "rotate" | "shuffle" | "fixed";
        /** Default: 0. */
        readonly answers?: number;
        /** name of a site, a pool or a policy */
        readonly steer?: string | {
          readonly kind: "round-robin";
          readonly members: string | readonly (string)[];
        } | {
          readonly kind: "weighted";
        } | {
          readonly kind: "failover";
          readonly order: string | readonly (string)[];
        } | {
          readonly kind: "geo";
          readonly default?: string;
        } | {
          readonly kind: "latency";
          readonly members: string | readonly (string)[];
          readonly default?: string;
        } | {
          readonly kind: "proximity";
          readonly default?: string;
        } | {
          readonly kind: "load";
          readonly order: string | readonly (string)[];
          /** such as 20% or 0.2 */
          readonly high?: string | number;
          /** such as 20% or 0.2 */
          readonly low?: string | number;
        };
        /** Default: "open". */
        readonly allDown?: "open" | "closed" | "fallback";
        /** name of a site, a pool or a policy */
        readonly fallback?: string | {
          readonly kind: "round-robin";
          readonly members: string | readonly (string)[];
        } | {
          readonly kind: "weighted";
        } | {
          readonly kind: "failover";
          readonly order: string | readonly (string)[];
        } | {
          readonly kind: "geo";
          readonly default?: string;
        } | {
          readonly kind: "latency";
          readonly members: string | readonly (string)[];
          readonly default?: string;
        } | {
          readonly kind: "proximity";
          readonly default?: string;
        } | {
          readonly kind: "load";
          readonly order: string | readonly (string)[];
          /** such as 20% or 0.2 */
          readonly high?: string | number;
          /** such as 20% or 0.2 */
          readonly low?: string | number;
        };
        readonly ALIAS?: string;
        readonly A?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly NS?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly CNAME?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly PTR?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly HINFO?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly MX?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly TXT?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly AAAA?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly SRV?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly NAPTR?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly DNAME?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly DS?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly SSHFP?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly DNSKEY?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly TLSA?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly CDS?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly CDNSKEY?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly SVCB?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly HTTPS?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly SPF?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
        readonly CAA?: string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        } | readonly (string | {
          readonly value: string;
          /** Default: 1. */
          readonly weight?: number;
        })[];
      } };
    } };
  };
  /** path of a MaxMind-format file, or "embedded" */
  readonly geo?: string | {
    /** path of a MaxMind-format file, or "embedded" Default: "embedded". */
    readonly database?: string;
    /** path of a MaxMind-format file of autonomous systems Default: "". */
    readonly asn?: string;
  };
  /** Default: "". */
  readonly site?: string;
  readonly latency?: {
    readonly file?: string | readonly (string)[];
    /** such as 250ms, 5s, 10m */
    readonly interval?: string;
  };
  readonly sites?: { readonly [name: string]: string | readonly (string)[] | {
    readonly addresses: string | readonly (string)[];
    readonly pool?: string;
    /** [latitude, longitude] */
    readonly location?: readonly (number)[] | {
      readonly latitude: number;
      readonly longitude: number;
    };
    /** Default: 0. */
    readonly capacity?: number;
  } };
  readonly policies?: { readonly [name: string]: {
    readonly kind: "round-robin";
    readonly members: string | readonly (string)[];
  } | {
    readonly kind: "weighted";
  } | {
    readonly kind: "failover";
    readonly order: string | readonly (string)[];
  } | {
    readonly kind: "geo";
    readonly default?: string;
  } | {
    readonly kind: "latency";
    readonly members: string | readonly (string)[];
    readonly default?: string;
  } | {
    readonly kind: "proximity";
    readonly default?: string;
  } | {
    readonly kind: "load";
    readonly order: string | readonly (string)[];
    /** such as 20% or 0.2 */
    readonly high?: string | number;
    /** such as 20% or 0.2 */
    readonly low?: string | number;
  } };
}
