// Owns the form in which certificates are kept: one file with the key, the chain and who issued it, so that key and certificate
// can never be of two minds. Knows the names of the files; reads and writes none.

import { join } from 'node:path';
import type { AcmeConfig, CertificateConfig, FilesConfig, ObtainedConfig } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { readCertificate } from '../tls/certificate.ts';

export interface Stored {
  /** The directory it is from; '' for one that we made ourselves. */
  readonly issuer: string;
  readonly names: readonly string[];
  /** Wall-clock ms. */
  readonly notBefore: number;
  readonly notAfter: number;
}

const HEAD = /^Issued by: (\S*)\n/;

/** By the first name, so that a list which grows has the old one to go on with until the new one is there. */
export function fileNameOf({ acme, keyType }: ObtainedConfig): string {
  return `${acme[0]}.${keyType}.pem`;
}

/** What a certificate is read from. Paths are as the configuration has them. */
export function filesOf(certificate: CertificateConfig, acme: AcmeConfig | undefined): FilesConfig {
  if (!('acme' in certificate)) return certificate;
  const path = join(acme!.storage, fileNameOf(certificate));
  return { cert: path, key: path };
}

export function storedText(issuer: string, key: string, chain: string): string {
  return `Issued by: ${issuer}\n${key.trimEnd()}\n${chain.trimEnd()}\n`;
}

/** The error is for a person, and reads on after the name of the file. */
export function readStored(text: string): Result<Stored, string> {
  const [, issuer] = HEAD.exec(text) ?? [];
  if (issuer === undefined) return err('does not say who issued it');
  const read = readCertificate(text, text, '');
  if (!read.ok) return read;
  const { names, notBefore, notAfter } = read.value;
  return ok({ issuer, names, notBefore, notAfter });
}

/** Whether it is what is wanted, apart from its age. */
export function answersFor({ issuer, names }: Stored, { acme }: ObtainedConfig, directory: string): boolean {
  return issuer === directory && names.length === acme.length && acme.every((name) => names.includes(name));
}
