// Owns the filter `respond`: one fixed answer, with variables.

import type { RespondSettings } from '../../config/types.ts';
import type { Filter, FilterKind } from '../filter.ts';
import { fieldValue } from '../head-edits.ts';
import { fillingOf, inHtml } from './fill.ts';

export const respond: FilterKind<RespondSettings> = {
  name: 'respond',
  build({ status, body, type, headers }, { count }): Filter {
    const fill = fillingOf(body, /html|xml/i.test(type) ? inHtml : jsonOr(type));
    const fields = Object.entries(headers).map(([name, text]) => [name, fillingOf(text)] as const);
    const typed = Object.keys(headers).some((name) => name.toLowerCase() === 'content-type') || body === '';
    return {
      onRequest(request) {
        count('answered');
        let lines = typed ? '' : `Content-Type: ${fieldValue(type)}\r\n`;
        for (const [name, text] of fields) lines += `${name}: ${fieldValue(text(request))}\r\n`;
        return { status, body: Buffer.from(fill(request), 'utf8'), fields: lines };
      },
    };
  },
};

function jsonOr(type: string): ((value: string) => string) | undefined {
  return /json/i.test(type) ? (value) => JSON.stringify(value).slice(1, -1) : undefined;
}
