// Owns where a program of the system is, and starting it so that nothing that stands in the way is more than a sentence. What
// it prints is its caller's.

import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

const FOLDERS = ['/usr/sbin', '/sbin', '/usr/local/sbin', '/usr/bin', '/bin'];

/** Absolute path, or undefined. Looked for where it is installed even if PATH leaves the system folders out. */
export function installed(program: string, path = process.env.PATH ?? ''): string | undefined {
  return [...path.split(':'), ...FOLDERS]
    .filter((folder) => folder.startsWith('/'))
    .map((folder) => join(folder, program))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Undefined when it cannot even be tried; `onFailure` is told why, now or later, and never twice. */
export function launch(
  program: string,
  args: readonly string[],
  onFailure: (reason: string) => void,
): ChildProcessByStdio<Writable, Readable, Readable> | undefined {
  let child: ChildProcess;
  try {
    child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  } catch (error) {
    // Out of memory, say; most other reasons come as an event.
    onFailure(`cannot run ${program}: ${(error as Error).message}`);
    return undefined;
  }
  child.once('error', (error) => onFailure(`cannot run ${program}: ${error.message}`));
  // A process that has no file left to open gets no pipes either.
  const { stdin, stdout, stderr } = child as { readonly [K in 'stdin' | 'stdout' | 'stderr']?: unknown };
  if (stdin === undefined || stdout === undefined || stderr === undefined) return undefined;
  // It may end before it has read everything.
  child.stdin!.on('error', () => undefined);
  return child as ChildProcessByStdio<Writable, Readable, Readable>;
}
