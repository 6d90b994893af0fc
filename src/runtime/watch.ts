// Owns noticing that the configuration file changed, whatever way it was replaced (editors rename, Kubernetes swaps a
// symbolic link): any stir in its folder makes it compare the content. Says so once per change.

import { createHash } from 'node:crypto';
import { type FSWatcher, readFileSync, watch } from 'node:fs';
import { dirname } from 'node:path';

const SETTLE_MS = 100;

export interface FileWatch {
  close(): void;
}

export function watchFile(file: string, onChange: () => void): FileWatch {
  let known = fingerprint(file);
  let candidate: string | undefined;
  let timer: NodeJS.Timeout | undefined;
  const look = (): void => {
    timer = undefined;
    const now = fingerprint(file);
    // Gone for a moment is how many editors write; the next stir brings it back.
    if (now === undefined || now === known) return;
    if (now !== candidate) {
      // Perhaps half written: it counts once it is the same twice in a row.
      candidate = now;
      timer = setTimeout(look, SETTLE_MS);
      return;
    }
    known = now;
    onChange();
  };
  let watcher: FSWatcher | undefined;
  try {
    watcher = watch(dirname(file), () => {
      // Not pushed back by further events: a log in the same folder stirs all the time.
      timer ??= setTimeout(look, SETTLE_MS);
    });
    watcher.on('error', () => watcher?.close());
    watcher.unref();
  } catch {
    // Without a watch (inotify limit reached) SIGHUP still reloads.
  }
  return {
    close() {
      clearTimeout(timer);
      watcher?.close();
    },
  };
}

function fingerprint(file: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(file)).digest('hex');
  } catch {
    return undefined;
  }
}
