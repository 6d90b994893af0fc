// Owns the text that tells browsers to come by HTTPS only (RFC 6797). Made once for each configuration.

import type { HstsConfig } from '../config/types.ts';

/** The field's value; '' for none. */
export function hstsText(config: HstsConfig | undefined): string {
  if (config === undefined) return '';
  const { maxAgeSeconds, includeSubDomains, preload } = config;
  return `max-age=${maxAgeSeconds}${includeSubDomains ? '; includeSubDomains' : ''}${preload ? '; preload' : ''}`;
}
