// Owns the certificate of a measurement: one for all balancers, ECDSA P-256, signed by itself.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../src/testing/programs.ts';
import { LOAD_CORE } from './cores.ts';
import type { Scope } from './scope.ts';

export interface Certificate {
  /** Paths of PEM files; `both` is the certificate and then the key, as HAProxy wants them. */
  readonly cert: string;
  readonly key: string;
  readonly both: string;
}

export const SERVER_NAME = 'bench.test';

export async function makeCertificate(scope: Scope): Promise<Certificate> {
  const folder = scope.folder();
  const [cert, key, both] = ['site.pem', 'site.key', 'both.pem'].map((name) => join(folder, name));
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-noenc', '-x509', '-days', '30'];
  const names = ['-subj', `/CN=${SERVER_NAME}`, '-addext', `subjectAltName=DNS:${SERVER_NAME},IP:127.0.0.1`];
  const args = ['req', ...kind, ...names, '-keyout', key, '-out', cert];
  await scope.run(LOAD_CORE, findProgram('openssl')!, args, 10_000);
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
  return { cert, key, both };
}
