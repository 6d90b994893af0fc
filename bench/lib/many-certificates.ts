// Owns a folder with as many certificates as wanted, made fast: one is issued, and the others are it with another name and serial
// number, signed again. Each has a key file of its own, though the keys are alike.

import { createPrivateKey, sign } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Authority, CertificateFolder } from '../../src/testing/certificates.ts';
import { DerReader, der, sequence, TAG } from '../../src/tls/ocsp/der.ts';

const PLACEHOLDER = 'n00000.many.test';

export const manyName = (i: number): string => `n${String(i).padStart(5, '0')}.many.test`;

export interface ManyCertificates {
  readonly folder: CertificateFolder;
  /** PEM. */
  readonly ca: string;
}

export async function makeCertificates(count: number): Promise<ManyCertificates> {
  const authority = await Authority.make();
  const issued = await authority.issue({ names: [PLACEHOLDER] });
  const signer = createPrivateKey(authority.keyPem);
  const bytes = Buffer.from(issued.cert.replace(/-----[A-Z ]+-----|\s/g, ''), 'base64');
  const parts = new DerReader(bytes).enter();
  const body = parts.next(TAG.sequence).whole;
  const algorithm = parts.next(TAG.sequence).whole;
  const serial = Buffer.from(issued.serial, 'hex');
  const folder = new CertificateFolder();
  for (let i = 0; i < count; i++) {
    const own = Buffer.from(replaced(body, serial, i));
    const signature = sign('sha256', own, signer);
    const whole = sequence(own, algorithm, der(TAG.bitString, Buffer.of(0), signature));
    const text = whole.toString('base64').replace(/.{1,64}/g, '$&\n');
    const pem = `-----BEGIN CERTIFICATE-----\n${text}-----END CERTIFICATE-----\n${authority.pem}`;
    writeFileSync(join(folder.path, `${manyName(i)}.pem`), pem);
    writeFileSync(join(folder.path, `${manyName(i)}.key`), issued.key);
  }
  return { folder, ca: authority.pem };
}

function replaced(body: Buffer, serial: Buffer, i: number): string | Buffer {
  const out = Buffer.from(body);
  const name = Buffer.from(manyName(i));
  for (let at = out.indexOf(PLACEHOLDER); at >= 0; at = out.indexOf(PLACEHOLDER, at + 1)) name.copy(out, at);
  const at = out.indexOf(serial);
  out.writeUInt32BE(i, at + 4);
  return out;
}
