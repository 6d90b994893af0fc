// The composition root: the only place that builds a real Env and hands it to the commands.

import { buildProgram } from './cli/program.ts';
import { realEnv } from './runtime/real-env.ts';

// Commands print and end; a reader that has seen enough (`| head`) is no failure. The log goes to stderr: without a reader
// of it the balancer goes on.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit();
});
process.stderr.on('error', () => undefined);

const program = buildProgram({
  env: realEnv(),
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  exit: (code) => {
    process.exitCode = code;
  },
});
await program.parseAsync(process.argv);
