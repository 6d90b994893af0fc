// Owns a real etcd in a folder of its own, on loopback ports, spoken to by its JSON gateway.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from './free-port.ts';
import { findProgram } from './programs.ts';

const encoded = (text: string): string => Buffer.from(text).toString('base64');

export class Etcd {
  readonly url: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'evenkeel-etcd-'));
  readonly #ports: readonly number[];
  #child: ChildProcess | undefined;

  private constructor(ports: readonly number[]) {
    this.#ports = ports;
    this.url = `http://127.0.0.1:${ports[0]}`;
  }

  static async start(): Promise<Etcd> {
    const etcd = new Etcd(await freePorts(2));
    await etcd.begin();
    return etcd;
  }

  /** With what it knew before. */
  async begin(): Promise<void> {
    const peer = `http://127.0.0.1:${this.#ports[1]}`;
    const clients = ['--listen-client-urls', this.url, '--advertise-client-urls', this.url];
    const peers = ['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `t=${peer}`];
    const args = ['--name', 't', '--data-dir', this.#folder, ...clients, ...peers];
    this.#child = spawn(findProgram('etcd')!, args, {
      stdio: 'ignore',
      env: { ...process.env, ETCD_UNSUPPORTED_ARCH: process.arch },
    });
    for (let i = 0; i < 500; i++) {
      const isUp = await this.post('/v3/kv/range', { key: encoded('x') }).then(
        ({ ok }) => ok,
        () => false,
      );
      if (isUp) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error('etcd does not answer');
  }

  async end(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.end();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  post(path: string, body: object): Promise<Response> {
    return fetch(this.url + path, { method: 'POST', body: JSON.stringify(body) });
  }

  async revision(): Promise<string> {
    const answer = (await (await this.post('/v3/kv/range', { key: encoded('x') })).json()) as {
      header: { revision: string };
    };
    return answer.header.revision;
  }

  /** Writes and removes in one transaction: a watcher sees it as one. */
  async change(puts: Readonly<Record<string, string>>, removes: readonly string[] = []): Promise<void> {
    const success = [
      ...Object.entries(puts).map(([key, value]) => ({ request_put: { key: encoded(key), value: encoded(value) } })),
      ...removes.map((key) => ({ request_delete_range: { key: encoded(key) } })),
    ];
    const answer = await this.post('/v3/kv/txn', { success });
    if (!answer.ok) throw new Error(await answer.text());
  }
}
