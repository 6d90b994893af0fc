// Owns the proof, once a thread, that Node's inner handles still behave as `handle.ts` believes: two connections to ourselves
// over loopback that talk, fill a buffer, switch it, end and reset. Anything unexpected, and every connection is a stream.

import { createServer } from 'node:net';
import type { Conn, ConnOwner } from './conn.ts';
import { forgetHandles, handlesAreKnown, type TcpHandle } from './handle.ts';
import { HandleConn } from './handle-conn.ts';
import type { NetLoop } from './loop.ts';

const PATIENCE_MS = 2000;
/** More than the kernel takes at once, so that a write is pending. */
const BULK_BYTES = 4 * 1024 * 1024;
/** A thread that was busy with something else for so long proves nothing about handles, so it tries again. */
const TRIES = 3;

type Verdict = 'works' | 'differs' | 'too slow';

let proof: Promise<boolean> | undefined;

/** Resolves to whether handles may be used from now on. */
export function handlesWork(loop: NetLoop): Promise<boolean> {
  if (!handlesAreKnown()) return Promise.resolve(false);
  proof ??= prove(loop);
  return proof;
}

async function prove(loop: NetLoop): Promise<boolean> {
  let verdict: Verdict = 'too slow';
  for (let i = 0; i < TRIES && verdict === 'too slow'; i++) verdict = await check(loop);
  if (verdict !== 'works') forgetHandles();
  return verdict === 'works';
}

/** Sends back what it gets, reading into a private buffer, and ends or resets when the other side says so. */
class Echo implements ConnOwner {
  conn!: Conn;
  onConnect(): void {}
  onData(buffer: Buffer, length: number): void {
    this.conn.beginBody();
    if (buffer[0] === 0) return this.conn.reset();
    if (!this.conn.sendBytes(this.conn, buffer, 0, length)) this.conn.pause();
  }
  onDrain(): void {
    this.conn.resume();
  }
  onEnd(): void {
    this.conn.end();
  }
  onClose(): void {}
  onDeadline(): void {}
}

/** Sends `parts` and collects what comes back until the end. */
class Caller implements ConnOwner {
  conn!: Conn;
  received = 0;
  late = false;
  sum = 0;
  readonly #send: (conn: Conn) => void;
  readonly #done: (caller: Caller, error: NodeJS.ErrnoException | undefined) => void;
  constructor(send: (conn: Conn) => void, done: (caller: Caller, error: NodeJS.ErrnoException | undefined) => void) {
    this.#send = send;
    this.#done = done;
  }
  onConnect(): void {
    this.#send(this.conn);
  }
  onData(buffer: Buffer, length: number): void {
    this.received += length;
    this.sum += buffer[0] + buffer[length - 1];
  }
  onDrain(): void {
    this.conn.end();
  }
  onEnd(): void {}
  onClose(error: NodeJS.ErrnoException | undefined): void {
    this.#done(this, error);
  }
  onDeadline(): void {
    this.late = true;
    this.conn.destroy();
  }
}

async function check(loop: NetLoop): Promise<Verdict> {
  const server = createServer();
  const opened: Conn[] = [];
  const bulk = Buffer.alloc(BULK_BYTES, 7);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(0, '127.0.0.1', resolve);
    });
    const listening = (server as unknown as { _handle?: { onconnection?: unknown } })._handle;
    if (typeof listening?.onconnection !== 'function') return 'differs';
    listening.onconnection = (_status: number, accepted: TcpHandle) => {
      const echo = new Echo();
      echo.conn = HandleConn.accepted(loop, accepted, echo);
      opened.push(echo.conn);
    };
    const { port } = server.address() as { port: number };
    const call = (send: (conn: Conn) => void): Promise<readonly [Caller, string | undefined]> =>
      new Promise((resolve) => {
        const caller = new Caller(send, (one, error) => resolve([one, error?.code]));
        caller.conn = HandleConn.dial(loop, { host: '127.0.0.1', port }, caller);
        caller.conn.expireIn(PATIENCE_MS);
        opened.push(caller.conn);
      });
    const [whole, clean] = await call((conn) => {
      conn.sendText('\x07');
      if (conn.sendBytes(conn, bulk, 0, bulk.length)) conn.end();
    });
    if (whole.late) return 'too slow';
    if (whole.received !== bulk.length + 1 || whole.sum % 7 !== 0 || clean !== undefined) return 'differs';
    const [cut, reset] = await call((conn) => conn.sendText('\x00'));
    if (cut.late) return 'too slow';
    return reset === 'ECONNRESET' ? 'works' : 'differs';
  } catch {
    return 'differs';
  } finally {
    for (const conn of opened) conn.destroy();
    server.close();
  }
}
