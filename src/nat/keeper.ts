// Owns what keeps established connections translated while no balancer runs. The kernel translates only as long as some
// NAT chain exists and some rule asks conntrack; a crash takes ours away, and the connections would break although their
// entries are still there. A helper process, which outlives us for half a minute, owns a table that does just that and
// nothing to new connections. A balancer that starts again within that time finds every connection where it was.

import { type ChildProcess, spawn } from 'node:child_process';

/** Restarts take less; and nothing of ours may stay for long. */
export const LINGER_S = 30;

/**
 * Passes on what it is told until we are gone, lingers, ends; the kernel then deletes the table. Deaf to what service
 * managers say to every process of a service.
 */
const SCRIPT = 'trap "" TERM INT HUP; { cat; sleep "$2"; } | HOME="$3" "$1" -i >/dev/null 2>&1; rm -rf "$3"';

export interface KeeperOptions {
  readonly nft: string;
  /** Removed after a crash. */
  readonly folder: string;
  readonly table: string;
  readonly lingerS?: number;
}

export class Keeper {
  readonly folder: string;
  readonly #child: ChildProcess;
  #gone = false;

  constructor({ nft, folder, table, lingerS = LINGER_S }: KeeperOptions) {
    this.folder = folder;
    // The table's name is there for who looks at the list of processes.
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'evenkeel-keeper', nft, String(lingerS), folder, table], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    const end = (): void => {
      this.#gone = true;
    };
    this.#child.once('error', end);
    this.#child.once('exit', end);
    this.#child.stdin!.on('error', () => undefined);
    this.#child.stdin!.write(
      `add table inet ${table} { flags owner; comment "keeps connections translated"; }; ` +
        `add chain inet ${table} idle { type nat hook postrouting priority srcnat; policy accept; }; ` +
        // NAT chains see new connections only, so this never matches.
        `add rule inet ${table} idle ct state established accept\n`,
    );
    this.#child.unref();
  }

  get gone(): boolean {
    return this.#gone;
  }

  /** Goes in its own time, as after a crash: established connections may still need it. */
  release(): void {
    this.#child.stdin!.end();
  }

  close(): void {
    if (this.#gone || this.#child.pid === undefined) return;
    try {
      // The shell, what it runs and nft are one process group.
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // It ended by itself.
    }
  }
}
