// Owns the normalized form of where certificates are obtained from.

export type ChallengeType = 'http-01' | 'tls-alpn-01';

export interface AcmeConfig {
  readonly directory: string;
  /** '' for none. */
  readonly email: string;
  /** Folder of the account's key and the certificates. */
  readonly storage: string;
  readonly challenge: ChallengeType | 'auto';
  /** PEM file to know the directory's server by; '' for the authorities that Node trusts. */
  readonly ca: string;
  /** An account that the authority's operator knows already; undefined: everybody may have one. */
  readonly externalAccount: ExternalAccountConfig | undefined;
}

export interface ExternalAccountConfig {
  readonly kid: string;
  /** A secret, base64url. */
  readonly hmac: string;
}
