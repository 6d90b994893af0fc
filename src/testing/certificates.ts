// Owns certificates of a test: an authority made on the spot, what it issues and what it takes back, and files with them.

import { generateKeyPairSync, type KeyObject, randomBytes, webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as never);

const DAY_MS = 86_400_000;
const KEYS = {
  ec: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  rsa: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
} as const;
/** Generating one takes a while; nobody minds that they are alike. */
let rsa: KeyObject | undefined;

export interface IssueOptions {
  /** The first is the common name as well. */
  readonly names?: readonly string[];
  /** RFC 4514, instead of the first name. */
  readonly subject?: string;
  readonly keyType?: 'ec' | 'rsa';
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  /** A responder's address. */
  readonly ocsp?: string;
  /** May sign answers of a responder. */
  readonly signsOcsp?: boolean;
}

export interface Issued {
  readonly cert: string;
  readonly key: string;
  readonly serial: string;
  /** SHA-256 of the certificate, lower-case hex. */
  readonly id: string;
}

export interface Paths {
  readonly cert: string;
  readonly key: string;
}

interface Keys {
  readonly pem: string;
  readonly private: webcrypto.CryptoKey;
  readonly public: webcrypto.CryptoKey;
}

export class Authority {
  readonly pem: string;
  readonly keyPem: string;
  readonly #name: string;
  readonly #keys: Keys;
  readonly #certificate: x509.X509Certificate;

  private constructor(name: string, keys: Keys, certificate: x509.X509Certificate) {
    this.#name = name;
    this.#keys = keys;
    this.#certificate = certificate;
    this.pem = `${certificate.toString('pem')}\n`;
    this.keyPem = keys.pem;
  }

  static async make(name = 'CN=Test Authority'): Promise<Authority> {
    const keys = await newKeys('ec');
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: newSerial(),
      name,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + 365 * DAY_MS),
      keys: { privateKey: keys.private as never, publicKey: keys.public as never },
      signingAlgorithm: KEYS.ec,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.public as never),
      ],
    });
    return new Authority(name, keys, certificate);
  }

  async issue(options: IssueOptions = {}): Promise<Issued> {
    const { names = [], keyType = 'ec', ocsp, signsOcsp = false } = options;
    const keys = await newKeys(keyType);
    const serial = newSerial();
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: serial,
      issuer: this.#name,
      subject: options.subject ?? `CN=${names[0] ?? 'nobody'}`,
      notBefore: options.notBefore ?? new Date(Date.now() - DAY_MS),
      notAfter: options.notAfter ?? new Date(Date.now() + 30 * DAY_MS),
      publicKey: keys.public as never,
      signingKey: this.#keys.private as never,
      signingAlgorithm: KEYS.ec,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...(names.length === 0
          ? []
          : [new x509.SubjectAlternativeNameExtension(names.map((value) => ({ type: 'dns', value }) as const))]),
        ...(ocsp === undefined ? [] : [new x509.AuthorityInfoAccessExtension({ ocsp })]),
        ...(signsOcsp ? [new x509.ExtendedKeyUsageExtension(['1.3.6.1.5.5.7.3.9'])] : []),
        await x509.AuthorityKeyIdentifierExtension.create(this.#certificate),
      ],
    });
    const cert = `${certificate.toString('pem')}\n`;
    return { cert, key: keys.pem, serial, id: fingerprint(cert) };
  }

  /** A revocation list with these on it. */
  async revocations(...revoked: readonly Issued[]): Promise<string> {
    const list = await x509.X509CrlGenerator.create({
      issuer: this.#name,
      thisUpdate: new Date(Date.now() - DAY_MS),
      nextUpdate: new Date(Date.now() + 30 * DAY_MS),
      entries: revoked.map(({ serial }) => ({ serialNumber: serial, revocationDate: new Date(Date.now() - 1000) })),
      signingKey: this.#keys.private as never,
      signingAlgorithm: KEYS.ec,
      extensions: [await x509.AuthorityKeyIdentifierExtension.create(this.#certificate)],
    });
    // The library's own word for it is one that OpenSSL does not know.
    return `${list.toString('pem').replaceAll(' CRL-----', ' X509 CRL-----')}\n`;
  }
}

async function newKeys(keyType: 'ec' | 'rsa'): Promise<Keys> {
  let secret: KeyObject;
  if (keyType === 'ec') secret = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  else {
    rsa ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    secret = rsa;
  }
  const { subtle } = webcrypto;
  const algorithm = KEYS[keyType];
  const pkcs8 = secret.export({ type: 'pkcs8', format: 'der' });
  const imported = await subtle.importKey('pkcs8', pkcs8, algorithm, true, ['sign']);
  const { kty, n, e, crv, x, y } = secret.export({ format: 'jwk' }) as Record<string, string>;
  const jwk = keyType === 'ec' ? { kty, crv, x, y } : { kty, n, e };
  return {
    pem: secret.export({ type: 'pkcs8', format: 'pem' }) as string,
    private: imported,
    public: await subtle.importKey('jwk', jwk, algorithm, true, ['verify']),
  };
}

/** Positive, and so without a zero in front. */
function newSerial(): string {
  const bytes = randomBytes(12);
  bytes[0] = (bytes[0] & 0x3f) | 0x40;
  return bytes.toString('hex');
}

export function fingerprint(pem: string): string {
  return new X509Certificate(pem).fingerprint256.replaceAll(':', '').toLowerCase();
}

/** A folder that goes with the test. */
export class CertificateFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'evenkeel-tls-'));

  constructor(t?: TestContext) {
    t?.after(() => this.remove());
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Puts NAME.pem and NAME.key there, or others in their place, as tools do: beside them, and then over them. */
  put(name: string, { cert, key }: { readonly cert: string; readonly key: string }): Paths {
    return { cert: this.text(`${name}.pem`, cert), key: this.text(`${name}.key`, key) };
  }

  text(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
    return path;
  }
}
