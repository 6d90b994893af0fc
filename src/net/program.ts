// Owns where a program of the system is. Runs nothing.

import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

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
