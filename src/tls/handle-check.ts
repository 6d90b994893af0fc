// Owns the proof, once a thread, that Node's inner TLS handle still behaves as `handle.ts` believes: a handshake with
// ourselves over loopback, a word each way, and an end. Anything unexpected, and TLS runs on Node's own sockets.

import { createServer } from 'node:net';
import { connect, createSecureContext } from 'node:tls';
import type { Conn, ConnOwner } from '../net/conn.ts';
import type { TcpHandle } from '../net/handle.ts';
import { handlesWork } from '../net/handle-check.ts';
import { HandleConn } from '../net/handle-conn.ts';
import type { NetLoop } from '../net/loop.ts';
import { forgetTlsHandles, type TlsHandle, tlsHandlesAreKnown, tlsOver } from './handle.ts';

const PATIENCE_MS = 5000;
/** Nobody has to prove who he is to himself, so that no certificate is needed. */
const ANONYMOUS = { ciphers: 'AECDH-AES128-SHA:@SECLEVEL=0', maxVersion: 'TLSv1.2' } as const;
const WORD = 'evenkeel';

let proof: Promise<boolean> | undefined;

/** Resolves to whether TLS may run on inner handles from now on. */
export async function tlsHandlesWork(loop: NetLoop): Promise<boolean> {
  if (!tlsHandlesAreKnown() || !(await handlesWork(loop))) return false;
  proof ??= check(loop).then((works) => {
    if (!works) forgetTlsHandles();
    return works;
  });
  return proof;
}

/** Sends back what it gets, once it is encrypted. */
class Echo implements ConnOwner {
  conn!: HandleConn;
  secured = false;
  ended = false;

  cover(): void {
    this.conn.cover((inner) => {
      const handle: TlsHandle = tlsOver(inner, createSecureContext(ANONYMOUS), true);
      handle.onhandshakestart = () => undefined;
      handle.onhandshakedone = () => {
        this.secured = handle.getProtocol() === 'TLSv1.2' && !handle.isSessionReused();
      };
      handle.onerror = () => this.conn.destroy();
      return handle;
    });
  }

  onConnect(): void {}
  onData(buffer: Buffer, length: number): void {
    if (this.secured) this.conn.sendText(buffer.latin1Slice(0, length));
  }
  onDrain(): void {}
  onEnd(): void {
    this.ended = true;
    this.conn.end();
  }
  onClose(): void {}
  onDeadline(): void {}
}

async function check(loop: NetLoop): Promise<boolean> {
  const server = createServer();
  const opened: Conn[] = [];
  const echo = new Echo();
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const listening = (server as unknown as { _handle: { onconnection: unknown } })._handle;
    listening.onconnection = (_status: number, accepted: TcpHandle) => {
      echo.conn = HandleConn.accepted(loop, accepted, echo);
      opened.push(echo.conn);
      echo.cover();
    };
    const { port } = server.address() as { port: number };
    const answer = await new Promise<string>((resolve) => {
      let heard = '';
      const socket = connect({
        host: '127.0.0.1',
        port,
        rejectUnauthorized: false,
        ...ANONYMOUS,
        minVersion: 'TLSv1.2',
      });
      socket.setTimeout(PATIENCE_MS, () => socket.destroy());
      socket.on('error', () => socket.destroy());
      socket.on('secureConnect', () => socket.write(WORD));
      socket.on('data', (bytes) => {
        heard += bytes.toString('latin1');
        if (heard === WORD) socket.end();
      });
      socket.on('close', () => resolve(heard));
    });
    return answer === WORD && echo.ended;
  } catch {
    return false;
  } finally {
    for (const conn of opened) conn.destroy();
    server.close();
  }
}
