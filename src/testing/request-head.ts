// Owns requests as routing sees them, for tests that need no socket.

import { plainFacts, type RequestHead, type RoutingFacts } from '../routing/compile.ts';

export interface HeadParts extends Partial<Omit<RequestHead, 'header'>> {
  readonly headers?: Readonly<Record<string, string>>;
}

export function requestHead({ headers = {}, ...rest }: HeadParts = {}): RequestHead {
  return {
    method: 'GET',
    host: 'example.com',
    path: '/',
    query: '',
    client: '192.0.2.1',
    tls: undefined,
    certificate: undefined,
    identity: '',
    ...rest,
    header: (name) => headers[name],
  };
}

export function routingFacts(over: Partial<RoutingFacts> = {}): RoutingFacts {
  return { ...plainFacts((pattern) => new RegExp(pattern)), ...over };
}
