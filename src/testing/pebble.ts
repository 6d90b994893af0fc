// Owns a real certificate authority (Pebble, the test authority of Let's Encrypt) as a process: it forgets everything when it stops.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Authority } from './certificates.ts';
import { freePorts } from './free-port.ts';
import { listening } from './nginx.ts';
import { findProgram } from './programs.ts';

export interface PebbleOptions {
  /** Where it comes to see whether names are ours. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** The port of the name server on loopback that it asks where names are. */
  readonly dnsPort: number;
  readonly validSeconds?: number;
  /** Accounts are given to these only: base64url by key id. */
  readonly accounts?: Readonly<Record<string, string>>;
}

export class Pebble {
  readonly directory: string;
  /** PEM file of the authority that its own server is known by. */
  readonly caFile: string;
  /** Everything it wrote so far. */
  output = '';
  readonly #port: number;
  readonly #adminPort: number;
  readonly #folder: string;
  readonly #ca: string;
  readonly #dnsPort: number;
  #child: ChildProcess | undefined;

  private constructor(folder: string, ports: readonly number[], ca: string, dnsPort: number) {
    [this.#port, this.#adminPort] = ports;
    this.#folder = folder;
    this.#ca = ca;
    this.#dnsPort = dnsPort;
    this.caFile = join(folder, 'ca.pem');
    this.directory = `https://localhost:${this.#port}/dir`;
  }

  /** Everything but started. */
  static async prepare(options: PebbleOptions): Promise<Pebble> {
    const folder = mkdtempSync(join(tmpdir(), 'evenkeel-pebble-'));
    const ports = await freePorts(2);
    const authority = await Authority.make();
    const { cert, key } = await authority.issue({ names: ['localhost'] });
    for (const [name, text] of Object.entries({ 'ca.pem': authority.pem, 'cert.pem': cert, 'key.pem': key }))
      writeFileSync(join(folder, name), text);
    const { httpPort, tlsPort, validSeconds, accounts } = options;
    const pebble = {
      listenAddress: `127.0.0.1:${ports[0]}`,
      managementListenAddress: `127.0.0.1:${ports[1]}`,
      certificate: join(folder, 'cert.pem'),
      privateKey: join(folder, 'key.pem'),
      httpPort,
      tlsPort,
      externalAccountBindingRequired: accounts !== undefined,
      externalAccountMACKeys: accounts ?? {},
      ...(validSeconds === undefined ? {} : { certificateValidityPeriod: validSeconds }),
    };
    writeFileSync(join(folder, 'pebble.json'), JSON.stringify({ pebble }));
    return new Pebble(folder, ports, authority.pem, options.dnsPort);
  }

  static async start(options: PebbleOptions): Promise<Pebble> {
    const pebble = await Pebble.prepare(options);
    await pebble.start();
    return pebble;
  }

  async start(): Promise<void> {
    const config = join(this.#folder, 'pebble.json');
    const args = ['-config', config, '-dnsserver', `127.0.0.1:${this.#dnsPort}`, '-strict'];
    // Each name is looked at every time, at once.
    const env = { ...process.env, PEBBLE_VA_NOSLEEP: '1', PEBBLE_VA_ALWAYS_VALID: '0', PEBBLE_AUTHZREUSE: '0' };
    this.#child = spawn(findProgram('pebble')!, args, { stdio: ['ignore', 'pipe', 'pipe'], env });
    const take = (chunk: Buffer): void => {
      this.output += chunk.toString();
    };
    this.#child.stdout!.on('data', take);
    this.#child.stderr!.on('data', take);
    await listening(this.#port);
  }

  /** PEM of what its certificates are to be believed by; another one after each start. */
  root(): Promise<string> {
    return new Promise((resolve, reject) => {
      const options = { host: 'localhost', port: this.#adminPort, path: '/roots/0', ca: this.#ca, agent: false };
      request(options, (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('end', () => resolve(text));
      })
        .on('error', reject)
        .end();
    });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
