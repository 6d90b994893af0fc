// Owns the answers this server gives itself. Only general words: nothing a client sent and nothing about the inside.

import { STATUS_CODES } from 'node:http';
import type { PoolConfig } from '../config/types.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { ResponseTerms } from './client-port.ts';
import type { HeadEdits } from './head-edits.ts';
import type { BodySource } from './local-upstream.ts';

export interface LocalReply {
  readonly status: number;
  readonly code?: ErrorCode;
  readonly retryAfterSeconds?: number;
  /** Instead of a sentence about `code`: somebody's answer. Text is ASCII; bytes are not changed any more. */
  readonly body?: string | Buffer;
  /** IMF-fixdate, if not that of now. */
  readonly date?: string;
  /** Lines of fields, each with its CRLF, in place of those that go with a text of ours. */
  readonly fields?: string;
  /** Instead of `body`: comes in pieces. */
  readonly stream?: BodySource;
  /** Where to go instead. */
  readonly location?: string;
}

/** What a client is told. Whoever finds no free endpoint is told when to come back; how, is the pool's to say. */
export function replyTo(code: ErrorCode, pool: PoolConfig | undefined): LocalReply {
  const { status } = ERRORS[code];
  const allDown = pool?.allDown;
  switch (code) {
    case 'pool-down':
      return { status: allDown?.status ?? status, code, retryAfterSeconds: allDown?.retryAfterSeconds ?? 0 };
    case 'pool-empty':
    case 'pinned-down':
    case 'pool-saturated':
    case 'queue-timeout':
      return { status, code, retryAfterSeconds: allDown?.retryAfterSeconds ?? 0 };
    case 'breaker-open':
      return { status, code, retryAfterSeconds: Math.ceil((pool?.breaker?.openMs ?? 0) / 1000) };
    default:
      return { status, code };
  }
}

/** For people, mostly. */
export function localBody({ status, code, body }: LocalReply, requestId: string): string | Buffer {
  if (body !== undefined) return body;
  const line = requestId === '' ? '' : `Request ${requestId}\n`;
  return `${status} ${reasonOf(status)}\n${code === undefined ? '' : `${ERRORS[code].reason}\n`}${line}`;
}

export function reasonOf(status: number): string {
  return STATUS_CODES[status] ?? 'Unknown';
}

const OWN_TEXT = 'Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\n';

/** Lines of fields of the answer, but for the date and what says how it is framed. */
export function localFields(reply: LocalReply, { hsts, edits }: Pick<ResponseTerms, 'hsts' | 'edits'>): string {
  let out = reply.fields ?? OWN_TEXT;
  if (reply.retryAfterSeconds !== undefined) out += `Retry-After: ${reply.retryAfterSeconds}\r\n`;
  if (reply.location !== undefined) out += `Location: ${reply.location}\r\n`;
  if (edits !== undefined && !edits.isEmpty) out = editedLines(out, edits);
  return hsts === '' || /^strict-transport-security:/im.test(out)
    ? out
    : `${out}Strict-Transport-Security: ${hsts}\r\n`;
}

/** `lines` with what `edits` do to them. */
export function editedLines(lines: string, edits: HeadEdits): string {
  let out = '';
  for (const line of lines.split('\r\n')) {
    const name = line.slice(0, line.indexOf(':')).toLowerCase();
    if (line !== '' && !edits.removes(name)) out += `${line}\r\n`;
  }
  return out + edits.linesBeside(out);
}

/** A status without a body (RFC 9110 §6.4.1). */
export function isBodiless(status: number): boolean {
  return status === 204 || status === 304 || status < 200;
}

/** The head of a complete response of our own. */
export function localHead(reply: LocalReply, length: number, terms: ResponseTerms): string {
  const { status } = reply;
  let out = `HTTP/1.1 ${status} ${reasonOf(status)}\r\nDate: ${reply.date ?? terms.date}\r\n${localFields(reply, terms)}`;
  if (!isBodiless(status) && terms.edits?.forgetsLength !== true) out += `Content-Length: ${length}\r\n`;
  if (terms.close) out += 'Connection: close\r\n';
  else if (terms.minor === 0) out += 'Connection: keep-alive\r\n';
  return `${out}\r\n`;
}
