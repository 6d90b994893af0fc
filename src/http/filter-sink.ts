// Owns the way of an answer back through the filters: shows them its head, lets them change it, and leads the body through the
// stages they ask for. Where none of them touches the body, bytes pass as if nobody stood here.
//
//   begin ─▶ passing | watched | staged ─▶ (unfinished: a stage still works) ─▶ finished
//        └─▶ replaced: something else was said, and what comes is dropped

import type { ErrorCode } from '../core/error.ts';
import type { HasConn } from '../net/conn.ts';
import type { ResponseSink, ResponseTerms } from './client-port.ts';
import { BodyReader } from './codec/body.ts';
import { CHUNKED } from './codec/request-parser.ts';
import { ResponseParser, UNTIL_CLOSE } from './codec/response-parser.ts';
import type { BodyStage, BodyWatch, FilterResponse } from './filter.ts';
import type { FilterRun } from './filter-run.ts';
import { HeadEdits } from './head-edits.ts';
import { editedLines, isBodiless, type LocalReply, localBody, localFields, reasonOf } from './reply.ts';
import { statusLine, unframedLines } from './response-head.ts';
import { StagedBody } from './staged-body.ts';

/** Whoever waits for what is not finished. */
export interface SinkOwner {
  readonly answer: HeadEdits;
  readonly isHead: boolean;
  /** Takes more again. */
  sinkDrained(): void;
  /** Everything is with the client now; `fault`: it never will be. */
  sinkFinished(fault: Error | undefined): void;
}

type Mode = 'passing' | 'watched' | 'staged' | 'replaced';

const parser = new ResponseParser();
const NOTHING = Buffer.alloc(0);
/** What speaks of one body, and not of what is said in its place. */
const OF_BODY = [
  'content-encoding',
  'content-language',
  'content-range',
  'etag',
  'last-modified',
  'accept-ranges',
  'digest',
];

export class FilterSink implements ResponseSink, FilterResponse {
  status = 0;
  isLocal = false;
  error: ErrorCode | undefined;
  length = -1;
  bodiless = false;
  endsWithConnection = false;
  readonly #inner: ResponseSink;
  readonly #owner: SinkOwner;
  readonly #run: FilterRun;
  #mode: Mode = 'passing';
  #head: ResponseParser | undefined;
  /** Lines of fields of an answer of our own. */
  #lines = '';
  #replacement: LocalReply | undefined;
  readonly #stages: BodyStage[] = [];
  readonly #watches: BodyWatch[] = [];
  #body: StagedBody | undefined;
  #chunked = false;
  readonly #reader = new BodyReader();
  #source: HasConn | undefined;
  #trailers = '';
  #fault: Error | undefined;
  #clientBlocked = false;
  /** Output that came before the head was sent. */
  #early: Buffer[] | undefined;
  #requestId = '';

  constructor(inner: ResponseSink, run: FilterRun, owner: SinkOwner) {
    this.#inner = inner;
    this.#run = run;
    this.#owner = owner;
  }

  get bytesOut(): number {
    return this.#inner.bytesOut;
  }

  set bytesOut(bytes: number) {
    this.#inner.bytesOut = bytes;
  }

  get unfinished(): boolean {
    return this.#body !== undefined;
  }

  get isFull(): boolean {
    return this.#body?.isFull ?? false;
  }

  /** What filters do to the head of this answer; what they had in store for any answer comes last. */
  readonly edits = new HeadEdits();

  #allEdits(): HeadEdits {
    this.edits.add(this.#owner.answer);
    return this.edits;
  }

  /** `requestId` of the request whose answer comes next. */
  start(requestId: string): void {
    this.#requestId = requestId;
    this.reset();
  }

  reset(): void {
    this.#inner.reset();
    this.#mode = 'passing';
    this.edits.clear();
    this.#replacement = undefined;
    this.#stages.length = 0;
    this.#watches.length = 0;
    this.#body = undefined;
    this.#early = undefined;
    this.#fault = undefined;
    this.#clientBlocked = false;
    this.endsWithConnection = false;
  }

  header(name: string): string | undefined {
    const own = this.edits.now(name);
    const edited = own === undefined ? this.#owner.answer.now(name) : own;
    if (edited !== undefined) return edited ?? undefined;
    return this.#head === undefined ? fieldIn(this.#lines, name) : this.#head.fields.get(name);
  }

