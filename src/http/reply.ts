// Owns the answers this server gives itself. Only general words: nothing a client sent and nothing about the inside.

import type { AllDownConfig } from '../config/types.ts';
import { ERRORS, type ErrorCode } from '../core/error.ts';
import type { ResponseTerms } from './client-port.ts';

const REASONS: Record<number, string> = {
  200: 'OK',
  301: 'Moved Permanently',
  302: 'Found',
  307: 'Temporary Redirect',
  308: 'Permanent Redirect',
  400: 'Bad Request',
  404: 'Not Found',
  408: 'Request Timeout',
  413: 'Content Too Large',
  414: 'URI Too Long',
  417: 'Expectation Failed',
  431: 'Request Header Fields Too Large',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
  504: 'Gateway Timeout',
  505: 'HTTP Version Not Supported',
};

export interface LocalReply {
  readonly status: number;
  readonly code?: ErrorCode;
  readonly retryAfterSeconds?: number;
  /** Instead of a sentence about `code`: somebody's answer. ASCII. */
  readonly body?: string;
  /** Where to go instead. */
  readonly location?: string;
}

/** What a client is told. Whoever finds no free endpoint is told when to come back; how, is the pool's to say. */
export function replyTo(code: ErrorCode, allDown: AllDownConfig | undefined): LocalReply {
  const { status } = ERRORS[code];
  switch (code) {
    case 'pool-down':
      return { status: allDown?.status ?? status, code, retryAfterSeconds: allDown?.retryAfterSeconds ?? 0 };
    case 'pool-empty':
    case 'pool-saturated':
    case 'queue-timeout':
      return { status, code, retryAfterSeconds: allDown?.retryAfterSeconds ?? 0 };
    default:
      return { status, code };
  }
}

/** For people, mostly. */
export function localBody({ status, code, body }: LocalReply, requestId: string): string {
  if (body !== undefined) return body;
  const line = requestId === '' ? '' : `Request ${requestId}\n`;
  return `${status} ${REASONS[status] ?? 'Error'}\n${code === undefined ? '' : `${ERRORS[code].reason}\n`}${line}`;
}

/** A complete response. `isHead` leaves the body out. */
export function localReply(
  reply: LocalReply,
  requestId: string,
  isHead: boolean,
  { close, date, hsts }: Pick<ResponseTerms, 'close' | 'date' | 'hsts'>,
): string {
  const reason = REASONS[reply.status] ?? 'Error';
  const body = localBody(reply, requestId);
  let out = `HTTP/1.1 ${reply.status} ${reason}\r\nDate: ${date}\r\nContent-Type: text/plain; charset=utf-8\r\n`;
  out += `Content-Length: ${body.length}\r\nCache-Control: no-store\r\n`;
  if (reply.retryAfterSeconds !== undefined) out += `Retry-After: ${reply.retryAfterSeconds}\r\n`;
  if (reply.location !== undefined) out += `Location: ${reply.location}\r\n`;
  if (hsts !== '') out += `Strict-Transport-Security: ${hsts}\r\n`;
  if (close) out += 'Connection: close\r\n';
  return isHead ? `${out}\r\n` : `${out}\r\n${body}`;
}
