// Owns the filter `forward-auth`: a service is shown the head of each request, and what it says holds: 2xx lets it pass, anything else
// is the answer. Whoever cannot be asked has not said yes.

import { LRUCache } from 'lru-cache';
import type { ForwardAuthSettings } from '../../config/types.ts';
import { FRAMING_FIELDS } from '../../core/framing-fields.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';
import { fieldValue } from '../head-edits.ts';

const REMEMBERED = 10_000;
const MOST_BODY = 64 * 1024;

interface Said {
  readonly fields: readonly (readonly [string, string])[];
  readonly identity: string;
}

export const forwardAuth: FilterKind<ForwardAuthSettings> = {
  name: 'forward-auth',
  build({ url, timeoutMs, send, copy, identity, cacheMs }, { env, count }): Filter {
    const known =
      cacheMs === 0 ? undefined : new LRUCache<string, Said>({ max: REMEMBERED, ttl: cacheMs, perf: env.clock });
    const accept = (request: FilterRequest, said: Said): undefined => {
      count('auth-accepted');
      for (const [name, value] of said.fields) request.edits.set(name, value);
      request.identity = said.identity;
      return undefined;
    };
    return {
      onRequest(request) {
        for (const name of copy) request.edits.remove(name);
        const shown = shownOf(request, send);
        const key = known === undefined ? '' : JSON.stringify(shown);
        const before = known?.get(key);
        if (before !== undefined) return accept(request, before);
        return ask(url, shown, timeoutMs).then(async (answer): Promise<Verdict> => {
          if (answer === undefined) {
            count('failed');
            return { status: 503, code: 'filter-failed' };
          }
          if (!answer.ok) {
            count('auth-refused');
            return refusal(answer, request);
          }
          void answer.body?.cancel();
          const said = {
            fields: copy
              .map((name) => [name, answer.headers.get(name) ?? ''] as const)
              .filter(([, value]) => value !== ''),
            identity: identity === '' ? '' : (answer.headers.get(identity) ?? ''),
          };
          known?.set(key, said);
          return accept(request, said);
        });
      },
    };
  },
};

function shownOf(request: FilterRequest, send: readonly string[]): Record<string, string> {
  const shown: Record<string, string> = {
    'x-forwarded-method': request.method,
    'x-forwarded-proto': request.scheme,
    'x-forwarded-host': request.authority,
    'x-forwarded-uri': request.variable('uri', ''),
    'x-forwarded-for': request.client,
  };
  for (const name of send) {
    const value = request.header(name);
    if (value !== undefined) shown[name] = value;
  }
  return shown;
}

async function ask(url: string, headers: Record<string, string>, timeoutMs: number): Promise<Response | undefined> {
  try {
    return await fetch(url, { headers, redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
  } catch {
    return undefined;
  }
}

/** What the service says to people: where to log in, and its cookies. */
async function refusal(answer: Response, request: FilterRequest): Promise<Verdict> {
  let fields = '';
  for (const [name, value] of answer.headers) {
    const isOurs = FRAMING_FIELDS.has(name) || name === 'content-encoding' || name === 'date' || name === 'set-cookie';
    if (!isOurs) fields += `${name}: ${fieldValue(value)}\r\n`;
  }
  for (const cookie of answer.headers.getSetCookie()) request.answer.append('Set-Cookie', cookie);
  const body = await beginningOf(answer, MOST_BODY);
  const status = answer.status >= 300 && answer.status <= 599 ? answer.status : 403;
  return { status, fields, body };
}

async function beginningOf({ body }: Response, limit: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  if (body !== null) {
    for await (const piece of body) {
      pieces.push(piece);
      size += piece.length;
      if (size >= limit) break;
    }
  }
  return Buffer.concat(pieces).subarray(0, limit);
}
