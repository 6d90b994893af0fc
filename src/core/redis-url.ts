// Owns addresses of what Redis runs as: one server (`redis://host:port/db`), a set watched by sentinels
// (`redis+sentinel://host:port,host:port/master/db`), a cluster (`redis+cluster://host:port,host:port`); `rediss` for TLS.

import { type Address, parseAddress } from './address.ts';

export type RedisPlace =
  | { readonly kind: 'single'; readonly url: string }
  | {
      readonly kind: 'sentinel' | 'cluster';
      readonly tls: boolean;
      /** '' for none. */
      readonly username: string;
      readonly password: string;
      readonly nodes: readonly Address[];
      /** What sentinels call it; '' for a cluster. */
      readonly master: string;
      readonly database: number;
    };

const SINGLE = /^rediss?:\/\/[^\s/]+(\/\d*)?$/;
const MANY =
  /^(rediss?)\+(sentinel|cluster):\/\/(?:([^:@/\s]*)(?::([^@/\s]*))?@)?([^/\s@]+)(?:\/([^/\s]*))?(?:\/(\d{1,5}))?$/;

/** Undefined: it is none. */
export function parseRedisUrl(text: string): RedisPlace | undefined {
  if (SINGLE.test(text)) return URL.canParse(text) ? { kind: 'single', url: text } : undefined;
  const [, scheme, kind, user = '', word = '', hosts, master = '', database = '0'] = MANY.exec(text) ?? [];
  if (hosts === undefined) return undefined;
  const nodes = hosts.split(',').map((host) => parseAddress(host));
  const username = plain(user);
  const password = plain(word);
  if (nodes.some((node) => !node.ok) || username === undefined || password === undefined) return undefined;
  // A set has a name and databases, a cluster neither.
  if ((kind === 'sentinel') !== (master !== '')) return undefined;
  return {
    kind: kind as 'sentinel' | 'cluster',
    tls: scheme === 'rediss',
    username,
    password,
    nodes: nodes.flatMap((node) => (node.ok ? [node.value] : [])),
    master,
    database: Number(database),
  };
}

function plain(text: string): string | undefined {
  if (!/%/.test(text)) return text;
  return /^(?:[^%]|%[\da-fA-F]{2})*$/.test(text) ? decoded(text) : undefined;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
