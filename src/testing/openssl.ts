// Owns asking real TLS clients, `openssl s_client` and curl, what they think of a server: run beside the test, with all they say.

import { spawn } from 'node:child_process';

export interface Said {
  readonly code: number | null;
  readonly output: string;
}

/** What to send once connected; the client then waits for the server to end. '' ends at once. */
export async function sClient(port: number, args: readonly string[], input = ''): Promise<Said> {
  const all = ['s_client', '-connect', `127.0.0.1:${port}`, ...(input === '' ? [] : ['-ign_eof']), ...args];
  return run('openssl', all, input);
}

export function curl(...args: readonly string[]): Promise<Said> {
  return run('curl', ['-sS', '--max-time', '10', ...args], '');
}

export function run(command: string, args: readonly string[], input: string, timeout = 20_000): Promise<Said> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout });
  let output = '';
  const take = (chunk: Buffer): void => {
    output += chunk.toString('latin1');
  };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  // A client that is gone takes no input.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
