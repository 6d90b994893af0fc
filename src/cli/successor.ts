// Owns a restart without a gap, on both sides. The running process starts its successor with the sockets that listen, so that both
// accept for a while and nobody is refused; when the successor serves, the old one stops accepting and finishes what runs.
//
//   serving ──SIGUSR2──▶ starting a successor ──it serves──▶ draining, then gone
//      ▲                          └── it ends, or takes too long: killed ──┐
//      └───────────────────────────────────────────────────────────────────┘

import { type ChildProcess, spawn } from 'node:child_process';
import { err, ok, type Result } from '../core/result.ts';
import { handedSockets, type InheritedSocket } from '../net/inherited-sockets.ts';
import type { Estate, Knowledge } from '../runtime/estate.ts';

/** Longer than a start takes with its first probes and discoveries. */
const PATIENCE_MS = 25_000;
/** Names of the sockets that were handed over, in order. */
const SOCKETS = 'EVENKEEL_SOCKETS';

/** Names a socket of the admin server, as no listener can be called. */
export const ADMIN_SOCKET = '@admin';

interface Letter {
  readonly knowledge: Knowledge;
}

/** Resolves when the successor serves: from then on this process is to drain. The error is for a person. */
export function startSuccessor(estate: Estate, adminFd: number, signal: AbortSignal): Promise<Result<number, string>> {
  if (estate.kernel.length > 0)
    return Promise.resolve(
      err(`the kernel forwards for ${estate.kernel.join(', ')}: stop and start instead, its connections outlive that`),
    );
  const sockets = [...estate.sockets, ...(adminFd < 0 ? [] : [{ name: ADMIN_SOCKET, fd: adminFd }])];
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: ['inherit', 'inherit', 'inherit', ...sockets.map(({ fd }) => fd), 'ipc'],
    env: { ...process.env, [SOCKETS]: JSON.stringify(sockets.map(({ name }) => name)) },
  });
  return new Promise((resolve) => {
    const give = (text: string): void => {
      child.kill('SIGKILL');
      resolve(err(text));
    };
    const timer = setTimeout(() => give('the successor did not come up in time'), PATIENCE_MS);
    const stopped = (): void => give('this process is being stopped');
    signal.addEventListener('abort', stopped);
    const settle = (result: Result<number, string>): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      child.removeAllListeners();
      child.on('error', () => undefined);
      // From here on each goes its own way.
      if (child.connected) child.disconnect();
      child.unref();
      resolve(result);
    };
    child.on('error', (error) => settle(err(`the successor could not be started: ${error.message}`)));
    child.on('exit', (code, signal) =>
      settle(err(`the successor ended (${signal ?? `exit code ${code}`}); see what it said`)),
    );
    child.on('message', (message) => {
      if (message === 'listening') (child as ChildProcess).send({ knowledge: estate.knowledge } satisfies Letter);
      else if (message === 'serving') settle(ok(child.pid!));
    });
  });
}

export interface Inheritance {
  readonly sockets: readonly InheritedSocket[];
  readonly knowledge: Knowledge | undefined;
  /** Tells the predecessor that we serve. */
  readonly serving: () => void;
}

const NOTHING: Inheritance = { sockets: [], knowledge: undefined, serving: () => undefined };

/** What a predecessor leaves to this process, if there is one. */
export async function inherit(): Promise<Inheritance> {
  const list = process.env[SOCKETS];
  // Not for processes that we start.
  delete process.env[SOCKETS];
  if (list === undefined || process.send === undefined) return NOTHING;
  const sockets = handedSockets(list);
  const letter = await new Promise<Letter | undefined>((resolve) => {
    process.once('message', (message) => resolve(message as Letter));
    process.once('disconnect', () => resolve(undefined));
    process.send!('listening');
  });
  // The predecessor is gone, or does not want us any more.
  if (letter === undefined) process.exit(1);
  const serving = (): void => {
    if (process.connected)
      process.send!('serving', undefined, undefined, () => process.connected && process.disconnect());
  };
  return { sockets, knowledge: letter.knowledge, serving };
}
