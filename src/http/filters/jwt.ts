// Owns the filter `jwt`: tokens are believed when a key of the JWKS signed them, and only for as long and for what they say. A token
// that was verified is remembered until it ends, or until the keys change.

import type { JSONWebKeySet, JWTPayload, JWTVerifyGetKey, JWTVerifyResult } from 'jose';
import { LRUCache } from 'lru-cache';
import type { JwtSettings } from '../../config/types.ts';
import type { Clock } from '../../core/env.ts';
import type { Filter, FilterKind, FilterRequest, Verdict } from '../filter.ts';
import { WatchedFile } from './watched-file.ts';

const REMEMBERED = 10_000;
const REMEMBERED_MS = 60_000;
const LONGEST = 8192;

/** Only who has such tokens pays for the library. */
const jose = (): Promise<typeof import('jose')> => import('jose');

export const jwt: FilterKind<JwtSettings> = {
  name: 'jwt',
  build(settings, { env, count }): Filter {
    const { issuer, audience, algorithms, cookie, identity, require, forward, clockToleranceMs, optional } = settings;
    const keys = keysOf(settings, env.clock);
    const known = new LRUCache<string, JWTPayload>({ max: REMEMBERED, perf: env.clock });
    const options = {
      algorithms: [...algorithms],
      clockTolerance: clockToleranceMs / 1000,
      ...(issuer === '' ? {} : { issuer }),
      ...(audience.length === 0 ? {} : { audience: [...audience] }),
    };
    const verified = async (token: string): Promise<JWTVerifyResult> => {
      const { jwtVerify } = await jose();
      return jwtVerify(token, await keys.get(), { ...options, currentDate: new Date(env.clock.epoch()) });
    };
    const refuse = (request: FilterRequest, why: string): Verdict => {
      count('auth-refused');
      request.answer.set('WWW-Authenticate', why === '' ? 'Bearer' : `Bearer error="${why}"`);
      return { status: 401, code: 'unauthorized' };
    };
    const accept = (request: FilterRequest, claims: JWTPayload): Verdict => {
      for (const [name, wanted] of Object.entries(require)) {
        if (!holds(claims[name], wanted)) {
          count('auth-refused');
          request.answer.set('WWW-Authenticate', 'Bearer error="insufficient_scope"');
          return { status: 403, code: 'filter-refused' };
        }
      }
      count('auth-accepted');
      request.claims = claims;
      request.identity = textOf(claims[identity]);
      for (const [field, claim] of Object.entries(forward)) request.edits.set(field, textOf(claims[claim]));
      return undefined;
    };
    return {
      onRequest(request) {
        // Nobody else may say what only a token can.
        for (const field of Object.keys(forward)) request.edits.remove(field);
        const token = tokenOf(request, cookie);
        if (token === undefined) return optional ? undefined : refuse(request, '');
        const before = known.get(token);
        if (before !== undefined) return accept(request, before);
        return verified(token).then(
          ({ payload }) => {
            const left = payload.exp === undefined ? REMEMBERED_MS : payload.exp * 1000 - env.clock.epoch();
            if (left > 0) known.set(token, payload, { ttl: Math.min(REMEMBERED_MS, left) });
            return accept(request, payload);
          },
          () => refuse(request, 'invalid_token'),
        );
      },
      close: () => keys.close(),
    };
  },
};

interface Keys {
  get(): Promise<JWTVerifyGetKey>;
  close(): void;
}

function keysOf({ jwks, refreshMs }: JwtSettings, clock: Clock): Keys {
  if (!/^https?:/.test(jwks)) return watchedKeys(jwks, clock);
  const options = { cacheMaxAge: refreshMs, cooldownDuration: 5000, timeoutDuration: 5000 };
  let keys: JWTVerifyGetKey | undefined;
  return {
    get: async () => (keys ??= (await jose()).createRemoteJWKSet(new URL(jwks), options)),
    close: () => undefined,
  };
}

function watchedKeys(path: string, clock: Clock): Keys {
  const file = new WatchedFile(path, clock, (text) => ({ set: JSON.parse(text) as JSONWebKeySet }));
  const made = new WeakMap<object, JWTVerifyGetKey>();
  const get = async (): Promise<JWTVerifyGetKey> => {
    const { value } = file;
    const keys = made.get(value) ?? (await jose()).createLocalJWKSet(value.set);
    made.set(value, keys);
    return keys;
  };
  return { get, close: () => file.close() };
}

function tokenOf(request: FilterRequest, cookie: string): string | undefined {
  const bearer = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(request.header('authorization') ?? '')?.[1];
  const token = bearer ?? (cookie === '' ? undefined : request.cookie(cookie));
  return token === undefined || token.length > LONGEST ? undefined : token;
}

/** Equal, or one of a list, or one of the words of a scope. */
function holds(claim: unknown, wanted: string): boolean {
  if (Array.isArray(claim)) return claim.some((one) => textOf(one) === wanted);
  const text = textOf(claim);
  return text === wanted || (typeof claim === 'string' && text.split(' ').includes(wanted));
}

function textOf(claim: unknown): string {
  return typeof claim === 'string' || typeof claim === 'number' || typeof claim === 'boolean' ? String(claim) : '';
}
