// Owns fields of HTTP/2 as lines of HTTP/1.

/** Names and values as Node gives them. What could end a line is left out. */
export function linesOf(fields: object): string {
  let lines = '';
  for (const [name, value] of Object.entries(fields) as [string, string | string[]][]) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (!name.startsWith(':') && !/[\0\r\n]/.test(one)) lines += `${name}: ${one}\r\n`;
    }
  }
  return lines;
}
