// Owns the names of fields that say how a message travels (RFC 9110 §7.6.1, RFC 9112 §6): they belong to the connections, so no
// configuration and no filter may touch them. Lower case.

export const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
