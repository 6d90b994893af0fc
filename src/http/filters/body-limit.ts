// Owns the filter `body-limit`: requests that bring more are refused, at once where they say so, else when it has come.

import type { BodyLimitSettings } from '../../config/types.ts';
import type { Filter, FilterKind } from '../filter.ts';

export const bodyLimit: FilterKind<BodyLimitSettings> = {
  name: 'body-limit',
  build({ maxBytes }): Filter {
    return {
      onRequest(request) {
        if (request.bodyLength > maxBytes) return { status: 413, code: 'body-too-large' };
        if (request.mostBody === 0 || request.mostBody > maxBytes) request.mostBody = maxBytes;
        return undefined;
      },
    };
  },
};
