// Owns a thread that does nothing but compare passwords with hashes, one at a time and in order: each takes a good part of a second
// of a core, and nobody else's answer may wait for it.

import { parentPort } from 'node:worker_threads';
import { passwordFits } from './passwords.ts';

const port = parentPort!;

export interface PasswordQuestion {
  readonly password: string;
  readonly hash: string;
}

port.on('message', ({ password, hash }: PasswordQuestion) => {
  // A hash in a file that is none fits nothing.
  void passwordFits(password, hash).then(
    (fits) => port.postMessage(fits),
    () => port.postMessage(false),
  );
});
