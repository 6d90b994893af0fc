// Owns what probes send and wait for, as bytes, and how a server's own words are shown to people: short, in one line, and
// without anything that steers a terminal.

import { RE2JS } from 're2js';
import type { ProbeBytes, ProbeExpect } from '../config/types.ts';

const MOST_SHOWN = 80;

export function bytesOf(bytes: ProbeBytes | undefined): Buffer {
  return bytes === undefined ? Buffer.alloc(0) : Buffer.from(bytes.value, bytes.encoding === 'hex' ? 'hex' : 'utf8');
}

/** `no`: whatever else comes, it will not match. */
export type Matcher = (received: Buffer) => 'yes' | 'no' | 'more';

export function matcherOf({ kind, value }: ProbeExpect): Matcher {
  const wanted = Buffer.from(value, kind === 'hex' ? 'hex' : 'utf8');
  const begins = (received: Buffer): boolean => {
    const length = Math.min(received.length, wanted.length);
    return received.compare(wanted, 0, length, 0, length) === 0;
  };
  switch (kind) {
    case 'contains':
    case 'hex':
      return (received) => (received.includes(wanted) ? 'yes' : 'more');
    case 'prefix':
      return (received) => (!begins(received) ? 'no' : received.length >= wanted.length ? 'yes' : 'more');
    case 'exact':
      return (received) => {
        if (!begins(received) || received.length > wanted.length) return 'no';
        return received.length === wanted.length ? 'yes' : 'more';
      };
    case 'regex': {
      // Linear time: the bytes are the server's.
      const pattern = RE2JS.compile(value);
      return (received) => (pattern.matcher(received.toString('latin1')).find() ? 'yes' : 'more');
    }
  }
}

/** The first words of an answer, in quotation marks. */
export function quote(received: Buffer): string {
  const shown = received
    .toString('latin1', 0, MOST_SHOWN)
    .replace(/\r\n$/, '')
    .replace(/[^\x20-\x7e]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
  return `"${shown}${received.length > MOST_SHOWN ? '…' : ''}"`;
}
