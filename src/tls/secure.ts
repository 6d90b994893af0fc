// Owns making the server's side of a connection encrypted, on either kind of connection, and telling what both sides agreed
// on. It closes nothing and counts nothing; the gate in front does.

import { createHash, X509Certificate } from 'node:crypto';
import { TLSSocket } from 'node:tls';
import type { TlsClientsConfig } from '../config/types.ts';
import type { Conn, TlsFacts, TlsPeer } from '../net/conn.ts';
import { HandleConn } from '../net/handle-conn.ts';
import type { StreamConn } from '../net/stream-conn.ts';
import type { NamedContext, ServerContexts } from './contexts.ts';
import { type TlsHandle, tlsOver } from './handle.ts';
import type { KnownStaples } from './staples.ts';

/** One listener's TLS under one configuration. */
export interface TlsTerms {
  readonly contexts: ServerContexts;
  readonly staples: KnownStaples;
  /** In order of preference. */
  readonly alpn: readonly string[];
  /** For the whole handshake. */
  readonly handshakeMs: number;
  /** Handshakes a second, over all workers; 0 means no limit. */
  readonly handshakeRate: number;
  readonly clients: TlsClientsConfig | undefined;
}

export type TlsFault = 'tls-failed' | 'tls-client-certificate';

export interface TlsUser {
  /** Called from within a read; what was sent behind the handshake comes next, to whoever owns the connection by then. */
  onSecured(facts: TlsFacts): void;
  onTlsFault(fault: TlsFault): void;
}

/** What the handshake begins with. */
export interface Greeting {
  /** The ClientHello, and whatever came behind it. */
  readonly bytes: Buffer;
  /** Whom the client asked for. */
  readonly serverName: string;
  readonly named: NamedContext;
}

/** `greeting` is read by the time this returns. */
export function secureServer(conn: Conn, terms: TlsTerms, greeting: Greeting, user: TlsUser): void {
  if (conn instanceof HandleConn) onHandle(conn, terms, greeting, user);
  else onSocket(conn as StreamConn, terms, greeting, user);
}

function onHandle(conn: HandleConn, { alpn, clients, staples }: TlsTerms, greeting: Greeting, user: TlsUser): void {
  const { bytes, serverName, named } = greeting;
  let handle!: TlsHandle;
  conn.cover((inner) => {
    handle = tlsOver(inner, named.context, true);
    handle.onhandshakestart = nothing;
    handle.onhandshakedone = () => {
      // A second handshake is refused by OpenSSL itself; this is for the one that completes twice in its eyes (TLS 1.3 tickets).
      handle.onhandshakedone = nothing;
      const peer = clients === undefined ? undefined : verifiedPeer(handle);
      if (peer === 'refused' || (peer === undefined && clients?.verify === 'required'))
        return user.onTlsFault('tls-client-certificate');
      const alpnChosen = handle.getALPNNegotiatedProtocol() || '';
      const version = handle.getProtocol();
      user.onSecured({ serverName, alpn: alpnChosen, version, resumed: handle.isSessionReused(), peer });
    };
    handle.onerror = (error) => user.onTlsFault(faultOf(error));
    handle.setALPNProtocols(wireOf(alpn));
    handle.setVerifyMode(clients !== undefined, clients?.verify === 'required');
    const staple = staples.of(named.certificate);
    if (staple !== undefined) handle.setOCSPResponse(staple);
    return handle;
  });
  handle.receive(bytes);
}

/** Undefined when the client showed none. */
function verifiedPeer(handle: TlsHandle): TlsPeer | undefined | 'refused' {
  const raw = handle.getPeerCertificate(true)?.raw;
  if (raw === undefined) return undefined;
  return handle.verifyError() === null ? peerOf(raw) : 'refused';
}

function peerOf(raw: Buffer): TlsPeer {
  const subject = new X509Certificate(raw).subject ?? '';
  return { subject: oneLine(subject), fingerprint: createHash('sha256').update(raw).digest('hex') };
}

/**
 * RFC 4514: the last part first, and what is no plain ASCII as the bytes of its UTF-8 in hex. So it stays one line in whatever it is
 * written, and one part of it cannot be taken for another (Node has escaped what separates them).
 */
function oneLine(subject: string): string {
  const line = subject.split('\n').reverse().join(',');
  return line.replace(/[^ -~]+/gu, (text) => Buffer.from(text).toString('hex').toUpperCase().replace(/../g, '\\$&'));
}

/** No staple: Node's sockets take one only from a listening server of their own. */
function onSocket(conn: StreamConn, { alpn, clients }: TlsTerms, greeting: Greeting, user: TlsUser): void {
  const { bytes, serverName, named } = greeting;
  conn.cover((socket) => {
    // Whoever reads first gets it, and nobody may before TLS does.
    socket.pause();
    socket.unshift(bytes);
    const tls = new TLSSocket(socket, {
      isServer: true,
      secureContext: named.context,
      ALPNProtocols: [...alpn],
      requestCert: clients !== undefined,
      rejectUnauthorized: false,
    });
    tls.once('secure', () => {
      const raw = clients === undefined ? undefined : tls.getPeerCertificate().raw;
      const refused = raw === undefined ? clients?.verify === 'required' : verifyFault(tls);
      if (refused) return user.onTlsFault('tls-client-certificate');
      const peer = raw === undefined ? undefined : peerOf(raw);
      const version = tls.getProtocol() ?? '';
      user.onSecured({ serverName, alpn: tls.alpnProtocol || '', version, resumed: tls.isSessionReused(), peer });
    });
    tls.on('_tlsError', (error: NodeJS.ErrnoException) => user.onTlsFault(faultOf(error)));
    return tls;
  });
}

function verifyFault(tls: TLSSocket): boolean {
  const { ssl } = tls as unknown as { ssl: TlsHandle };
  return ssl.verifyError() !== null;
}

function faultOf({ code }: NodeJS.ErrnoException): TlsFault {
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
