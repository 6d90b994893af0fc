// Owns asking a configuration's own program about a request. It sees the request and cannot change it; what it throws counts
// as not matching, and is told.

import { parameterOf } from '../core/query.ts';
import { agentClass } from './agent.ts';
import type { ClientCertificate, Predicate, PredicateRequest, RequestHead, RoutingFacts, TlsView } from './route.ts';
import { cookieOf } from './text.ts';

/** One for all requests of a thread: valid while a predicate runs. */
class View implements PredicateRequest {
  head!: RequestHead;
  facts!: RoutingFacts;

  get method(): string {
    return this.head.method;
  }
  get host(): string {
    return this.head.host;
  }
  get path(): string {
    return this.head.path;
  }
  get query(): string {
    return this.head.query;
  }
  get client(): string {
    return this.head.client;
  }
  get tls(): TlsView | undefined {
    return this.head.tls;
  }
  get certificate(): ClientCertificate | undefined {
    return this.head.certificate;
  }
  get identity(): string {
    return this.head.identity;
  }
  get userAgent(): string {
    return agentClass(this.head);
  }
  get country(): string {
    return this.facts.place(this.head.client).country;
  }
  get continent(): string {
    return this.facts.place(this.head.client).continent;
  }
  header(name: string): string | undefined {
    return this.head.header(name.toLowerCase());
  }
  cookie(name: string): string | undefined {
    return cookieOf(this.head.header('cookie'), name);
  }
  parameter(name: string): string | undefined {
    return parameterOf(this.head.query, name);
  }
}

const view = new View();

export function predicateHolds(name: string, facts: RoutingFacts): (head: RequestHead) => boolean {
  const predicate: Predicate | undefined = facts.predicates.get(name);
  if (predicate === undefined) throw new Error(`the predicate "${name}" is not known here`);
  return (head) => {
    view.head = head;
    view.facts = facts;
    try {
      // Only what is really true: a promise would be something else than it seems.
      return predicate(view) === true;
    } catch (error) {
      facts.onThrow(name, error);
      return false;
    }
  };
}
