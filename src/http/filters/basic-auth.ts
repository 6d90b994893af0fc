// Owns the filter `basic-auth` (RFC 7617). What fitted, and what did not, is remembered as a keyed hash for a while, because a good
// hash of passwords takes a tenth of a second; and it is compared in another thread, for as many as may wait for that.

import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { BasicAuthSettings } from '../../config/types.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';
import { PasswordDesk } from '../password-desk.ts';
import { WatchedFile } from './watched-file.ts';

const REMEMBERED = 10_000;
const REMEMBERED_MS = 60_000;
/** Tried for users that do not exist, so that the time tells nobody who does. */
const NOBODY = '$2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy';

const BUSY: Verdict = { status: 503, code: 'overloaded', retryAfterSeconds: 1 };

export const basicAuth: FilterKind<BasicAuthSettings> = {
  name: 'basic-auth',
  build({ users, file, realm, hide }, { env, resources, count }): Filter {
    const inline = new Map(Object.entries(users));
    const watched = file === '' ? undefined : new WatchedFile(file, env.clock, htpasswd);
    const fitted = new LRUCache<string, string>({ max: REMEMBERED, ttl: REMEMBERED_MS, perf: env.clock });
    const failed = new LRUCache<string, true>({ max: REMEMBERED, ttl: REMEMBERED_MS, perf: env.clock });
    const desk = resources.get('passwords', () => new PasswordDesk());
    /** By proof: a browser asks with one password many times at once. */
    const underWay = new Map<string, Promise<boolean | undefined>>();
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
    const compare = (password: string, hash: string, proof: string): Promise<boolean | undefined> => {
      const asked = underWay.get(proof);
      if (asked !== undefined) return asked;
      const answer = desk.fits(password, hash);
      underWay.set(proof, answer);
      void answer.then(() => underWay.delete(proof));
      return answer;
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
        if (failed.has(proof)) return refuse(request);
        return compare(password, hash ?? NOBODY, proof).then((fits) => {
          if (fits === undefined) {
            count('auth-refused');
            return BUSY;
          }
          if (!fits || hash === undefined) {
            failed.set(proof, true);
            return refuse(request);
          }
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
