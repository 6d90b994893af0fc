// Owns the shapes in which certificates, keys and what belongs to them travel from the control plane, which reads and checks
// them, to the workers, which use them. Plain data.

export interface CertificateMaterial {
  /** SHA-256 of the certificate alone, lower-case hex. */
  readonly id: string;
  /** Hash of `cert` and `key`: tells whether anything about it is different. */
  readonly content: string;
  /** PEM: the certificate and those above it. */
  readonly cert: string;
  /** PEM, not encrypted. */
  readonly key: string;
  /** Lower case; with `*.` in front for wildcards. */
  readonly names: readonly string[];
  /** `ec`, `rsa`, `ed25519` ... */
  readonly keyType: string;
  /** Wall-clock ms. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** For people: where it was read. */
  readonly source: string;
}

/** What one listener needs beside its configuration. */
export interface TlsMaterial {
  /** The first is for clients that name nobody, or somebody unknown. */
  readonly certificates: readonly CertificateMaterial[];
  /** PEM; '' when no clients are verified. */
  readonly clientCa: string;
  readonly clientCrl: string;
}

/** What seals session tickets: the same for all workers, so that a client may resume with any of them. */
export const TICKET_KEY_BYTES = 48;

/** What a pool needs whose endpoints speak TLS: PEM, '' for none. */
export interface UpstreamMaterial {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}
