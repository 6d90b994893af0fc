// Owns opening encrypted connections to endpoints: the handshake, the proof of who is there, sessions taken up again. An
// endpoint that cannot prove its name is not connected to. Errors have the code EPROTO, or the one that OpenSSL gives.

import { createHash, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { connect, createSecureContext, type SecureContext } from 'node:tls';
import type { UpstreamTlsConfig } from '../config/types.ts';
import type { Address } from '../core/address.ts';
import type { Conn, ConnOwner } from '../net/conn.ts';
import { dial } from '../net/dial.ts';
import { HandleConn } from '../net/handle-conn.ts';
import type { NetLoop } from '../net/loop.ts';
import type { StreamConn } from '../net/stream-conn.ts';
import { type TlsHandle, tlsOver } from './handle.ts';
import type { UpstreamMaterial } from './material.ts';
import { wireOf } from './secure.ts';

/** Endpoints whose sessions are kept. */
const MOST_SESSIONS = 4096;

/** One pool's TLS under one configuration. */
export class ClientTerms {
  readonly #config: UpstreamTlsConfig;
  readonly #material: UpstreamMaterial;
  readonly alpn: readonly string[];
  readonly sessions = new Map<string, Buffer>();
  /** Equal for equal terms. */
  readonly signature: string;
  #context: SecureContext | undefined;

  constructor(config: UpstreamTlsConfig, material: UpstreamMaterial, alpn: readonly string[]) {
    this.#config = config;
    this.#material = material;
    this.alpn = alpn;
    this.signature = createHash('sha256')
      .update(JSON.stringify([config, material, alpn]))
      .digest('hex');
  }

  get context(): SecureContext {
    const { ca, cert, key } = this.#material;
    this.#context ??= createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca === '' ? {} : { ca }),
      ...(cert === '' ? {} : { cert, key }),
    });
    return this.#context;
  }

  /** Whom the endpoint must prove to be. */
  nameOf({ host }: Address): string {
    return this.#config.serverName === '' ? host : this.#config.serverName;
  }

  remember(address: Address, session: Buffer): void {
    const id = `${address.host}:${address.port}`;
    if (this.sessions.size >= MOST_SESSIONS && !this.sessions.has(id)) {
      this.sessions.delete(this.sessions.keys().next().value!);
    }
    this.sessions.set(id, session);
  }

  sessionOf({ host, port }: Address): Buffer | undefined {
    return this.sessions.get(`${host}:${port}`);
  }

  /** What is wrong with the certificate that came; undefined when it is as it should be. */
  faultOf(raw: Buffer | undefined, verifyError: Error | null, name: string): string | undefined {
    if (!this.#config.verify) return undefined;
    if (verifyError !== null) return (verifyError as NodeJS.ErrnoException).code ?? 'EPROTO';
    if (raw === undefined) return 'EPROTO';
    const certificate = new X509Certificate(raw);
    const proves = isIP(name) === 0 ? certificate.checkHost(name) : certificate.checkIP(name);
    return proves === undefined ? 'ERR_TLS_CERT_ALTNAME_INVALID' : undefined;
  }
}

/** As `dial`, with TLS when there are terms: `owner` is told that it is connected once the endpoint has proved itself. */
export function dialWith(loop: NetLoop, address: Address, terms: ClientTerms | undefined, owner: ConnOwner): Conn {
  if (terms === undefined) return dial(loop, address, owner);
  const gate = new DialGate(address, terms, owner);
  gate.conn = dial(loop, address, gate);
  return gate.conn;
}

class DialGate implements ConnOwner {
  conn!: Conn;
  readonly #address: Address;
  readonly #terms: ClientTerms;
  readonly #owner: ConnOwner;

  constructor(address: Address, terms: ClientTerms, owner: ConnOwner) {
    this.#address = address;
    this.#terms = terms;
    this.#owner = owner;
  }

  onConnect(): void {
    if (this.conn instanceof HandleConn) this.#onHandle(this.conn);
    else this.#onSocket(this.conn as StreamConn);
  }

  #onHandle(conn: HandleConn): void {
    const terms = this.#terms;
    const name = terms.nameOf(this.#address);
    let handle!: TlsHandle;
    conn.cover((inner) => {
      handle = tlsOver(inner, terms.context, false);
      handle.onhandshakestart = nothing;
      handle.onhandshakedone = () => {
        handle.onhandshakedone = nothing;
        const resumed = handle.isSessionReused();
        const raw = resumed ? undefined : handle.getPeerCertificate(true)?.raw;
        // A session is only kept of a peer that proved itself.
        const fault = resumed ? undefined : terms.faultOf(raw, handle.verifyError(), name);
        if (fault !== undefined) return this.#fail(fault);
        this.#secured(handle.getALPNNegotiatedProtocol() || '', handle.getProtocol(), resumed);
      };
      handle.onerror = (error) => this.#fail(error.code ?? 'EPROTO');
      handle.onnewsession = (_id, session) => {
        if (conn.tls !== undefined) terms.remember(this.#address, session);
      };
      handle.enableSessionCallbacks();
      handle.setVerifyMode(true, false);
      handle.setALPNProtocols(wireOf(terms.alpn));
      if (isIP(name) === 0) handle.setServername(name);
      const session = terms.sessionOf(this.#address);
      if (session !== undefined) handle.setSession(session);
      return handle;
    });
    handle.start();
  }

  #onSocket(conn: StreamConn): void {
    const terms = this.#terms;
    const name = terms.nameOf(this.#address);
    conn.cover((socket) => {
      const session = terms.sessionOf(this.#address);
      const tls = connect({
        socket,
        secureContext: terms.context,
        ALPNProtocols: [...terms.alpn],
        rejectUnauthorized: false,
        ...(isIP(name) === 0 ? { servername: name } : {}),
        ...(session === undefined ? {} : { session }),
      });
      tls.once('secureConnect', () => {
        const resumed = tls.isSessionReused();
        const raw = resumed ? undefined : tls.getPeerCertificate().raw;
        const fault = resumed ? undefined : terms.faultOf(raw, tls.authorizationError ?? null, name);
        if (fault !== undefined) this.#fail(fault);
        else this.#secured(tls.alpnProtocol || '', tls.getProtocol() ?? '', resumed);
      });
      tls.on('session', (fresh) => {
        if (conn.tls !== undefined) terms.remember(this.#address, fresh);
      });
      return tls;
    });
  }

  #secured(alpn: string, version: string, resumed: boolean): void {
    const { conn } = this;
    if (conn.closed) return;
    conn.tls = { serverName: this.#terms.nameOf(this.#address), alpn, version, resumed, peer: undefined };
    conn.owner = this.#owner;
    this.#owner.onConnect();
  }

  /** Told later: OpenSSL is in the middle of something. */
  #fail(code: string): void {
    const { conn } = this;
    setImmediate(() => {
      if (conn.closed) return;
      conn.error = Object.assign(new Error('the TLS connection failed'), { code: tlsCode(code) });
      conn.destroy();
    });
  }

  onData(): void {}
  onDrain(): void {}

  onEnd(): void {
    this.#fail('EPROTO');
  }

  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#owner.onClose(error);
  }

  onDeadline(): void {
    this.#owner.onDeadline();
  }
}

/** So that whoever reads errors knows that it was TLS, whatever OpenSSL calls it. */
function tlsCode(code: string): string {
  return code.startsWith('ERR_') || code === 'EPROTO' ? code : `ERR_TLS_${code}`;
}

function nothing(): void {}
