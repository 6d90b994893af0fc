// The composition root: the only place that builds a real Env and hands it to the commands.

import { buildProgram } from './cli/program.ts';
import { realEnv } from './runtime/real-env.ts';

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
