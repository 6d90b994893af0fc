// Owns telling the first bytes of HTTP/2 from those of HTTP/1 (RFC 9113 §3.4). Pure.

const PREFACE = Uint8Array.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', (c) => c.charCodeAt(0));

export function prefaceAt(buffer: Uint8Array, start: number, end: number): 'whole' | 'begun' | 'none' {
  const length = Math.min(PREFACE.length, end - start);
  for (let i = 0; i < length; i++) if (buffer[start + i] !== PREFACE[i]) return 'none';
  return length === PREFACE.length ? 'whole' : 'begun';
}
