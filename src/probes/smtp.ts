// Owns the SMTP check: the server greets (220) and accepts a greeting (250). It says QUIT before it leaves, so that the
// server logs no lost connection.

import type { SmtpProbeConfig } from '../config/types.ts';
import { quote } from './bytes.ts';
import { converse, type Next } from './conversation.ts';
import type { ProbeKind } from './probe.ts';

const QUIT = Buffer.from('QUIT\r\n');

/** Lines up to the first without a "-" behind its code are one reply. */
function replyOf(received: Buffer): { code: string; last: string; taken: number } | undefined {
  const match = /^(?:\d{3}-[^\n]*\n)*((\d{3})(?: [^\n]*|\r)?\n)/.exec(received.toString('latin1'));
  return match === null ? undefined : { code: match[2], last: match[1], taken: match[0].length };
}

export const smtp: ProbeKind<SmtpProbeConfig> = {
  name: 'smtp',
  build: ({ helo }, clock, prelude) => ({
    run(target, signal) {
      let greeted = false;
      const listen = (received: Buffer): Next => {
        const reply = replyOf(received);
        if (reply === undefined) {
          const strange = received.length >= 4 && !/^\d{3}[ \-\r]/.test(received.toString('latin1', 0, 4));
          return strange ? { ok: false, text: `unexpected ${quote(received)}` } : undefined;
        }
        const { code, last, taken } = reply;
        if (code !== (greeted ? '250' : '220')) {
          return { ok: false, text: quote(Buffer.from(last, 'latin1')), farewell: QUIT };
        }
        if (greeted) return { ok: true, text: '250', farewell: QUIT };
        greeted = true;
        return { say: Buffer.from(`EHLO ${helo}\r\n`), taken };
      };
      return converse({ what: 'SMTP EHLO', first: undefined, listen }, { target, signal, clock, prelude });
    },
  }),
};
