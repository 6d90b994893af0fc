// Owns making the server's side of a connection encrypted, on either kind of connection, and telling what both sides agreed
// on. It closes nothing and counts nothing; the gate in front does.

import { createHash, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { TlsClientsConfig } from '../config/types.ts';
import type { Conn, TlsFacts, TlsPeer } from '../net/conn.ts';
import { HandleConn } from '../net/handle-conn.ts';
import type { StreamConn } from '../net/stream-conn.ts';
import type { ServerContexts } from './contexts.ts';
import { type HelloInfo, type TlsHandle, tlsOver } from './handle.ts';

/** One listener's TLS under one configuration. */
export interface TlsTerms {
  readonly contexts: ServerContexts;
  /** In order of preference. */
  readonly alpn: readonly string[];
  /** For the whole handshake. */
  readonly handshakeMs: number;
  /** Handshakes a second, over all workers; 0 means no limit. */
  readonly handshakeRate: number;
  readonly clients: TlsClientsConfig | undefined;
}

export type TlsFault = 'tls-failed' | 'tls-plain-http' | 'tls-no-certificate' | 'tls-client-certificate';

export interface TlsUser {
  /** Called from within a read; what was sent behind the handshake comes next, to whoever owns the connection by then. */
  onSecured(facts: TlsFacts): void;
  onTlsFault(fault: TlsFault): void;
}

/** Ciphertext that was read already. */
export type Receive = (bytes: Buffer) => void;

export function secureServer(conn: Conn, terms: TlsTerms, user: TlsUser): Receive {
  if (conn instanceof HandleConn) return onHandle(conn, terms, user);
  return onSocket(conn as StreamConn, terms, user);
}

function onHandle(conn: HandleConn, { contexts, alpn, clients }: TlsTerms, user: TlsUser): Receive {
  let handle!: TlsHandle;
  conn.cover((inner) => {
    handle = tlsOver(inner, contexts.fallback.context, true);
    handle.onhandshakestart = nothing;
    handle.onhandshakedone = () => {
      // A second handshake is refused by OpenSSL itself; this is for the one that completes twice in its eyes (TLS 1.3 tickets).
      handle.onhandshakedone = nothing;
      const peer = clients === undefined ? undefined : verifiedPeer(handle);
      if (peer === 'refused' || (peer === undefined && clients?.verify === 'required'))
        return user.onTlsFault('tls-client-certificate');
      user.onSecured({
        serverName: nameOf(handle.getServername()),
        alpn: handle.getALPNNegotiatedProtocol() || '',
        version: handle.getProtocol(),
        resumed: handle.isSessionReused(),
        peer,
      });
    };
    handle.onerror = (error) => user.onTlsFault(faultOf(error));
    handle.oncertcb = (info) => {
      if (chooseContext(handle, info, contexts)) handle.certCbDone();
      else user.onTlsFault('tls-no-certificate');
    };
    handle.enableCertCb();
    handle.setALPNProtocols(wireOf(alpn));
    handle.setVerifyMode(clients !== undefined, clients?.verify === 'required');
    return handle;
  });
  return (bytes) => handle.receive(bytes);
}

function chooseContext(handle: TlsHandle, { servername, OCSPRequest }: HelloInfo, contexts: ServerContexts): boolean {
  const name = nameOf(servername);
  const named = name === '' ? contexts.fallback : contexts.find(name);
  if (named === undefined) return false;
  if (named !== contexts.fallback) handle.sni_context = named.context.context;
  if (OCSPRequest === true && named.ocsp !== undefined) handle.setOCSPResponse(named.ocsp);
  return true;
}

/** Undefined when the client showed none. */
function verifiedPeer(handle: TlsHandle): TlsPeer | undefined | 'refused' {
  const raw = handle.getPeerCertificate(true)?.raw;
  if (raw === undefined) return undefined;
  return handle.verifyError() === null ? peerOf(raw) : 'refused';
}

function peerOf(raw: Buffer): TlsPeer {
  const subject = new X509Certificate(raw).subject.split('\n').reverse().join(',');
  return { subject, fingerprint: createHash('sha256').update(raw).digest('hex') };
}

function onSocket(conn: StreamConn, { contexts, alpn, clients }: TlsTerms, user: TlsUser): Receive {
  let inner: TLSSocket | undefined;
  conn.cover((socket) => {
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: contexts.fallback.context,
      SNICallback: (name, done) => done(null, contexts.find(nameOf(name))?.context),
      ALPNProtocols: [...alpn],
      requestCert: clients !== undefined,
      rejectUnauthorized: false,
    });
    inner = tls;
    tls.once('secure', () => {
      const raw = clients === undefined ? undefined : tls.getPeerCertificate().raw;
      const refused = raw === undefined ? clients?.verify === 'required' : verifyFault(tls);
      if (refused) return user.onTlsFault('tls-client-certificate');
      user.onSecured({
        serverName: nameOf((tls as { servername?: string | false }).servername),
        alpn: tls.alpnProtocol || '',
        version: tls.getProtocol() ?? '',
        resumed: tls.isSessionReused(),
        peer: raw === undefined ? undefined : peerOf(raw),
      });
    });
    tls.on('_tlsError', (error: NodeJS.ErrnoException) => user.onTlsFault(faultOf(error)));
    return tls;
  });
  return (bytes) => (inner as unknown as { _handle?: TlsHandle })._handle?.receive(bytes);
}

function verifyFault(tls: TLSSocket): boolean {
  const { ssl } = tls as unknown as { ssl: TlsHandle };
  return ssl.verifyError() !== null;
}

/** Names are compared in lower case and without the dot at the end, as in routes. */
function nameOf(name: string | false | undefined | null): string {
  if (typeof name !== 'string') return '';
  const lower = name.toLowerCase();
  return lower.endsWith('.') ? lower.slice(0, -1) : lower;
}

function faultOf({ code }: NodeJS.ErrnoException): TlsFault {
  if (code === 'ERR_SSL_HTTP_REQUEST') return 'tls-plain-http';
  return code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' ? 'tls-client-certificate' : 'tls-failed';
}

let lastAlpn: readonly string[] = [];
let lastWire: Buffer = Buffer.alloc(0);

/** RFC 7301 §3.1: each protocol behind its length. */
export function wireOf(alpn: readonly string[]): Buffer {
  if (alpn === lastAlpn) return lastWire;
  lastAlpn = alpn;
  lastWire = Buffer.concat(alpn.map((name) => Buffer.concat([Buffer.of(name.length), Buffer.from(name, 'latin1')])));
  return lastWire;
}

function nothing(): void {}
