// Owns the filter `mirror`: some requests go to a shadow pool as well, as they go to their endpoint. The answer is dropped; nothing
// that happens to a copy is felt by the request it was made of.

import type { MirrorSettings } from '../../config/types.ts';
import type { Filter, FilterKind } from '../filter.ts';

/** What copies carry, so that the shadow knows them. */
const MARK = 'X-Mirrored: 1\r\n';

export const mirror: FilterKind<MirrorSettings> = {
  name: 'mirror',
  build({ pool, percent, maxInFlight, timeoutMs }, { env, shadow, count }): Filter {
    const copies = shadow(pool);
    let underWay = 0;
    const done = (): void => {
      underWay--;
    };
    return {
      onForward(request, whole) {
        if (percent < 1 && env.random.unit() >= percent) return;
        // A body that streams is nowhere whole, and one of unknown length is framed for its endpoint.
        if (whole === undefined || request.bodyLength < 0 || underWay >= maxInFlight) return count('mirror-dropped');
        const headEnd = whole.indexOf('\r\n\r\n') + 2;
        const text = whole.slice(0, headEnd) + MARK + whole.slice(headEnd);
        underWay++;
        if (copies.send({ text, method: request.method, key: request.client, timeoutMs }, done))
          return count('mirrored');
        underWay--;
        count('mirror-dropped');
      },
      close: () => copies.close(),
    };
  },
};
