// Owns asking resolvers for the addresses of one name, and telling "it has none" from "nobody could say". Keeps nothing.

import { promises } from 'node:dns';
import type { Address } from '../core/address.ts';
import { formatAddress } from '../core/address.ts';
import { err, ok, type Result } from '../core/result.ts';

export interface FoundAddresses {
  readonly addresses: readonly string[];
  readonly ttlSeconds: number;
}

/** The error is the resolver's own word, such as ESERVFAIL. */
export type LookUp = (name: string, family: 4 | 6) => Promise<Result<FoundAddresses, string>>;

const TIMEOUT_MS = 2000;
const TRIES = 2;
/** Of "there is none": Node does not tell the zone's own. */
const NONE_SECONDS = 60;

/** `servers` empty: the system's, as its configuration has them now. */
export function lookUpBy(servers: readonly Address[]): LookUp {
  let resolver: promises.Resolver | undefined;
  return async (name, family) => {
    try {
      if (resolver === undefined) {
        resolver = new promises.Resolver({ timeout: TIMEOUT_MS, tries: TRIES });
        if (servers.length > 0) resolver.setServers(servers.map(formatAddress));
      }
      const found = await (family === 4
        ? resolver.resolve4(name, { ttl: true })
        : resolver.resolve6(name, { ttl: true }));
      return ok({
        addresses: found.map(({ address }) => address),
        ttlSeconds: Math.min(...found.map(({ ttl }) => ttl)),
      });
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code ?? String(error);
      if (code === 'ENODATA' || code === 'ENOTFOUND') return ok({ addresses: [], ttlSeconds: NONE_SECONDS });
      // The system's resolvers may be others by now: a new one reads them.
      resolver = undefined;
      return err(code);
    }
  };
}
