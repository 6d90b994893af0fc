// Owns following one message body through the bytes as they arrive, whatever its framing, and saying which of them may
// be passed on verbatim. Never buffers a body; only a trailer section is held, within a bound.

import { ChunkedDecoder } from './chunked.ts';
import { F, Fields, INCOMPLETE } from './fields.ts';
import { CHUNKED } from './request-parser.ts';
import { UNTIL_CLOSE } from './response-parser.ts';

const MAX_TRAILER_BYTES = 16 * 1024;
const MAX_TRAILER_FIELDS = 100;
/** Trailers that would change framing, routing or trust when merged into the head (RFC 9110 §6.5.1). */
const FORBIDDEN_TRAILERS = new Set<number>([
  F.host,
  F.connection,
  F.contentLength,
  F.transferEncoding,
  F.expect,
  F.upgrade,
  F.te,
  F.keepAlive,
  F.proxyConnection,
  F.xForwardedFor,
  F.xForwardedProto,
  F.xForwardedHost,
  F.xForwardedPort,
  F.xRealIp,
  F.forwarded,
  F.via,
  F.trailer,
  F.requestId,
  F.proxyAuthorization,
  F.clientCertSubject,
  F.clientCertFingerprint,
  F.folded,
]);
const FORBIDDEN_NAMES =
  /^(?:authorization|cookie|set-cookie|content-(?:encoding|type|range)|cache-control|age|expires|location|vary)$/i;

const trailerFields = new Fields(MAX_TRAILER_FIELDS);

export class BodyReader {
  /** The body is over. */
  done = true;
  /** After `consume`: bytes up to here may be passed on as they came. */
  verbatimEnd = 0;
  /** After `consume`: text to send after them: the trailer section, when one had to be rebuilt. */
  tail = '';
  /** Fields that came behind the body, as lines; '' for none. */
  trailers = '';
  /** Bytes that must not fail to come: false for a body that ends with the connection. */
  delimited = true;
  #left = 0;
  #chunked: ChunkedDecoder | undefined;
  #inChunks = false;
  #held: Buffer | undefined;
  #payload = 0;

  /** After `consume`, when asked for: pairs of offsets between which payload stands, without framing. */
  readonly runs: number[] = [];
  #collect = false;

  /** `length`: bytes, CHUNKED or UNTIL_CLOSE. `collectRuns`: the chunks are to be taken off. */
  start(length: number, collectRuns = false): void {
    this.#collect = collectRuns && length === CHUNKED;
    this.tail = '';
    this.trailers = '';
    this.verbatimEnd = 0;
    this.runs.length = 0;
    this.#payload = 0;
    this.#inChunks = length === CHUNKED;
    this.delimited = length !== UNTIL_CLOSE;
    this.done = length === 0;
    this.#left = length;
    if (this.#inChunks) {
      if (this.#chunked === undefined) this.#chunked = new ChunkedDecoder();
      else this.#chunked.reset();
      this.#held = undefined;
    }
  }

  /** Payload bytes so far, without framing. */
  get payload(): number {
    return this.#inChunks ? this.#chunked!.payload : this.#payload;
  }

  /**
   * Follows the body in `buffer[start, end)`. Returns the offset after the bytes that belong to it, or -1 when the
   * coding is broken.
   */
  consume(buffer: Buffer, start: number, end: number): number {
    if (this.#inChunks) return this.#consumeChunked(buffer, start, end);
    const take = this.delimited ? Math.min(this.#left, end - start) : end - start;
    if (this.delimited) {
      this.#left -= take;
      this.done = this.#left === 0;
    }
    this.#payload += take;
    this.verbatimEnd = start + take;
    return this.verbatimEnd;
  }

  /** The end of a body that only its stream delimits. `trailers`: lines of fields. */
  finish(trailers: string): void {
    this.done = true;
    this.verbatimEnd = 0;
    this.trailers = trailers === '' ? '' : allowedAmong(trailers);
  }

  #consumeChunked(buffer: Buffer, start: number, end: number): number {
    this.runs.length = 0;
    this.tail = '';
    this.verbatimEnd = start;
    const decoder = this.#chunked!;
    let p = start;
    if (!decoder.atTrailer) {
      p = decoder.consume(buffer, start, end, this.#collect ? this.runs : undefined);
      if (p < 0) return -1;
      this.verbatimEnd = p;
    }
    return decoder.atTrailer ? this.#trailer(buffer, p, end) : p;
  }

  #trailer(buffer: Buffer, start: number, end: number): number {
    const held = this.#held;
    const bytes = held === undefined ? buffer : Buffer.concat([held, buffer.subarray(start, end)]);
    const from = held === undefined ? start : 0;
    const to = held === undefined ? end : bytes.length;
    const done = trailerFields.parse(bytes, from, from, to);
    if (done < 0 || (done === INCOMPLETE && to - from > MAX_TRAILER_BYTES)) return -1;
    if (done === INCOMPLETE) {
      this.#held = Buffer.from(bytes.subarray(from, to));
      return end;
    }
    this.done = true;
    this.#chunked!.finish();
    this.#held = undefined;
    if (held === undefined && trailerFields.count === 0) {
      this.verbatimEnd = done;
      return done;
    }
    trailerFields.text = bytes.latin1Slice(from, done);
    this.trailers = allowedTrailers();
    this.tail = `${this.trailers}\r\n`;
    return held === undefined ? done : start + (done - held.length);
  }
}

/** The fields of `lines` that may be trailers. */
function allowedAmong(lines: string): string {
  const bytes = Buffer.from(`${lines}\r\n`, 'latin1');
  if (trailerFields.parse(bytes, 0, 0, bytes.length) <= 0) return '';
  trailerFields.text = lines;
  return allowedTrailers();
}

function allowedTrailers(): string {
  let text = '';
  for (let i = 0; i < trailerFields.count; i++) {
    const name = trailerFields.name(i);
    if (FORBIDDEN_TRAILERS.has(trailerFields.kind[i]) || FORBIDDEN_NAMES.test(name)) continue;
    text += `${name}: ${trailerFields.value(i)}\r\n`;
  }
  return text;
}
