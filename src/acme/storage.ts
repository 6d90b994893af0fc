// Owns where the account and the certificates are kept: whole files in one folder, for nobody but this user. A file is there
// as it was or as it is to be, never in between, whatever happens meanwhile.

import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** The seam for balancers that share what they obtain. */
export interface AcmeStorage {
  /** Undefined: there is none. */
  read(name: string): Promise<string | undefined>;
  write(name: string, text: string): Promise<void>;
}

const UNFINISHED = '.unfinished';

export class FolderStorage implements AcmeStorage {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Throws what the system says when the folder can be neither used nor made. */
  static async open(folder: string): Promise<FolderStorage> {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for (const name of await readdir(folder))
      if (name.endsWith(UNFINISHED)) await rm(join(folder, name), { force: true });
    return new FolderStorage(folder);
  }

  async read(name: string): Promise<string | undefined> {
    try {
      return await readFile(join(this.#folder, name), 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  async write(name: string, text: string): Promise<void> {
    const path = join(this.#folder, name);
    const unfinished = `${path}.${randomBytes(6).toString('hex')}${UNFINISHED}`;
    const file = await open(unfinished, 'wx', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(unfinished, path);
    await syncFolder(this.#folder);
  }
}

/** So that the new name outlives a loss of power as well. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
