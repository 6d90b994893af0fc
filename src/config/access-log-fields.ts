// Owns the names of what an access log line can hold. `observe/access-log.ts` writes them.

export const ACCESS_LOG_FIELDS: readonly string[] = [
  'time',
  'protocol',
  'listener',
  'route',
  'pool',
  'variant',
  'endpoint',
  'why',
  'client',
  'identity',
  'sni',
  'method',
  'host',
  'path',
  'query',
  'status',
  'error',
  'attempts',
  'durationMs',
  'firstByteMs',
  'bytesIn',
  'bytesOut',
  'closedBy',
  'datagramsIn',
  'datagramsOut',
  'requestId',
  'traceId',
  'userAgent',
  'referer',
];

/** Where nobody said. The variant is added where there are splits, the trace's id where there is tracing. Query strings often hold secrets, so they are logged only when asked for. */
export const ACCESS_LOG_DEFAULT: readonly string[] = ACCESS_LOG_FIELDS.filter(
  (field) =>
    field !== 'query' &&
    field !== 'why' &&
    field !== 'referer' &&
    field !== 'variant' &&
    field !== 'identity' &&
    field !== 'traceId',
);
