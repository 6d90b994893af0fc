// Owns the Redis check: PING has to be answered by PONG, after AUTH where there is a password. Everything else is a failure:
// a server that asks for a password (NOAUTH), still loads its data (LOADING) or has lost its master (MASTERDOWN).

import type { RedisProbeConfig } from '../config/types.ts';
import { quote } from './bytes.ts';
import { converse, lineOf, type Next } from './conversation.ts';
import type { ProbeKind } from './probe.ts';

function command(...words: readonly string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join('')}`;
}

export const redis: ProbeKind<RedisProbeConfig> = {
  name: 'redis',
  build({ username, password }, clock, prelude) {
    const login = username === '' ? ['AUTH', password] : ['AUTH', username, password];
    const first = Buffer.from((password === '' ? '' : command(...login)) + command('PING'));
    const answers = password === '' ? ['+PONG'] : ['+OK', '+PONG'];
    const listen = (received: Buffer): Next => {
      let rest = received;
      for (const wanted of answers) {
        const line = lineOf(rest);
        if (line === undefined) return undefined;
        if (line.text !== wanted) return { ok: false, text: quote(Buffer.from(line.text, 'latin1')) };
        rest = rest.subarray(line.taken);
      }
      return { ok: true, text: 'PONG' };
    };
    const conversation = { what: 'Redis PING', first, listen };
    return { run: (target, signal) => converse(conversation, { target, signal, clock, prelude }) };
  },
};
