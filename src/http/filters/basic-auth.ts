// Owns the filter `basic-auth` (RFC 7617). A password that fitted once is remembered as a keyed hash for a while, because a good
// hash of passwords takes a tenth of a second; one that did not fit is tried at that price each time.

import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { BasicAuthSettings } from '../../config/types.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';
import { passwordFits } from '../passwords.ts';
import { WatchedFile } from './watched-file.ts';

const REMEMBERED = 10_000;
const REMEMBERED_MS = 60_000;
/** Tried for users that do not exist, so that the time tells nobody who does. */
const NOBODY = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

export const basicAuth: FilterKind<BasicAuthSettings> = {
  name: 'basic-auth',
  build({ users, file, realm, hide }, { env, count }): Filter {
    const inline = new Map(Object.entries(users));
    const watched = file === '' ? undefined : new WatchedFile(file, env.clock, htpasswd);
    const fitted = new LRUCache<string, string>({ max: REMEMBERED, ttl: REMEMBERED_MS, perf: env.clock });
    const secret = randomBytes(32);
    const accept = (request: FilterRequest, user: string): undefined => {
      count('auth-accepted');
      request.identity = user;
      if (hide) request.edits.remove('Authorization');
      return undefined;
    };
    const refuse = (request: FilterRequest): Verdict => {
      count('auth-refused');
      request.answer.set('WWW-Authenticate', `Basic realm="${realm}", charset="UTF-8"`);
      return { status: 401, code: 'unauthorized' };
    };
    return {
      onRequest(request) {
        const given = credentials(request.header('authorization'));
        if (given === undefined) return refuse(request);
        const [user, password] = given;
        const hash = watched?.value.get(user) ?? inline.get(user);
        const proof = createHmac('sha256', secret)
          .update(`${hash ?? ''}\0${user}\0${password}`)
          .digest('base64');
        if (hash !== undefined && fitted.get(user) === proof) return accept(request, user);
        return passwordFits(password, hash ?? NOBODY).then((fits) => {
          if (!fits || hash === undefined) return refuse(request);
          fitted.set(user, proof);
          return accept(request, user);
        });
      },
      close: () => watched?.close(),
    };
  },
};

/** User and password in UTF-8. */
function credentials(field: string | undefined): readonly [string, string] | undefined {
  const match = /^basic +([A-Za-z0-9+/_-]{1,2048}={0,2})$/i.exec(field ?? '');
  if (match === null) return undefined;
  const text = Buffer.from(match[1], 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 1 ? undefined : [text.slice(0, colon), text.slice(colon + 1)];
}

function htpasswd(text: string): ReadonlyMap<string, string> {
  const users = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0 && !line.startsWith('#')) users.set(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  return users;
}
