// Owns the check that a TCP connection can be opened. It sends nothing and closes at once.

import { connect } from 'node:net';
import { failureText, type ProbeKind, tookText } from './probe.ts';

export const tcp: ProbeKind<{ readonly kind: 'tcp' }> = {
  name: 'tcp',
  build: (_config, clock) => ({
    run: (target, signal) =>
      new Promise((resolve) => {
        const start = clock.now();
        const socket = connect({ host: target.host, port: target.port });
        const finish = (ok: boolean, what: string): void => {
          signal.removeEventListener('abort', onAbort);
          socket.destroy();
          const tookMs = clock.now() - start;
          resolve({ ok, tookMs, evidence: `TCP connect → ${what} in ${tookText(tookMs)}` });
        };
        const onAbort = (): void => finish(false, 'no answer');
        signal.addEventListener('abort', onAbort, { once: true });
        socket.once('connect', () => finish(true, 'open'));
        // Stays attached: a late error of a destroyed socket must not be thrown.
        socket.on('error', (error) => finish(false, failureText(error, signal)));
        if (signal.aborted) onAbort();
      }),
  }),
};
