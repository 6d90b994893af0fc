// Owns what gRPC means to a proxy: statuses in fields, deadlines, and failures told in its words. Sources: gRPC over HTTP/2
// (PROTOCOL-HTTP2.md) and its mapping of HTTP statuses (http-grpc-status-mapping.md).

import type { ErrorCode } from '../core/error.ts';

/** Codes from 0 (OK) to 16 (UNAUTHENTICATED). */
export const GRPC_CODES = 17;
const DEADLINE_EXCEEDED = 4;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;

const TYPE = 'application/grpc';

/** `application/grpc`, with `+proto` or parameters behind it; gRPC-Web is something else. */
export function isGrpc(contentType: string | undefined): boolean {
  if (contentType?.startsWith(TYPE) !== true) return false;
  const next = contentType.charCodeAt(TYPE.length);
  return Number.isNaN(next) || next === 0x2b || next === 0x3b;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 0.001,
  n: 0.000_001,
};

/** What `grpc-timeout` asks for, in ms; 0 when there is none, or none that anybody could read. */
export function deadlineOf(timeout: string | undefined): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(timeout ?? '');
  return match === null ? 0 : Math.max(1, Number(match[1]) * UNIT_MS[match[2]]);
}

/** What a client of gRPC is told in the place of an HTTP status. */
export function grpcCodeOf(code: ErrorCode, status: number): number {
  if (code === 'client-deadline') return DEADLINE_EXCEEDED;
  if (status === 404) return UNIMPLEMENTED;
  if (status === 413 || status === 431) return RESOURCE_EXHAUSTED;
  return status >= 500 && status !== 501 ? UNAVAILABLE : INTERNAL;
}

/** The code among lines or a list of fields; -1 when it is not there. */
export function grpcStatusIn(lines: string): number {
  const match = /(?:^|\n)grpc-status:[ \t]*(\d{1,2})[ \t]*\r?(?:\n|$)/i.exec(lines);
  const code = match === null ? -1 : Number(match[1]);
  return code < GRPC_CODES ? code : 2;
}

/** What a code says of the endpoint, as a status of HTTP: for outlier detection and the counters of statuses. */
export function statusOfGrpc(code: number): number {
  switch (code) {
    case DEADLINE_EXCEEDED:
      return 504;
    case UNIMPLEMENTED:
      return 501;
    case UNAVAILABLE:
      return 503;
    case 2:
    case INTERNAL:
    case 15:
      return 500;
    default:
      return 200;
  }
}
