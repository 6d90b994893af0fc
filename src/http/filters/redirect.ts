// Owns the filter `redirect`: the client is sent elsewhere. What the request says is only repeated where it cannot be read as
// anything else.

import type { RedirectSettings } from '../../config/types.ts';
import type { Filter, FilterKind } from '../filter.ts';
import { fillingOf, inUri } from './fill.ts';

/** No scheme, nobody's name that a browser would take for a host: `//evil.example` is one. */
const PLACE = /^(?:https?:\/\/[A-Za-z0-9.[\]_-]+(?::\d{1,5})?(?:[/?#]|$)|\/(?![/\\]))/;

export const redirect: FilterKind<RedirectSettings> = {
  name: 'redirect',
  build({ to, status }, { count }): Filter {
    const fill = fillingOf(to, inUri);
    return {
      onRequest(request) {
        const location = fill(request);
        if (!PLACE.test(location)) return { status: 400, code: 'bad-request' };
        count('redirected');
        return { status, location };
      },
    };
  },
};
