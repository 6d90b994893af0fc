// Owns every error the data plane can meet: one table of code → status, blame and whether a retry is safe.
// Nothing here reaches a client but the status and the short reason; causes stay in logs and metrics.

export type Side = 'downstream' | 'upstream' | 'internal';
/** safe: nothing was sent. if-reused: the peer may have closed an idle connection. never: only idempotent methods may try again. */
export type RetryClass = 'safe' | 'if-reused' | 'never';

export interface ErrorKind {
  /** Status for the client; 0 means close without a reply. */
  readonly status: number;
  readonly side: Side;
  readonly retry: RetryClass;
  /** Shown to clients: says what happened in general words, and nothing about the inside. */
  readonly reason: string;
}

const kind = (status: number, side: Side, retry: RetryClass, reason: string): ErrorKind => ({
  status,
  side,
  retry,
  reason,
});

export const ERRORS = {
  'bad-request': kind(400, 'downstream', 'never', 'The request is malformed.'),
  'bad-host': kind(400, 'downstream', 'never', 'The Host field is missing, repeated or malformed.'),
  'bad-framing': kind(400, 'downstream', 'never', 'The length of the body is ambiguous or malformed.'),
  'head-timeout': kind(408, 'downstream', 'never', 'The request head took too long.'),
  'body-timeout': kind(408, 'downstream', 'never', 'The request body took too long.'),
  'body-too-large': kind(413, 'downstream', 'never', 'The request body is larger than this server allows.'),
  'target-too-long': kind(414, 'downstream', 'never', 'The request target is longer than this server allows.'),
  'expectation-failed': kind(417, 'downstream', 'never', 'The expectation is unknown.'),
  'head-too-large': kind(431, 'downstream', 'never', 'The request head is larger than this server allows.'),
  'not-implemented': kind(501, 'downstream', 'never', 'The method or transfer coding is not implemented.'),
  'bad-version': kind(505, 'downstream', 'never', 'This HTTP version is not supported.'),
  'client-gone': kind(0, 'downstream', 'never', 'The client closed the connection.'),
  'client-slow': kind(0, 'downstream', 'never', 'The client stopped reading.'),
  'too-many-connections': kind(0, 'downstream', 'never', 'The listener has as many connections as it may.'),
  'too-many-from-client': kind(0, 'downstream', 'never', 'This client has as many connections as it may.'),
  'bad-proxy-header': kind(0, 'downstream', 'never', 'The PROXY protocol header is missing or malformed.'),
  'proxy-header-timeout': kind(0, 'downstream', 'never', 'The PROXY protocol header took too long.'),
  'bad-hello': kind(0, 'downstream', 'never', 'The TLS ClientHello is malformed.'),
  'hello-timeout': kind(0, 'downstream', 'never', 'The TLS ClientHello took too long.'),
  'tls-plain-http': kind(400, 'downstream', 'never', 'This port speaks TLS, and the request came in the clear.'),
  'tls-failed': kind(0, 'downstream', 'never', 'The TLS handshake failed.'),
  'tls-timeout': kind(0, 'downstream', 'never', 'The TLS handshake took too long.'),
  'tls-no-certificate': kind(0, 'downstream', 'never', 'There is no certificate for the name the client asked for.'),
  'tls-client-certificate': kind(0, 'downstream', 'never', 'The client certificate is missing or not accepted.'),
  'tls-rate-limited': kind(0, 'downstream', 'never', 'The listener has as many TLS handshakes a second as it may.'),
  'h2-protocol': kind(0, 'downstream', 'never', 'The HTTP/2 connection broke its protocol.'),
  'h2-flood': kind(0, 'downstream', 'never', 'The HTTP/2 connection sent too much that carries nothing.'),
  'client-deadline': kind(504, 'downstream', 'never', 'The deadline that the client set has passed.'),
  'filter-refused': kind(403, 'downstream', 'never', 'The request is not allowed.'),
  'filter-failed': kind(500, 'internal', 'never', 'The request could not be processed.'),
  'not-found': kind(404, 'downstream', 'never', 'There is nothing here.'),
  'method-not-allowed': kind(405, 'downstream', 'never', 'The method is not allowed here.'),
  unauthorized: kind(401, 'downstream', 'never', 'The request needs valid credentials.'),
  'rate-limited': kind(429, 'downstream', 'never', 'Too many requests.'),
  overloaded: kind(503, 'internal', 'never', 'This server has as many requests of this kind as it may.'),
  'breaker-open': kind(503, 'internal', 'never', 'The upstream server fails too often and is given a rest.'),
  'no-route': kind(404, 'downstream', 'never', 'No route matches this request.'),
  'pool-empty': kind(503, 'internal', 'never', 'The pool has no endpoints.'),
  'pool-down': kind(503, 'internal', 'never', 'Every endpoint of the pool is down.'),
  'pinned-down': kind(503, 'internal', 'never', 'The server that keeps this session cannot serve now.'),
  'pool-saturated': kind(503, 'internal', 'never', 'Every endpoint of the pool is at its limit and the queue is full.'),
  'queue-timeout': kind(503, 'internal', 'never', 'The request waited too long for a free endpoint.'),
  'tried-all': kind(502, 'upstream', 'never', 'No other endpoint is left to try.'),
  'out-of-sockets': kind(503, 'internal', 'never', 'This server has no socket left for the request.'),
  'flow-table-full': kind(0, 'internal', 'never', 'The listener has as many flows as it may.'),
  'flow-evicted': kind(0, 'internal', 'never', 'The flow made room for a newer one.'),
  'datagram-unsent': kind(0, 'internal', 'never', 'The datagram could not be sent.'),
  'dns-malformed': kind(0, 'downstream', 'never', 'The DNS message deserves no answer.'),
  'dns-formerr': kind(0, 'downstream', 'never', 'The DNS query is malformed.'),
  'dns-refused': kind(
    0,
    'downstream',
    'never',
    'The name is in no zone of this server, or the question is not for this client.',
  ),
  'dns-notimp': kind(0, 'downstream', 'never', 'The DNS operation is not implemented.'),
  'dns-servfail': kind(0, 'internal', 'never', 'The DNS answer could not be found.'),
  'dns-rate-limited': kind(0, 'downstream', 'never', 'The network of this client asks too often.'),
  'dns-slow-client': kind(
    0,
    'downstream',
    'never',
    'The client did not send a DNS query in time, or did not take the answers.',
  ),
  draining: kind(503, 'internal', 'never', 'This server is shutting down.'),
  'connect-failed': kind(502, 'upstream', 'safe', 'The upstream server could not be reached.'),
  'upstream-tls': kind(502, 'upstream', 'safe', 'The upstream server could not prove who it is, or speaks no TLS.'),
  'upstream-protocol': kind(
    502,
    'upstream',
    'never',
    'The upstream server does not speak the protocol that was asked for.',
  ),
  'connect-timeout': kind(504, 'upstream', 'safe', 'The upstream server did not accept the connection in time.'),
  'upstream-reset': kind(502, 'upstream', 'if-reused', 'The upstream server closed the connection before it answered.'),
  'upstream-refused': kind(
    503,
    'upstream',
    'safe',
    'The upstream server refused the request before it did anything with it.',
  ),
  'upstream-timeout': kind(504, 'upstream', 'never', 'The upstream server did not answer in time.'),
  'upstream-stalled': kind(504, 'upstream', 'never', 'The upstream server stopped sending.'),
  'upstream-malformed': kind(502, 'upstream', 'never', 'The upstream server sent a malformed response.'),
  'upstream-truncated': kind(
    502,
    'upstream',
    'never',
    'The upstream server closed the connection in the middle of its response.',
  ),
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERRORS;
export const ERROR_CODES = Object.keys(ERRORS) as readonly ErrorCode[];

export interface ProxyError {
  readonly code: ErrorCode;
  readonly side: Side;
  readonly retry: RetryClass;
  readonly cause?: unknown;
}

export function proxyError(code: ErrorCode, cause?: unknown): ProxyError {
  return { code, side: ERRORS[code].side, retry: ERRORS[code].retry, cause };
}
