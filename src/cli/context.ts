// Owns what every command is given: the outside world, so that commands can be tested without a terminal.

import type { Env } from '../core/env.ts';

export interface CliContext {
  readonly env: Env;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  /** Sets the code with which the process ends once nothing is left to do. */
  readonly exit: (code: number) => void;
}
