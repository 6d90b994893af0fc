// Owns reading from a request what tables look up and splits keep apart.

import type { RequestSource } from '../config/types.ts';
import { parameterOf } from '../core/query.ts';
import { agentClass } from './agent.ts';
import type { RequestHead, RoutingFacts } from './route.ts';
import { cookieOf } from './text.ts';

/** Undefined: there is none. */
export function sourceReader(
  source: RequestSource,
  facts: Pick<RoutingFacts, 'place'>,
): (head: RequestHead) => string | undefined {
  const orNone = (text: string): string | undefined => (text === '' ? undefined : text);
  switch (source.from) {
    case 'header': {
      const name = source.name.toLowerCase();
      return (head) => head.header(name);
    }
    case 'cookie':
      return (head) => cookieOf(head.header('cookie'), source.name);
    case 'query':
      return (head) => parameterOf(head.query, source.name);
    case 'method':
      return (head) => head.method;
    case 'host':
      return (head) => head.host;
    case 'path':
      return (head) => head.path;
    case 'client':
      return (head) => head.client;
    case 'country':
      return (head) => orNone(facts.place(head.client).country);
    case 'continent':
      return (head) => orNone(facts.place(head.client).continent);
    case 'userAgent':
      return agentClass;
    case 'sni':
      return ({ tls }) => tls && orNone(tls.serverName);
    case 'tlsVersion':
      return ({ tls }) => tls?.version.slice('TLSv'.length);
    case 'alpn':
      return ({ tls }) => tls && orNone(tls.alpn);
    case 'identity':
      return ({ identity }) => orNone(identity);
  }
}
