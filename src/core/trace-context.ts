// Owns W3C Trace Context (https://www.w3.org/TR/trace-context/): reading and writing `traceparent`, bounding `tracestate`, and
// which traces belong to a share of all. Text in, text out.

export interface TraceParent {
  /** 32 hex digits in lower case. */
  readonly traceId: string;
  /** 16 hex digits in lower case: the caller's span. */
  readonly spanId: string;
  readonly sampled: boolean;
}

const PARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);
/** A `traceparent` of version 00; later ones may be longer, and what is longer than this is none of any. */
const LONGEST_PARENT = 512;

/** Undefined for what is none. Of a version that is not known yet, what version 00 has is read (§4.3). */
export function parseTraceparent(text: string): TraceParent | undefined {
  if (text.length < 55 || text.length > LONGEST_PARENT) return undefined;
  const match = PARENT.exec(text);
  if (match === null) return undefined;
  const [, version, traceId, spanId, flags, rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return undefined;
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(traceId: string, spanId: string, sampled: boolean): string {
  return `00-${traceId}-${spanId}-${sampled ? '01' : '00'}`;
}

const MEMBER =
  /^[a-z0-9][a-z0-9_\-*/]{0,240}(?:@[a-z][a-z0-9_\-*/]{0,13})?=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;
const MOST_MEMBERS = 32;
const MOST_STATE = 512;
/** More than this is not even looked at. */
const MOST_READ = 4096;

/** What of a `tracestate` is passed on: whole members from its beginning, newest first; '' when any of it is none (§3.3.1). */
export function boundedTracestate(text: string): string {
  if (text.length > MOST_READ) return '';
  let out = '';
  let count = 0;
  for (const part of text.split(',')) {
    const member = part.replace(/^[ \t]+|[ \t]+$/g, '');
    if (member === '') continue;
    if (!MEMBER.test(member)) return '';
    if (count === MOST_MEMBERS || out.length + member.length + 1 > MOST_STATE) return out;
    out = out === '' ? member : `${out},${member}`;
    count++;
  }
  return out;
}

/** Digits of a trace id that are random in every version of the standard, as far as a number holds them: 52 bits. */
const RANDOM_DIGITS = 13;
const RANGE = 2 ** (4 * RANDOM_DIGITS);

/** Whether a trace belongs to a share of all (0 to 1): the same for everybody who asks, and for every smaller share of a larger one. */
export function inShare(traceId: string, share: number): boolean {
  if (share >= 1) return true;
  return Number.parseInt(traceId.slice(18, 18 + RANDOM_DIGITS), 16) >= RANGE * (1 - share);
}