  lines(): string {
    if (this.#head === undefined) return editedLines(this.#lines, this.edits);
    return editedLines(unframedLines(this.#head), this.edits);
  }

  through(stage: BodyStage): void {
    if (!this.bodiless) this.#stages.push(stage);
  }

  watch(watch: BodyWatch): void {
    if (this.bodiless) watch.end(true);
    // Behind a stage it sees what comes out of that.
    else if (this.#stages.length > 0) this.#stages.push(watching(watch));
    else this.#watches.push(watch);
  }

  replace(reply: LocalReply): void {
    this.#replacement = reply;
    // What was done to the other body has nothing to do with this one.
    for (const stage of this.#stages) stage.cancel?.();
    for (const watch of this.#watches) watch.end(false);
    this.#stages.length = 0;
    this.#watches.length = 0;
    for (const name of OF_BODY) this.edits.forget(name);
    this.#show(reply, localBody(reply, this.#requestId), this.#owner.isHead);
  }

  get isReplaced(): boolean {
    return this.#replacement !== undefined;
  }

  /** What filters see of an answer of our own. */
  #show(reply: LocalReply, body: string | Buffer, isHead: boolean): void {
    this.#lines = localFields(reply, { hsts: '', edits: undefined });
    this.#head = undefined;
    this.isLocal = true;
    this.error = reply.code;
    this.status = reply.status;
    this.length = body.length;
    this.bodiless = isHead || isBodiless(reply.status);
  }

  /** The client has taken what there was. */
  clientDrained(): void {
    this.#clientBlocked = false;
  }

  begin(
    head: ResponseParser,
    reader: BodyReader,
    source: HasConn,
    buffer: Buffer,
    start: number,
    terms: ResponseTerms,
  ): boolean {
    if (!this.#run.sees) return this.#inner.begin(head, reader, source, buffer, start, terms);
    this.#head = head;
    this.isLocal = false;
    this.error = undefined;
    this.status = head.status;
    this.length = head.bodyLength >= 0 ? head.bodyLength : -1;
    this.bodiless = reader.done && head.bodyLength === 0;
    this.#chunked = head.bodyLength === CHUNKED;
    this.#source = source;
    this.#run.respond(this);
    this.#head = undefined;
    const edited = { ...terms, edits: this.#allEdits() };
    if (this.#replacement !== undefined) {
      this.#say(this.#replacement, this.#requestId, this.#owner.isHead, edited);
      this.#mode = 'replaced';
      return true;
    }
    if (this.#stages.length > 0)
      return this.#beginStaged(`${statusLine(head)}${unframedLines(head)}`, reader, buffer, start, edited);
    if (this.#watches.length === 0) return this.#inner.begin(head, reader, source, buffer, start, edited);
    this.#mode = 'watched';
    this.#observe(reader, buffer, start);
    return this.#inner.begin(head, reader, source, buffer, start, edited);
  }

  more(reader: BodyReader, source: HasConn, buffer: Buffer, start: number): boolean {
    switch (this.#mode) {
      case 'replaced':
        return true;
      case 'staged':
        return this.#feed(reader, buffer, start);
      case 'watched':
        this.#observe(reader, buffer, start);
    }
    return this.#inner.more(reader, source, buffer, start);
  }

  #observe(reader: BodyReader, buffer: Buffer, start: number): void {
    for (const piece of this.#pieces(reader, buffer, start)) for (const watch of this.#watches) watch.piece(piece);
    if (!reader.done) return;
    for (const watch of this.#watches) watch.end(true);
    this.#watches.length = 0;
  }

  *#pieces(reader: BodyReader, buffer: Buffer, start: number): Generator<Buffer> {
    if (!this.#chunked) {
      if (reader.verbatimEnd > start) yield buffer.subarray(start, reader.verbatimEnd);
      return;
    }
    const { runs } = reader;
    for (let i = 0; i < runs.length; i += 2) yield buffer.subarray(runs[i], runs[i + 1]);
  }

  /** What is at hand whole, and comes out at once, goes with its length; anything else in pieces. */
  #beginStaged(head: string, reader: BodyReader, buffer: Buffer, start: number, terms: ResponseTerms): boolean {
    this.#mode = 'staged';
    this.#early = [];
    this.#body = new StagedBody(this.#stages, {
      emit: (bytes) => this.#emit(bytes),
      ended: (fault) => this.#ended(fault),
      drained: () => this.#owner.sinkDrained(),
    });
    const wholeAtHand = reader.done;
    this.#trailers = '';
    if (wholeAtHand) this.#feed(reader, buffer, start);
    const early = this.#early;
    this.#early = undefined;
    if (this.#fault !== undefined) {
      this.#owner.sinkFinished(this.#fault);
      return true;
    }
    const isWhole = wholeAtHand && this.#body === undefined;
    const bytes = early.length === 1 ? early[0] : Buffer.concat(early);
    this.endsWithConnection = !isWhole && terms.minor === 0;
    const close = terms.close || this.endsWithConnection;
    const framed = Buffer.from(isWhole ? `${head}Content-Length: ${bytes.length}\r\n\r\n` : `${head}\r\n`, 'latin1');
    parser.parse(framed, 0, framed.length, false);
    this.#reader.start(isWhole ? bytes.length : UNTIL_CLOSE);
    this.#reader.verbatimEnd = 0;
    this.#reader.consume(bytes, 0, bytes.length);
    const accepted = this.#inner.begin(parser, this.#reader, this.#source!, bytes, 0, { ...terms, close });
    return (wholeAtHand || this.#feed(reader, buffer, start)) && accepted && !this.isFull;
  }

  #feed(reader: BodyReader, buffer: Buffer, start: number): boolean {
    const body = this.#body;
    if (body === undefined) return true;
    for (const watch of this.#watches) for (const piece of this.#pieces(reader, buffer, start)) watch.piece(piece);
    for (const piece of this.#pieces(reader, buffer, start)) body.push(piece);
    if (reader.done) {
      this.#trailers = reader.trailers;
      for (const watch of this.#watches) watch.end(true);
      this.#watches.length = 0;
      body.end();
    }
    return !body.isFull && !this.#clientBlocked;
  }

  #emit(bytes: Buffer): void {
    if (bytes.length === 0) return;
    if (this.#early !== undefined) {
      this.#early.push(bytes);
      return;
    }
    this.#reader.consume(bytes, 0, bytes.length);
    this.#clientBlocked = !this.#inner.more(this.#reader, this.#source!, bytes, 0);
  }

  #ended(fault: Error | undefined): void {
    this.#body = undefined;
    this.#fault = fault;
    if (this.#early !== undefined) return;
    if (fault === undefined) {
      this.#reader.finish(this.#trailers);
      this.#inner.more(this.#reader, this.#source!, NOTHING, 0);
    }
    this.#owner.sinkFinished(fault);
  }

  /** The answer breaks off, or nobody wants it any more. */
  cancel(): void {
    for (const watch of this.#watches) watch.end(false);
    this.#watches.length = 0;
    this.#body?.cancel();
    this.#body = undefined;
  }

  informational(interim: ResponseParser): void {
    this.#inner.informational(interim);
  }

  local(reply: LocalReply, requestId: string, isHead: boolean, terms: ResponseTerms): void {
    if (!this.#run.sees) return this.#inner.local(reply, requestId, isHead, terms);
    this.#requestId = requestId;
    this.#show(reply, localBody(reply, requestId), isHead);
    this.#run.respond(this);
    this.#say(this.#replacement ?? reply, requestId, isHead, { ...terms, edits: this.#allEdits() });
  }

  /** An answer of our own, through what filters put in its way. */
  #say(reply: LocalReply, requestId: string, isHead: boolean, terms: ResponseTerms): void {
    const watches = this.#watches;
    if (this.#stages.length === 0 && watches.length === 0) return this.#inner.local(reply, requestId, isHead, terms);
    const body = localBody(reply, requestId);
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : body;
    if (this.#stages.length === 0) {
      for (const watch of watches) {
        watch.piece(bytes);
        watch.end(true);
      }
      watches.length = 0;
      return this.#inner.local(reply, requestId, isHead, terms);
    }
    const { status } = reply;
    const fields = localFields(reply, { hsts: '', edits: undefined });
    const head = `HTTP/1.1 ${status} ${reasonOf(status)}\r\nDate: ${reply.date ?? terms.date}\r\n${fields}`;
    const reader = new BodyReader();
    reader.start(bytes.length);
    reader.consume(bytes, 0, bytes.length);
    this.#chunked = false;
    this.#source = OWN;
    this.#beginStaged(head, reader, bytes, 0, terms);
  }

  upgraded(answer: ResponseParser): void {
    this.#inner.upgraded(answer);
  }
}

function watching(watch: BodyWatch): BodyStage {
  return {
    push: (bytes, next) => {
      watch.piece(bytes);
      next(bytes);
    },
    end: (_next, done) => {
      watch.end(true);
      done();
    },
    cancel: () => watch.end(false),
  };
}

/** Bytes of our own: nobody reads anything over them. */
const OWN = { conn: { ownsBuffer: () => true } } as unknown as HasConn;

function fieldIn(lines: string, name: string): string | undefined {
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon === name.length && line.slice(0, colon).toLowerCase() === name) return line.slice(colon + 1).trim();
  }
  return undefined;
}
