// Owns the check that a TCP connection can be opened, and, if wanted, that the server says what is expected when it is told
// something.

import type { TcpProbeConfig } from '../config/types.ts';
import { bytesOf, matcherOf, quote } from './bytes.ts';
import { type Conversation, converse } from './conversation.ts';
import type { ProbeKind } from './probe.ts';

export const tcp: ProbeKind<TcpProbeConfig> = {
  name: 'tcp',
  build(config, clock, prelude) {
    const conversation = conversationOf(config);
    return { run: (target, signal) => converse(conversation, { target, signal, clock, prelude }) };
  },
};

function conversationOf({ send, expect }: TcpProbeConfig): Conversation {
  const first = send === undefined ? undefined : bytesOf(send);
  if (expect === undefined) return { what: first === undefined ? 'TCP connect' : 'TCP send', first, listen: undefined };
  const matches = matcherOf(expect);
  return {
    what: first === undefined ? 'TCP expect' : 'TCP send/expect',
    first,
    listen(received) {
      const match = matches(received);
      if (match === 'yes') return { ok: true, text: 'as expected' };
      return match === 'no' ? { ok: false, text: `unexpected ${quote(received)}` } : undefined;
    },
  };
}
