// Owns the normalized form of TLS on either side of the balancer.

export type TlsVersion = 'TLSv1.2' | 'TLSv1.3';

/** What a listener that ends TLS is told. */
export interface TlsConfig {
  /** The first is for clients that name nobody. */
  readonly certificates: readonly CertificateConfig[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** Of TLS 1.2 and 1.3 together, as OpenSSL writes them. */
  readonly ciphers: string;
  /** Groups for the key exchange, as OpenSSL writes them. */
  readonly curves: string;
  /** What a client gets that asks for a name nobody answers for. */
  readonly unknownNames: 'default' | 'refuse';
  readonly handshakeMs: number;
  /** Handshakes a second, over all workers; 0 means no limit. */
  readonly handshakeRate: number;
  /** For so long a session may be resumed; its key is replaced at least as often. */
  readonly sessionMs: number;
  /** Responses are asked of the responder that a certificate names, and stapled. */
  readonly ocsp: boolean;
  /** Undefined: clients show no certificates. */
  readonly clients: TlsClientsConfig | undefined;
}

export type CertificateConfig = FilesConfig | ObtainedConfig;

/** Paths: PEM files, or a folder of pairs `NAME.pem` (or `.crt`) and `NAME.key`. */
export type FilesConfig = { readonly cert: string; readonly key: string } | { readonly directory: string };

/** One that is obtained from an authority for these names, lower case. */
export interface ObtainedConfig {
  readonly acme: readonly string[];
  readonly keyType: 'ec' | 'rsa';
}

export interface TlsClientsConfig {
  readonly verify: 'optional' | 'required';
  readonly ca: string;
  /** '' for none. */
  readonly crl: string;
}

/** How connections to endpoints are encrypted. */
export interface UpstreamTlsConfig {
  /** False believes everybody: for tests, never for traffic. */
  readonly verify: boolean;
  /** Name that the endpoint must prove, and that it is asked for; '' for what the endpoint is called in its address. */
  readonly serverName: string;
  /** PEM file; '' for the authorities that Node trusts. */
  readonly ca: string;
  /** Ours, where endpoints ask for it: PEM files, '' for none. */
  readonly cert: string;
  readonly key: string;
}

/** What clients of HTTP/2 may do. */
export interface Http2Config {
  /** Requests at once on one connection. */
  readonly streams: number;
  /** Bytes of request bodies that may be on their way, by stream and by connection. */
  readonly windowBytes: number;
  readonly connectionWindowBytes: number;
  /** Requests that a client may take back within ten seconds, beyond those that were answered (CVE-2023-44487). */
  readonly resets: number;
  /** Frames within ten seconds that carry nothing: SETTINGS, PING, empty DATA, PRIORITY and such. */
  readonly controlFrames: number;
}

/** RFC 6797. */
export interface HstsConfig {
  readonly maxAgeSeconds: number;
  readonly includeSubDomains: boolean;
  readonly preload: boolean;
}

export interface HttpsRedirectConfig {
  readonly port: number;
  readonly status: 301 | 302 | 307 | 308;
}
