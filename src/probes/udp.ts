// Owns the check of a UDP port: one datagram, and what becomes of it. With something expected, the first answer has to match.
// Without, a refusal (ICMP port unreachable) fails, an answer passes, and silence passes too, because many services answer
// only what they understand.

import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import type { UdpProbeConfig } from '../config/types.ts';
import { bytesOf, matcherOf, quote } from './bytes.ts';
import { failureText, type ProbeKind, tookText } from './probe.ts';

/** A refusal is back within one round trip. */
const SILENCE_MS = 500;

export const udp: ProbeKind<UdpProbeConfig> = {
  name: 'udp',
  build({ send, expect }, clock, prelude = Buffer.alloc(0)) {
    const datagram = Buffer.concat([prelude, bytesOf(send)]);
    const matches = expect === undefined ? undefined : matcherOf(expect);
    const what = matches === undefined ? 'UDP send' : 'UDP send/expect';
    return {
      async run({ host, port }, signal) {
        const start = clock.now();
        let socket: Socket | undefined;
        const verdict = await new Promise<{ ok: boolean; text: string }>((resolve) => {
          const fail = (error: unknown): void => resolve({ ok: false, text: failureText(error, signal) });
          const onAbort = (): void => fail(undefined);
          signal.addEventListener('abort', onAbort, { once: true });
          if (signal.aborted) return onAbort();
          const ask = (address: string, family: number): void => {
            if (signal.aborted) return;
            const opened = createSocket(family === 6 ? 'udp6' : 'udp4');
            socket = opened;
            opened.on('error', fail);
            opened.on('message', (answer) => {
              const ok = matches === undefined || matches(answer) === 'yes';
              const text = matches === undefined ? 'answered' : 'as expected';
              resolve({ ok, text: ok ? text : `unexpected ${quote(answer)}` });
            });
            // Called with the error as well, which then is no event.
            opened.connect(port, address, ((error?: Error) => {
              if (error != null) fail(error);
              else opened.send(datagram, (unsent) => unsent && fail(unsent));
            }) as () => void);
            if (matches === undefined) {
              const silence = clock.after(SILENCE_MS, () => resolve({ ok: true, text: 'no refusal' }));
              opened.once('close', () => silence.cancel());
            }
          };
          lookup(host).then(({ address, family }) => ask(address, family), fail);
        });
        socket?.close();
        const tookMs = clock.now() - start;
        return { ok: verdict.ok, tookMs, evidence: `${what} → ${verdict.text} in ${tookText(tookMs)}` };
      },
    };
  },
};
