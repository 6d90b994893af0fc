// Owns the load of TLS handshakes: so many clients, each of which connects, is secure, and leaves. Run as a process of its own on the
// load core; without a request, so that nothing but the handshake is measured.

import { connect, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { SERVER_NAME } from './certificate.ts';
import { LOAD_CORE } from './cores.ts';
import type { Scope } from './scope.ts';
import type { LoadResult } from './wrk.ts';

export interface HandshakeLoad {
  readonly by: 'handshakes';
  readonly connections: number;
  /** Resumes the session of the first connection; otherwise every handshake is a full one. */
  readonly resume: boolean;
}

const FILE = fileURLToPath(import.meta.url);

export async function runHandshakes(
  scope: Scope,
  { connections, resume }: HandshakeLoad,
  port: number,
  seconds: number,
): Promise<LoadResult> {
  const args = [FILE, `${port}`, `${connections}`, `${seconds}`, resume ? 'resume' : 'full'];
  const output = await scope.run(LOAD_CORE, process.execPath, args, (seconds + 30) * 1000);
  const result = /RESULT (\S+) (\S+) (\S+) (\S+) (\S+)/.exec(output);
  if (result === null) throw new Error(`the load generator said:\n${output}`);
  const [requests, took, p50Us, p99Us, errors] = result.slice(1).map(Number);
  return { requests, seconds: took, p50Us, p99Us, errors };
}

/** Whom it talks to was proven before: checking the certificate again would be the load generator's time. */
const settings = (port: number) => ({ host: '127.0.0.1', port, servername: SERVER_NAME, rejectUnauthorized: false });

/** TLS 1.3 hands out sessions after the handshake. */
function firstSession(port: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = connect(settings(port));
    socket.once('session', (session: Buffer) => {
      resolve(session);
      socket.end();
    });
    socket.once('error', reject);
    socket.setTimeout(5000, () => socket.destroy(new Error('no session within 5 s')));
  });
}

async function load(port: number, clients: number, seconds: number, resume: boolean): Promise<void> {
  const session = resume ? await firstSession(port) : undefined;
  const waits: number[] = [];
  let errors = 0;
  const begun = performance.now();
  const until = begun + seconds * 1000;
  const client = (done: () => void): void => {
    const from = performance.now();
    if (from >= until) return done();
    let socket: TLSSocket;
    const failed = (): void => {
      errors++;
      socket.destroy();
    };
    socket = connect({ ...settings(port), session }, () => {
      // One that does not do what is measured is no measurement.
      if (socket.isSessionReused() === resume) waits.push((performance.now() - from) * 1000);
      else errors++;
      socket.end();
    });
    socket.resume();
    socket.setTimeout(5000, failed);
    socket.once('error', failed);
    socket.once('close', () => client(done));
  };
  await Promise.all(Array.from({ length: clients }, () => new Promise<void>((resolve) => client(resolve))));
  const took = (performance.now() - begun) / 1000;
  waits.sort((a, b) => a - b);
  const quantile = (q: number): number => Math.round(waits[Math.floor(q * (waits.length - 1))] ?? 0);
  process.stdout.write(`RESULT ${waits.length} ${took} ${quantile(0.5)} ${quantile(0.99)} ${errors}\n`);
}

if (process.argv[1] === FILE) {
  const [port, clients, seconds, how] = process.argv.slice(2);
  await load(Number(port), Number(clients), Number(seconds), how === 'resume');
}
