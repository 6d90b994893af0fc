// Owns the one form of a path that routing, logs and affinity compare, so that no spelling gets around a route. Policy:
//   - percent-escapes of unreserved characters (RFC 3986 §2.3) are decoded, all others stay and are written in upper case,
//     so `%2F` never becomes a separator;
//   - then dot segments are removed (§5.2.4), `%2e%2e` included; what would climb above the root stops at the root;
//   - nothing else changes: `//` is not collapsed, case and a trailing slash are kept, backslashes are no separators;
//   - a malformed escape, `%00`, an overlong form of UTF-8 (`%C0%AF` for `/`), a dot segment between separators that only some
//     servers know (`..%2F`, `..\\`, `..;x`), such a separator within a parameter (`;x%2F`), or text that does not start with `/` (but for `*` of OPTIONS) is refused.
// What others may still read differently has a second form, `looseReading`.

/** The normalized path, or undefined when it must be refused. A path that needs no change is returned as it is. */
export function normalizePath(path: string): string | undefined {
  if (path.charCodeAt(0) !== 47) return path === '*' ? path : undefined;
  const decoded = path.includes('%') ? decodeUnreserved(path) : path;
  if (decoded === undefined) return undefined;
  const plain = decoded.includes('/.') ? removeDotSegments(decoded) : decoded;
  if (plain.includes('..') && HIDDEN_DOTS.test(plain)) return undefined;
  return plain.includes(';') && HIDDEN_SEPARATOR.test(plain) ? undefined : plain;
}

/** What climbs for servers that take more than `/` for a separator. */
const HIDDEN_DOTS = /(?:[/\\]|%(?:2F|5C))\.\.(?:$|[/\\;]|%(?:2F|5C|3B))/;

/** What ends a parameter of a segment for some servers, and is a part of it for others. */
const HIDDEN_SEPARATOR = /;[^/]*(?:%(?:2F|5C)|\\)/;

function decodeUnreserved(path: string): string | undefined {
  let result = '';
  let copied = 0;
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 3)) {
    const digits = path.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
    const code = Number.parseInt(digits, 16);
    if (code === 0 || (code >= 0xc0 && isOverlong(code, path, at + 3))) return undefined;
    result += path.slice(copied, at) + (isUnreserved(code) ? String.fromCharCode(code) : `%${digits.toUpperCase()}`);
    copied = at + 3;
  }
  return result + path.slice(copied);
}

/** A character in more bytes than it needs (RFC 3629 §3): lenient decoders take it for that character. */
function isOverlong(lead: number, path: string, at: number): boolean {
  if (lead > 0xc1 && lead !== 0xe0 && lead !== 0xf0) return false;
  const most = lead <= 0xc1 ? 0xbf : lead === 0xe0 ? 0x9f : 0x8f;
  const next = path[at] === '%' ? Number.parseInt(path.slice(at + 1, at + 3), 16) : Number.NaN;
  return next >= 0x80 && next <= most;
}

/** Anything that some server reads as something else: `%2F` `%5C` `\\` `//` `;`. */
const AMBIGUOUS = /%(?:2F|5C)|[\\;]|\/\//;

/**
 * A normalized path as the most lenient server would read it: encoded slashes and backslashes as separators, parameters of
 * segments (`;x`) dropped, several slashes as one, dot segments of all that removed. Most paths are returned as they are.
 */
export function looseReading(path: string): string {
  if (!AMBIGUOUS.test(path)) return path;
  const separated = path
    .replace(/%(?:2F|5C)|\\/g, '/')
    .replace(/;[^/]*/g, '')
    .replace(/\/{2,}/g, '/');
  return separated.includes('/.') ? removeDotSegments(separated) : separated;
}

function isUnreserved(code: number): boolean {
  const letter = code | 32;
  if (letter >= 97 && letter <= 122) return code < 128;
  return (code >= 48 && code <= 57) || code === 45 || code === 46 || code === 95 || code === 126;
}

function removeDotSegments(path: string): string {
  const segments = path.split('/');
  const kept: string[] = [];
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i];
    if (segment === '..') kept.pop();
    else if (segment !== '.') kept.push(segment);
    // A dot segment at the end leaves the slash before it: /a/b/.. is /a/.
    if ((segment === '.' || segment === '..') && i === segments.length - 1) kept.push('');
  }
  return `/${kept.join('/')}`;
}
