// Owns what requests have in common when they get the same answer: the primary key, and the fields that answers vary by
// (RFC 9111 §4.1), brought into one form where several mean the same.

const CODINGS = ['br', 'deflate', 'gzip', 'zstd'];
/** Anything longer is not worth remembering apart. */
const LONGEST_VALUE = 512;

export interface QueryRules {
  /** Parameters that do not matter; `utm_*` stands for all that begin so. */
  readonly ignore: readonly string[];
  /** Only these matter; empty: all. */
  readonly only: readonly string[];
  /** The order of parameters does not matter. */
  readonly sort: boolean;
}

/** Undefined where queries are taken as they are. */
export function queryNormalizer({ ignore, only, sort }: QueryRules): ((query: string) => string) | undefined {
  if (ignore.length === 0 && only.length === 0 && !sort) return undefined;
  const exact = new Set(ignore.filter((name) => !name.endsWith('*')));
  const prefixes = ignore.filter((name) => name.endsWith('*')).map((name) => name.slice(0, -1));
  const wanted = new Set(only);
  const matters = (pair: string): boolean => {
    const name = pair.split('=', 1)[0];
    if (wanted.size > 0) return wanted.has(name);
    return !exact.has(name) && !prefixes.some((prefix) => name.startsWith(prefix));
  };
  return (query) => {
    if (query === '') return '';
    const pairs = query.split('&').filter((pair) => pair !== '' && matters(pair));
    return (sort ? pairs.sort() : pairs).join('&');
  };
}

/** Where the endpoint believes to be: what it is told of scheme and authority, in one form. */
export function originOf(toldScheme: string, authority: string): string {
  const lower = toldScheme.toLowerCase();
  // Whatever else is written there must not be read as a part of the address.
  const scheme = lower === 'http' || lower === 'https' ? lower : inKey(lower);
  const port = scheme === 'https' ? ':443' : ':80';
  return `${scheme}://${authority.endsWith(port) ? authority.slice(0, -port.length) : authority}`;
}

/** A value within a key: neither a blank nor a line's end is left in it, and no two values look alike. */
export function inKey(value: string): string {
  if (value.isWellFormed()) return encodeURIComponent(value);
  return value.replace(/[^A-Za-z0-9]/g, (unit) => `%u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Another place at the same origin, with the same text of one's own behind it. */
export function placeBeside(primary: string, pathAndQuery: string): string {
  const path = primary.indexOf('/', primary.indexOf('://') + 3);
  const own = primary.indexOf(' ', path);
  return primary.slice(0, path) + pathAndQuery + (own < 0 ? '' : primary.slice(own));
}

/** Names in a Vary field, lower case and sorted; undefined for `*`. */
export function varyNames(field: string | undefined): readonly string[] | undefined {
  if (field === undefined || field === '') return [];
  const names = field.split(',').map((name) => name.trim().toLowerCase());
  return names.includes('*') ? undefined : [...new Set(names.filter((name) => name !== ''))].sort();
}

/** Second part of the key. Undefined: not to be kept apart. */
export function variantOf(names: readonly string[], header: (name: string) => string | undefined): string | undefined {
  let out = '';
  for (const name of names) {
    const value = header(name) ?? '';
    const form = name === 'accept-encoding' ? codingsIn(value) : value.trim();
    if (form.length > LONGEST_VALUE) return undefined;
    out += `\n${name}: ${form}`;
  }
  return out;
}

/** Those that anybody uses: clients write them in many ways. */
function codingsIn(field: string): string {
  const lower = field.toLowerCase();
  if (lower.includes('*')) return lower;
  return CODINGS.filter((coding) => {
    const at = lower.indexOf(coding);
    return at >= 0 && !/^[a-z]*\s*;\s*q=0(?:\.0*)?\s*(?:,|$)/.test(lower.slice(at));
  }).join(',');
}
