// Owns reading certificates, keys and client authorities from files. Looks again only at files that changed. Main thread only.

import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { FilesConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readCertificate } from './certificate.ts';
import type { CertificateMaterial } from './material.ts';

/** More is no certificate. */
const MOST_BYTES = 1024 * 1024;
const MOST_IN_FOLDER = 100_000;
const AT_ONCE = 32;

export interface CertificatePair {
  readonly cert: string;
  readonly key: string;
}

interface Known {
  readonly stamp: string;
  readonly result: Result<CertificateMaterial, string>;
}

export class CertificateFiles {
  readonly #folder: string;
  #known = new Map<string, Known>();
  /** When each folder changed last, by path. */
  #folders = new Map<string, number>();

  /** `folder` is where relative paths begin. */
  constructor(folder: string) {
    this.#folder = folder;
  }

  #path(path: string): string {
    return isAbsolute(path) ? path : resolve(this.#folder, path);
  }

  /** Absolute paths of what is configured, or what is wrong with a folder. */
  async pairs(config: FilesConfig): Promise<Result<readonly CertificatePair[], string>> {
    if (!('directory' in config)) return ok([{ cert: this.#path(config.cert), key: this.#path(config.key) }]);
    const folder = this.#path(config.directory);
    try {
      this.#folders.set(folder, (await stat(folder)).mtimeMs);
      const names = new Set(await readdir(folder));
      const pairs: CertificatePair[] = [];
      for (const name of [...names].sort()) {
        const [, stem] = /^(.+)\.(?:pem|crt)$/.exec(name) ?? [];
        if (stem === undefined || !names.has(`${stem}.key`)) continue;
        if (pairs.length >= MOST_IN_FOLDER) return err(`${folder} holds more than ${MOST_IN_FOLDER} certificates`);
        pairs.push({ cert: join(folder, name), key: join(folder, `${stem}.key`) });
      }
      return pairs.length > 0 ? ok(pairs) : err(`${folder} holds no pair of NAME.pem (or .crt) and NAME.key`);
    } catch (error) {
      return err(reason(folder, error));
    }
  }

  /** Something came, went or was renamed over in a folder since it was read last. */
  async foldersMoved(): Promise<boolean> {
    for (const [folder, at] of this.#folders) {
      const now = await stat(folder).catch(() => undefined);
      if (now?.mtimeMs !== at) return true;
    }
    return false;
  }

  /** In the order of `pairs`. Errors name the files. */
  async read(pairs: readonly CertificatePair[]): Promise<readonly Result<CertificateMaterial, string>[]> {
    const results: Result<CertificateMaterial, string>[] = [];
    for (let i = 0; i < pairs.length; i += AT_ONCE) {
      results.push(...(await Promise.all(pairs.slice(i, i + AT_ONCE).map((pair) => this.#pair(pair)))));
    }
    return results;
  }

  async #pair({ cert, key }: CertificatePair): Promise<Result<CertificateMaterial, string>> {
    const id = `${cert} ${key}`;
    let stamp: string;
    try {
      stamp = `${await stampOf(cert)} ${await stampOf(key)}`;
    } catch (error) {
      return err(reason(error instanceof Error && 'path' in error ? String(error.path) : cert, error));
    }
    const known = this.#known.get(id);
    if (known?.stamp === stamp) return known.result;
    const result = await readPair(cert, key);
    this.#known.set(id, { stamp, result });
    return result;
  }

  /** Forgets what is not configured any more. */
  retain(pairs: readonly CertificatePair[]): void {
    const ids = new Set(pairs.map(({ cert, key }) => `${cert} ${key}`));
    this.#known = new Map([...this.#known].filter(([id]) => ids.has(id)));
    const folders = new Set(pairs.map(({ cert }) => dirname(cert)));
    this.#folders = new Map([...this.#folders].filter(([folder]) => folders.has(folder)));
  }

  /** PEM certificates of authorities, or a revocation list. */
  async text(path: string, holds: 'certificates' | 'revocations'): Promise<Result<string, string>> {
    const full = this.#path(path);
    const text = await readText(full);
    if (!text.ok) return text;
    if (holds === 'revocations')
      return text.value.includes('-----BEGIN X509 CRL-----') ? text : err(`${full} holds no PEM revocation list`);
    try {
      new X509Certificate(text.value);
      return text;
    } catch {
      return err(`${full} holds no PEM certificate`);
    }
  }
}

async function stampOf(path: string): Promise<string> {
  const { mtimeMs, size, ino } = await stat(path);
  return `${mtimeMs}:${size}:${ino}`;
}

async function readPair(cert: string, key: string): Promise<Result<CertificateMaterial, string>> {
  const certText = await readText(cert);
  if (!certText.ok) return certText;
  const keyText = await readText(key);
  if (!keyText.ok) return keyText;
  const read = readCertificate(certText.value, keyText.value, cert);
  return read.ok ? read : err(`${cert} ${read.error}`);
}

async function readText(path: string): Promise<Result<string, string>> {
  try {
    const info = await stat(path);
    if (!info.isFile()) return err(`${path} is no file`);
    if (info.size > MOST_BYTES) return err(`${path} is larger than 1 MiB`);
    return ok(await readFile(path, 'latin1'));
  } catch (error) {
    return err(reason(path, error));
  }
}

function reason(path: string, error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `there is no file ${path}`;
  return code === 'EACCES'
    ? `${path} may not be read by this user`
    : `${path} cannot be read: ${code ?? 'unknown error'}`;
}
