// Owns the filter `security-headers`: what browsers are told to be careful by, unless the endpoint told them already.

import type { SecurityHeadersSettings } from '../../config/types.ts';
import type { Filter, FilterKind } from '../filter.ts';

export const securityHeaders: FilterKind<SecurityHeadersSettings> = {
  name: 'security-headers',
  build(settings): Filter {
    const told: readonly (readonly [string, string])[] = [
      ['X-Content-Type-Options', settings.noSniff ? 'nosniff' : ''] as const,
      ['X-Frame-Options', settings.frameOptions === 'off' ? '' : settings.frameOptions.toUpperCase()] as const,
      ['Referrer-Policy', settings.referrerPolicy] as const,
      ['Content-Security-Policy', settings.contentSecurityPolicy] as const,
      ['Permissions-Policy', settings.permissionsPolicy] as const,
      ['Cross-Origin-Opener-Policy', settings.crossOriginOpenerPolicy] as const,
      ['Cross-Origin-Resource-Policy', settings.crossOriginResourcePolicy] as const,
    ].filter(([, value]) => value !== '');
    return {
      onResponse(_request, { edits }) {
        for (const name of settings.hide) edits.remove(name);
        for (const [name, value] of told) edits.fallback(name, value);
      },
    };
  },
};
