// Owns where a request in the clear is sent instead: the same place by HTTPS. What the client sent is only repeated where it
// cannot be read as anything else: the host must be one, and the rest is escaped (RFC 3986 §2).

const HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/;
/** Everything that may stand in a path or query as it is, `%` for what is escaped already. */
const UNSAFE = /[^A-Za-z0-9\-._~:/?@!$&'()*+,;=%]/g;
const BARE_PERCENT = /%(?![0-9A-Fa-f]{2})/g;

/** `host` in lower case without a port, `path` and `query` as latin-1 text. Undefined: there is no telling where. */
export function httpsLocation(host: string, port: number, path: string, query: string): string | undefined {
  if (!HOST.test(host)) return undefined;
  const at = port === 443 ? host : `${host}:${port}`;
  const rest = path.startsWith('/') ? escaped(path) : '/';
  return `https://${at}${rest}${query === '' ? '' : `?${escaped(query)}`}`;
}

function escaped(text: string): string {
  return text.replace(BARE_PERCENT, '%25').replace(UNSAFE, (char) => {
    const code = char.charCodeAt(0) & 0xff;
    return `%${code < 16 ? '0' : ''}${code.toString(16).toUpperCase()}`;
  });
}
