// Owns a port that answers nobody: a stopped process listens there and its queue is full, so the kernel drops what comes.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';

const PROGRAM = `const server = require('node:net').createServer();
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));`;
/** More than a backlog of 1 holds. */
const CALLERS = 6;

/** The port; all is over at the end of the test. */
export async function deafServer(t: TestContext): Promise<number> {
  const child: ChildProcess = spawn(process.execPath, ['-e', PROGRAM], { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = once(child, 'exit');
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  const port = Number(line.toString());
  child.kill('SIGSTOP');
  const callers = Array.from({ length: CALLERS }, () => connect(port, '127.0.0.1').on('error', () => undefined));
  t.after(async () => {
    for (const caller of callers) caller.destroy();
    child.kill('SIGKILL');
    await gone;
  });
  // The last one is still trying when the first ones are in.
  await once(callers[0], 'connect');
  await new Promise((resolve) => setTimeout(resolve, 50));
  return port;
}
