// Owns what must be remembered of a request after its head has been parsed: the parser is used for the next head of any
// connection. What only the log wants is kept only when there is a log.

import type { RequestParser } from './codec/request-parser.ts';
import type { HeadView } from './head-view.ts';

/** What only the access log asks for. */
export interface LoggedFacts {
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly client: string;
  readonly userAgent: string;
  readonly referer: string;
}

export class RequestFacts {
  method = 'GET';
  isHead = false;
  /** HTTP/1.x */
  minor = 1;
  keepAlive = true;
  /** A 100 is awaited and has not been passed on. */
  wantsContinue = false;
  wantsUpgrade = false;
  id = '';
  logged: LoggedFacts | undefined;

  take(parser: RequestParser, id: string): void {
    this.method = parser.method;
    this.isHead = parser.method === 'HEAD';
    this.minor = parser.minor;
    this.keepAlive = parser.keepAlive;
    this.wantsContinue = parser.expectContinue;
    this.wantsUpgrade = parser.upgrade !== '';
    this.id = id;
    this.logged = undefined;
  }

  /** For the access log. */
  remember(parser: RequestParser, { host, path, query, client }: HeadView): void {
    const userAgent = parser.fields.get('user-agent') ?? '';
    this.logged = { host, path, query, client, userAgent, referer: parser.fields.get('referer') ?? '' };
  }
}
