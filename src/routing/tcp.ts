// Owns the choice of a route for a TCP connection: by server name and protocol of the TLS client (where it is TLS) and by
// client address. The most specific route wins, whatever the order: an exact name, then the longest wildcard, then no
// name; among those the one with more further conditions, then the earlier one.

import type { TcpRouteConfig } from '../config/types.ts';
import { CidrSet } from '../core/cidr.ts';

/** What routing may ask about a connection. */
export interface ConnectionFacts {
  /** Lower case; '' when there is none. */
  readonly sni: string;
  readonly alpn: readonly string[];
  readonly client: string;
}

export interface TcpRouter<R> {
  /** Some route asks what only a ClientHello tells. */
  readonly needsHello: boolean;
  match(facts: ConnectionFacts): R | undefined;
}

interface Candidate<R> {
  readonly target: R;
  readonly alpn: readonly string[];
  readonly client: CidrSet | undefined;
}

/** Candidates in order of precedence, by name; '*' is any name, and no name. */
type Table<R> = ReadonlyMap<string, readonly Candidate<R>[]>;

export function compileTcpRoutes<R>(routes: readonly { config: TcpRouteConfig; target: R }[]): TcpRouter<R> {
  const table = new Map<string, { candidate: Candidate<R>; conditions: number }[]>();
  for (const { config, target } of routes) {
    const client = config.client.length === 0 ? undefined : CidrSet.of(config.client);
    const candidate = { target, alpn: config.alpn, client };
    const conditions = Number(config.alpn.length > 0) + Number(client !== undefined);
    for (const name of config.sni.length === 0 ? ['*'] : config.sni) {
      const list = table.get(name) ?? [];
      list.push({ candidate, conditions });
      table.set(name, list);
    }
  }
  const sorted: Table<R> = new Map(
    [...table].map(([name, list]) => {
      list.sort((a, b) => b.conditions - a.conditions);
      return [name, list.map(({ candidate }) => candidate)];
    }),
  );
  const needsHello = routes.some(({ config }) => config.sni.length > 0 || config.alpn.length > 0);
  return { needsHello, match: (facts) => find(sorted, facts) };
}

function find<R>(table: Table<R>, facts: ConnectionFacts): R | undefined {
  const { sni } = facts;
  if (sni !== '') {
    const exact = first(table.get(sni), facts);
    if (exact !== undefined) return exact;
    // At least one label stands for the star.
    for (let dot = sni.indexOf('.', 1); dot >= 0; dot = sni.indexOf('.', dot + 1)) {
      const below = first(table.get(`*${sni.slice(dot)}`), facts);
      if (below !== undefined) return below;
    }
  }
  return first(table.get('*'), facts);
}

function first<R>(candidates: readonly Candidate<R>[] | undefined, { alpn, client }: ConnectionFacts): R | undefined {
  return candidates?.find(
    (one) =>
      (one.alpn.length === 0 || one.alpn.some((protocol) => alpn.includes(protocol))) &&
      (one.client === undefined || one.client.has(client)),
  )?.target;
}
