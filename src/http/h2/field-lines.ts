// Owns fields of HTTP/2 as lines of HTTP/1, and back.

/** Names and values in turn, as lines. What could end a line, or is no field, is left out. */
export function linesOf(fields: readonly string[]): string {
  let lines = '';
  for (let i = 0; i < fields.length; i += 2) {
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(fields[i]) || /[\0\r\n]/.test(fields[i + 1])) continue;
    lines += `${fields[i]}: ${fields[i + 1]}\r\n`;
  }
  return lines;
}

/** Well-formed lines as names (lower case) and values in turn. */
export function fieldsOf(lines: string): string[] {
  const fields: string[] = [];
  for (const line of lines.split('\r\n')) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.push(line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim());
  }
  return fields;
}
