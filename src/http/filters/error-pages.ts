// Owns the filter `error-pages`: what people read in place of an error of ours, and of endpoints if that is asked for.

import type { ErrorPagesSettings } from '../../config/types.ts';
import type { Filter, FilterKind } from '../filter.ts';
import { fieldValue } from '../head-edits.ts';
import { fillingOf, inHtml, readsHead } from './fill.ts';

export const errorPages: FilterKind<ErrorPagesSettings> = {
  name: 'error-pages',
  build({ pages, intercept }): Filter {
    const known = pages.map(({ status, body, type, as }) => ({
      as,
      covers: (code: number) => status.some(([low, high]) => code >= low && code <= high),
      fill: fillingOf(body, /html|xml/i.test(type) ? inHtml : undefined),
      fields: `Content-Type: ${fieldValue(type)}\r\nCache-Control: no-store\r\n`,
    }));
    return {
      readsHeadLater: pages.some(({ body }) => readsHead(body)),
      onResponse(request, response) {
        const { status, error, isLocal } = response;
        // What another filter said is its own affair, unless it is an error.
        if (isLocal ? error === undefined : !intercept) return;
        const page = known.find(({ covers }) => covers(status));
        if (page === undefined) return;
        const retryAfter = response.header('retry-after');
        const fields =
          retryAfter === undefined ? page.fields : `${page.fields}Retry-After: ${fieldValue(retryAfter)}\r\n`;
        response.replace({
          status: page.as === 0 ? status : page.as,
          body: Buffer.from(page.fill(request), 'utf8'),
          fields,
        });
      },
    };
  },
};
