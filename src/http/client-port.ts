// Owns what an exchange knows of its client, whatever version of HTTP that client speaks: one connection of HTTP/1 with one
// request at a time, or one stream of HTTP/2. No logic.

import type { HasConn } from '../net/conn.ts';
import type { BodyReader } from './codec/body.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { HeadEdits } from './head-edits.ts';
import type { HttpListener } from './listener.ts';
import type { LocalReply } from './reply.ts';
import type { RequestAdditions } from './request-head.ts';

/** Puts one response before the client in its framing. A false return says that the client takes no more for now. */
export interface ResponseSink {
  /** To this client, heads included. */
  bytesOut: number;
  reset(): void;
  /** The head, and what of the body stands in `buffer[start, reader.verbatimEnd)`. */
  begin(
    parser: ResponseParser,
    reader: BodyReader,
    source: HasConn,
    buffer: Buffer,
    start: number,
    terms: ResponseTerms,
  ): boolean;
  more(reader: BodyReader, source: HasConn, buffer: Buffer, start: number): boolean;
  /** A 1xx other than 101. */
  informational(parser: ResponseParser): void;
  /** What was begun is not finished yet, though everything was given to it: whoever waits is told by `SinkOwner`. */
  readonly unfinished?: boolean;
  /** The end of the connection has to delimit this response. */
  readonly endsWithConnection?: boolean;
  /** A whole answer of our own. */
  local(reply: LocalReply, requestId: string, isHead: boolean, terms: ResponseTerms): void;
  /** The connection is the new protocol's from now on. */
  upgraded(parser: ResponseParser, edits?: HeadEdits): void;
}

export interface ResponseTerms {
  /** HTTP/1.x */
  readonly minor: number;
  /** It is the last response on this connection. */
  readonly close: boolean;
  /** IMF-fixdate. */
  readonly date: string;
  /** Strict-Transport-Security, where the upstream sent none; '' for none. */
  readonly hsts: string;
  /** Changes to the head; undefined for none. */
  readonly edits: HeadEdits | undefined;
}

export interface ClientPort extends HasConn {
  readonly listener: HttpListener;
  readonly sink: ResponseSink;
  /** The request speaks gRPC: its outcome is a field, and failures are told in one. */
  readonly grpc: boolean;
  /** So long the client waits for the whole exchange, in ms; 0 when it did not say. */
  readonly deadlineMs: number;
  /** It cannot read chunks, whatever the request's version says. */
  readonly plainBodies: boolean;
  /** After this request the connection is to be closed, whatever the client wants. */
  readonly isLast: boolean;
  additions(): RequestAdditions;
  /** The request has been read to its end. */
  requestRead(): void;
  /** The response is complete. `readAll`: so was the request. `asked`: the client asked for the connection's end. */
  responded(close: boolean, readAll: boolean, asked: boolean): void;
  /** An answer that cannot be finished: the client must see that something is missing. */
  abort(): void;
  /** A request that was held has been read whole; what `bytes` came behind it are of the next one. */
  unread(bytes: Buffer): void;
  /** The rest of this connection belongs to a tunnel. Returns bytes that came ahead. */
  release(): Buffer | undefined;
}
