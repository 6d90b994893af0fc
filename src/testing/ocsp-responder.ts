// Owns an OCSP responder of a test: `openssl ocsp`, as a server on loopback or for a single answer, which knows what it is told
// of each certificate.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Authority, CertificateFolder, Issued } from './certificates.ts';

export type Standing = 'good' | 'revoked' | 'unknown';

export interface Signer {
  readonly cert: string;
  readonly key: string;
}

/** The database of `openssl ca`: status, end, revoked when, serial number, file, subject. */
function index(known: readonly (readonly [Issued, Standing])[]): string {
  return known
    .filter(([, standing]) => standing !== 'unknown')
    .map(([{ serial }, standing]) => {
      const [letter, when] = standing === 'good' ? ['V', ''] : ['R', '250101000000Z'];
      return `${letter}\t391231235959Z\t${when}\t${serial.toUpperCase()}\tunknown\t/CN=x\n`;
    })
    .join('');
}

function args(
  folder: CertificateFolder,
  authority: Authority,
  signer: Signer,
  known: readonly (readonly [Issued, Standing])[],
): string[] {
  const { cert, key } = folder.put('responder', signer);
  const ca = folder.text('responder-ca.pem', authority.pem);
  return ['ocsp', '-index', folder.text('index.txt', index(known)), '-CA', ca, '-rsigner', cert, '-rkey', key];
}

/** One answer to one request, without a network. `minutes` until it ends; 0 says nothing of an end. */
export function answerOf(
  folder: CertificateFolder,
  authority: Authority,
  signer: Signer,
  known: readonly (readonly [Issued, Standing])[],
  request: Buffer,
  minutes = 60,
): Buffer {
  const asked = join(folder.path, 'request.der');
  const told = join(folder.path, 'response.der');
  folder.text('request.der', '');
  spawnSync('sh', ['-c', 'cat > "$1"', 'sh', asked], { input: request });
  const until = minutes === 0 ? [] : ['-nmin', String(minutes)];
  const all = [...args(folder, authority, signer, known), ...until, '-reqin', asked, '-respout', told];
  const run = spawnSync('openssl', all, { encoding: 'utf8' });
  if (run.status !== 0) throw new Error(run.stderr);
  return readFileSync(told);
}

export class OcspResponder {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(
    folder: CertificateFolder,
    authority: Authority,
    port: number,
    known: readonly (readonly [Issued, Standing])[],
  ): Promise<OcspResponder> {
    const signer = { cert: authority.pem, key: authority.keyPem };
    const all = [...args(folder, authority, signer, known), '-nmin', '60', '-port', String(port)];
    const child = spawn('openssl', all, { stdio: ['ignore', 'pipe', 'pipe'] });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const look = (chunk: Buffer): void => {
        output += chunk.toString();
        if (/waiting for OCSP client|ACCEPT/i.test(output)) resolve();
      };
      child.stdout.on('data', look);
      child.stderr.on('data', look);
      child.once('exit', () => reject(new Error(`the responder ended: ${output}`)));
    });
    return new OcspResponder(child);
  }

  stop(): void {
    this.#child.removeAllListeners('exit');
    this.#child.kill('SIGKILL');
  }
}
