// Owns what a worker may staple to its handshakes: answers of responders that the control plane fetched and judged.

/** Plain data. */
export interface Staple {
  /** Of the certificate: see `CertificateMaterial.id`. */
  readonly id: string;
  /** DER; undefined takes it back. */
  readonly response: Uint8Array | undefined;
}

export class KnownStaples {
  readonly #responses = new Map<string, Uint8Array>();

  learn(staples: readonly Staple[]): void {
    for (const { id, response } of staples) {
      if (response === undefined) this.#responses.delete(id);
      else this.#responses.set(id, response);
    }
  }

  of(id: string): Uint8Array | undefined {
    return this.#responses.get(id);
  }
}
