// Owns reading one parameter out of a query, as forms encode it, and taking one out. Copies nothing but the value it finds.

/** Value of the first query parameter of that name, decoded as forms encode it; '' for a name without '='. */
export function parameterOf(query: string, name: string): string | undefined {
  for (let start = 0; start < query.length; ) {
    let end = query.indexOf('&', start);
    if (end < 0) end = query.length;
    const equals = query.indexOf('=', start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    if (nameEnd > start && decoded(query.slice(start, nameEnd)) === name) {
      return nameEnd === end ? '' : decoded(query.slice(nameEnd + 1, end));
    }
    start = end + 1;
  }
  return undefined;
}

/** The query without any parameter of that name, however it is written. */
export function withoutParameter(query: string, name: string): string {
  return query
    .split('&')
    .filter((pair) => decoded(pair.split('=', 1)[0]) !== name)
    .join('&');
}

function decoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    // Not UTF-8 or not escapes: compared as it came.
    return text;
  }
}
