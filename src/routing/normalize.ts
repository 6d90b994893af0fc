// Owns the one form of a path that routing, logs and affinity compare, so that no spelling gets around a route. Policy:
//   - percent-escapes of unreserved characters (RFC 3986 §2.3) are decoded, all others stay and are written in upper case,
//     so `%2F` never becomes a separator;
//   - then dot segments are removed (§5.2.4), `%2e%2e` included; what would climb above the root stops at the root;
//   - nothing else changes: `//` is not collapsed, case and a trailing slash are kept, backslashes are no separators;
//   - a malformed escape, `%00`, or text that does not start with `/` (but for `*` of OPTIONS) is refused.

/** The normalized path, or undefined when it must be refused. A path that needs no change is returned as it is. */
export function normalizePath(path: string): string | undefined {
  if (path.charCodeAt(0) !== 47) return path === '*' ? path : undefined;
  const decoded = path.includes('%') ? decodeUnreserved(path) : path;
  if (decoded === undefined) return undefined;
  return decoded.includes('/.') ? removeDotSegments(decoded) : decoded;
}

function decodeUnreserved(path: string): string | undefined {
  let result = '';
  let copied = 0;
  for (let at = path.indexOf('%'); at >= 0; at = path.indexOf('%', at + 3)) {
    const digits = path.slice(at + 1, at + 3);
    if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
    const code = Number.parseInt(digits, 16);
    if (code === 0) return undefined;
    result += path.slice(copied, at) + (isUnreserved(code) ? String.fromCharCode(code) : `%${digits.toUpperCase()}`);
    copied = at + 3;
  }
  return result + path.slice(copied);
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
