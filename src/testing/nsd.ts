// Owns real name servers (NSD) as UDP backends: one process each, for the zone example.test, which says who answered.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listening } from './nginx.ts';
import { findProgram } from './programs.ts';

export interface NameServer {
  readonly port: number;
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

export interface NsdZone {
  readonly name: string;
  /** The zone file; undefined for one that is fetched. */
  readonly text?: string;
  /** Further lines of its zone clause, such as `request-xfr:`. */
  readonly lines?: string;
}

/** `who.example.test TXT` is the server's name; `hostN.example.test A` is 192.0.2.N for N up to 99. */
export async function nameServer(name: string, port: number, settings = ''): Promise<NameServer> {
  const hosts = Array.from({ length: 100 }, (_, n) => `host${n} A 192.0.2.${n}`).join('\n');
  const text = `$ORIGIN example.test.\n$TTL 60\n@ SOA ns admin 1 3600 600 86400 60\n@ NS ns\nns A 127.0.0.1\nwho TXT "${name}"\n${hosts}\n`;
  return nsd(port, [{ name: 'example.test', text }], settings);
}

export async function nsd(port: number, zones: readonly NsdZone[], settings = ''): Promise<NameServer> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-nsd-'));
  const file = join(folder, 'nsd.conf');
  const clauses = zones.map(({ name, text, lines = '' }, i) => {
    if (text !== undefined) writeFileSync(join(folder, `zone${i}`), text);
    return `zone:\n  name: ${name}\n  zonefile: zone${i}\n  ${lines}\n`;
  });
  writeFileSync(
    file,
    `server:
  ip-address: 127.0.0.1@${port}
  username: ""
  chroot: ""
  zonesdir: "${folder}"
  database: ""
  pidfile: "${folder}/pid"
  xfrdfile: "${folder}/xfrd"
  xfrdir: "${folder}"
  zonelistfile: "${folder}/zones"
  logfile: "${folder}/log"
  rrl-ratelimit: 0
  ${settings}
remote-control:
  control-enable: no
${clauses.join('')}`,
  );
  let child: ChildProcess | undefined;
  const end = async (): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    // It ends its children with it.
    running.kill('SIGTERM');
    await gone;
  };
  const server: NameServer = {
    port,
    async start() {
      child = spawn(findProgram('nsd')!, ['-d', '-c', file], { stdio: 'ignore' });
      await listening(port);
    },
    kill: end,
    async stop() {
      await end();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}
