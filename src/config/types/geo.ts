// Owns the normalized form of where clients are looked up.

export interface GeoConfig {
  /** Path of a MaxMind-format file with countries or cities; 'embedded': the one that came along, countries only. */
  readonly database: string;
  /** Path of a MaxMind-format file with autonomous systems; '' for none. */
  readonly asn: string;
}
