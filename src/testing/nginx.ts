// Owns real nginx servers as backends: one process each, so that one can be killed while the others live.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findProgram } from './programs.ts';

export interface NginxBackend {
  readonly port: number;
  /** kill -9, as a machine that dies. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** `locations` goes into the server block; by default every path answers 200 with the port. */
export async function nginxBackend(
  port: number,
  locations = `location / { return 200 "${port}\\n"; }`,
): Promise<NginxBackend> {
  const folder = mkdtempSync(join(tmpdir(), 'evenkeel-nginx-'));
  const file = join(folder, 'nginx.conf');
  // One process without a master: kill -9 leaves no worker behind.
  const config = `daemon off; master_process off; pid ${folder}/pid; error_log ${folder}/error.log;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000; client_body_temp_path ${folder}; proxy_temp_path ${folder};
  fastcgi_temp_path ${folder}; uwsgi_temp_path ${folder}; scgi_temp_path ${folder}; client_max_body_size 0;
  server { listen 127.0.0.1:${port} backlog=4096; ${locations} } }
`;
  writeFileSync(file, config);
  let child: ChildProcess | undefined;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill(signal);
    await gone;
  };
  const backend: NginxBackend = {
    port,
    async start() {
      child = spawn(findProgram('nginx')!, ['-c', file, '-e', join(folder, 'start.log')], { stdio: 'ignore' });
      await listening(port);
    },
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await backend.start();
  return backend;
}

/** Resolves once something accepts connections there; rejects after five seconds. */
export async function listening(port: number): Promise<void> {
  for (let attempt = 0; attempt < 250; attempt++) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => resolve(true));
      socket.once('error', () => resolve(false));
      socket.once('connect', () => socket.destroy());
    });
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`nothing listens on port ${port}`);
}
