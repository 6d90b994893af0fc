// Owns what a request knows of the way to its endpoint, whatever version of HTTP is spoken there: a connection of HTTP/1, or
// one stream of HTTP/2; and what such a way tells whoever waits for the response. No logic.

import type { Endpoint } from '../core/endpoint.ts';
import type { ErrorCode } from '../core/error.ts';
import type { HasConn } from '../net/conn.ts';
import type { BodyReader } from './codec/body.ts';
import type { ResponseParser } from './codec/response-parser.ts';

export interface Upstream extends HasConn {
  readonly endpoint: Endpoint;
  readonly connected: boolean;
  /** Responses that its connection completed. */
  readonly served: number;
  /** Lines of fields that go behind the body, where chunks do not hold them already. */
  trailers: string;
  /** The user's response comes after those of earlier users. A connected upstream calls back at once. */
  assign(user: UpstreamUser): void;
  /** Sends a whole request (or its beginning), whose head is in the form of HTTP/1, and starts waiting for the response. */
  send(text: string): boolean;
  sendWithBody(text: string, body: Buffer): boolean;
  /** Like `send`, but everything that is sent within one turn of the event loop goes out in one system call. */
  sendBatched(text: string): void;
  /** The request has been handed over to its end. */
  requestSent(): void;
  /** The user's client went away. */
  abandon(user: UpstreamUser): void;
  /** The client takes no more: stop reading. What then takes long is not the endpoint's fault. */
  hold(): void;
  unhold(): void;
}

/** Who waits for a response: an exchange, or what is left of one whose client went away. */
export interface UpstreamUser {
  readonly isHead: boolean;
  /** The whole request has been handed over. */
  readonly requestDone: boolean;
  /** The request asked for another protocol, so that a 101 is an answer to it. */
  readonly wantsUpgrade: boolean;
  /** Chunks are to be taken off the body. */
  readonly wantsPlainBody: boolean;
  /** Limits between the request's end and the response's first byte, and between reads of its body, in ms. */
  readonly firstByteMs: number;
  /** Between reads of the response's body, if not as for all requests; 0 otherwise. */
  readonly idleMs: number;
  onUpstreamReady(upstream: Upstream): void;
  /** A 1xx other than 101. */
  onInformational(parser: ResponseParser): void;
  /** 101: `buffer[start, end)` already belongs to the new protocol. The upstream has left its pool. */
  onUpgraded(parser: ResponseParser, buffer: Buffer, start: number, end: number): void;
  /** The head and what came of the body with it: `buffer[start, reader.verbatimEnd)` and `reader.tail`. */
  onResponse(parser: ResponseParser, reader: BodyReader, buffer: Buffer, start: number): void;
  onResponseBody(reader: BodyReader, buffer: Buffer, start: number): void;
  /** The response is complete and the connection has been let go. */
  onResponseEnd(): void;
  onUpstreamDrain(): void;
  /** `answered`: some of the response had come. `reused`: the connection had served before. */
  onUpstreamFailed(code: ErrorCode, answered: boolean, reused: boolean): void;
}
