// Owns the certificates of one listener by name: which of them answer for a name that a client asks for, and the context of
// OpenSSL that holds them, made when the first client asks. Never reads a file.

import { constants, createHash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { TlsConfig } from '../config/types.ts';
import type { CertificateMaterial, TlsMaterial } from './material.ts';

/** A context takes up to 40 KiB; a name that comes back later costs a few ms. */
const MOST_CONTEXTS = 10_000;

/** ChaCha20 before AES for those who prefer it: they have no hardware for the other. */
const OPTIONS =
  constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_COMPRESSION | constants.SSL_OP_PRIORITIZE_CHACHA;

export interface NamedContext {
  readonly context: SecureContext;
  /** Of the certificate, whose answer of a responder may be stapled; '' when it may be one of two. */
  readonly certificate: string;
}

export class ServerContexts {
  readonly #config: TlsConfig;
  readonly #material: TlsMaterial;
  readonly #ticketKey: Buffer;
  readonly #byName = new Map<string, CertificateMaterial[]>();
  readonly #made = new Map<string, NamedContext>();
  #fallback: NamedContext | undefined;
  /** What a context is made of beside its certificates. */
  readonly #essence: string;

  /** What `previous` made goes on where it is the same: a new certificate among thousands costs one context. */
  constructor(config: TlsConfig, material: TlsMaterial, ticketKey: Uint8Array, previous?: ServerContexts) {
    this.#config = config;
    this.#material = material;
    this.#ticketKey = Buffer.from(ticketKey);
    for (const certificate of material.certificates) {
      for (const name of certificate.names) {
        const others = this.#byName.get(name);
        if (others === undefined) this.#byName.set(name, [certificate]);
        // Of several with one kind of key the first stands.
        else if (!others.some(({ keyType }) => keyType === certificate.keyType)) others.push(certificate);
      }
    }
    this.#essence = essenceOf(config, material, this.#ticketKey);
    if (previous !== undefined && previous.#essence === this.#essence) this.#takeOver(previous.#made);
  }

  #takeOver(made: ReadonlyMap<string, NamedContext>): void {
    const known = new Set(this.#material.certificates.map(({ content }) => content));
    for (const [key, one] of made) if (key.split(' ').every((content) => known.has(content))) this.#made.set(key, one);
  }

  /** For clients that name nobody. Sessions are resumed by what this one knows. */
  get fallback(): NamedContext {
    this.#fallback ??= this.#of(this.#firstGroup());
    return this.#fallback;
  }

  /** The certificates that share the first one's names: its twin with another kind of key. */
  #firstGroup(): readonly CertificateMaterial[] {
    const first = this.#material.certificates[0];
    const named = first.names.length === 0 ? undefined : this.#byName.get(first.names[0]);
    return named?.[0] === first ? named : [first];
  }

  /** Undefined: nobody answers for this name, and strangers are to be refused. */
  find(serverName: string): NamedContext | undefined {
    const group = this.#byName.get(serverName) ?? this.#byName.get(wildcardOf(serverName));
    if (group === undefined) return this.#config.unknownNames === 'refuse' ? undefined : this.fallback;
    return this.#of(group);
  }

  #of(group: readonly CertificateMaterial[]): NamedContext {
    const key = group.map(({ content }) => content).join(' ');
    const known = this.#made.get(key);
    if (known !== undefined) return known;
    if (this.#made.size >= MOST_CONTEXTS) this.#made.delete(this.#made.keys().next().value!);
    const made = this.#make(group);
    this.#made.set(key, made);
    return made;
  }

  #make(group: readonly CertificateMaterial[]): NamedContext {
    const { minVersion, maxVersion, ciphers, curves, clients } = this.#config;
    const { clientCa, clientCrl } = this.#material;
    const context = createSecureContext({
      cert: group.map(({ cert }) => cert),
      key: group.map(({ key }) => key),
      minVersion,
      maxVersion,
      ciphers,
      ecdhCurve: curves,
      honorCipherOrder: true,
      secureOptions: OPTIONS,
      sessionIdContext: createHash('sha256')
        .update(`${clients?.verify ?? ''} ${clientCa} ${clientCrl}`)
        .digest('hex')
        .slice(0, 32),
      ...(clientCa === '' ? {} : { ca: clientCa }),
      ...(clientCrl === '' ? {} : { crl: clientCrl }),
      ticketKeys: this.#ticketKey,
      sessionTimeout: Math.ceil(this.#config.sessionMs / 1000),
    });
    return { context, certificate: group.length === 1 ? group[0].id : '' };
  }
}

function essenceOf(config: TlsConfig, { clientCa, clientCrl }: TlsMaterial, ticketKey: Buffer): string {
  const { minVersion, maxVersion, ciphers, curves, clients, sessionMs } = config;
  const parts = [minVersion, maxVersion, ciphers, curves, clients?.verify, sessionMs, clientCa, clientCrl];
  return createHash('sha256').update(JSON.stringify(parts)).update(ticketKey).digest('hex');
}

/** `*.example.com` for `www.example.com`: a wildcard stands for one label (RFC 9525 §6.3). */
function wildcardOf(name: string): string {
  const dot = name.indexOf('.');
  return dot < 0 ? '' : `*${name.slice(dot)}`;
}
