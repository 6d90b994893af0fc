// Owns the filter `cors`: preflights are answered here, and answers say who may read them (Fetch standard §3.2). An endpoint's
// own words about it are replaced: one place decides.

import type { CorsSettings } from '../../config/types.ts';
import type { Filter, FilterKind, FilterRequest } from '../filter.ts';
import type { HeadEdits } from '../head-edits.ts';

const OWN = 'access-control-*';

export const cors: FilterKind<CorsSettings> = {
  name: 'cors',
  build({ origins, methods, headers, expose, credentials, maxAgeMs }, { count }): Filter {
    const allows = matcher(origins);
    const any = origins.includes('*') && !credentials;
    const maxAge = String(Math.floor(maxAgeMs / 1000));
    const filter: Filter = {
      onRequest(request) {
        const origin = request.header('origin');
        const granted = origin !== undefined && allows(origin) ? origin : undefined;
        if (origin !== undefined && granted === undefined) count('cors-refused');
        request.keep(filter, granted);
        const wanted = request.header('access-control-request-method');
        if (request.method !== 'OPTIONS' || origin === undefined || wanted === undefined) return undefined;
        count('cors-preflight');
        const { answer } = request;
        answer.append('Vary', 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
        if (granted === undefined) return { status: 204, fields: '' };
        grant(granted, answer);
        answer.set('Access-Control-Allow-Methods', methods.join(', '));
        const names = headers.includes('*') ? asked(request) : headers.join(', ');
        if (names !== '') answer.set('Access-Control-Allow-Headers', names);
        answer.set('Access-Control-Max-Age', maxAge);
        return { status: 204, fields: '' };
      },
      onResponse(request, { edits }) {
        edits.remove(OWN);
        if (!any) edits.append('Vary', 'Origin');
        const granted = request.kept(filter) as string | undefined;
        if (granted === undefined) return;
        grant(granted, edits);
        if (expose.length > 0) edits.set('Access-Control-Expose-Headers', expose.join(', '));
      },
    };
    const grant = (origin: string, edits: HeadEdits): void => {
      edits.set('Access-Control-Allow-Origin', any ? '*' : origin);
      if (credentials) edits.set('Access-Control-Allow-Credentials', 'true');
    };
    return filter;
  },
};

function matcher(origins: readonly string[]): (origin: string) => boolean {
  if (origins.includes('*')) return () => true;
  const exact = new Set(origins.filter((origin) => !origin.includes('*')));
  const below = origins
    .filter((origin) => origin.includes('://*.'))
    .map((origin) => origin.split('*') as [string, string]);
  return (origin) => {
    const lower = origin.toLowerCase();
    return exact.has(lower) || below.some(([scheme, rest]) => isBelow(lower, scheme, rest));
  };
}

/** `https://*.example.com`: one label or more before the rest, and nothing that could be something else. */
function isBelow(origin: string, scheme: string, rest: string): boolean {
  if (!origin.startsWith(scheme) || !origin.endsWith(rest)) return false;
  return /^[a-z0-9-]+(?:\.[a-z0-9-]+)*$/.test(origin.slice(scheme.length, origin.length - rest.length));
}

function asked(request: FilterRequest): string {
  const names = request.header('access-control-request-headers') ?? '';
  return /^[A-Za-z0-9\-_, ]{0,1024}$/.test(names) ? names : '';
}
