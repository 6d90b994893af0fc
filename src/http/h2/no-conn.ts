// Owns the connection of a request that has none yet, or none any more: closed, so that nothing can be put on it.

import type { Address } from '../../core/address.ts';
import { Conn, type ConnOwner } from '../../net/conn.ts';
import type { NetLoop } from '../../net/loop.ts';

const NOBODY: ConnOwner = {
  onConnect(): void {},
  onData(): void {},
  onEnd(): void {},
  onDrain(): void {},
  onClose(): void {},
  onDeadline(): void {},
};
const NOWHERE: Address = { host: '', port: 0 };

export class NoConn extends Conn {
  override closed = true;
  readonly peer = NOWHERE;
  protected readonly own = NOWHERE;
  readonly pending = 0;

  constructor(loop: NetLoop) {
    super(loop, NOBODY);
  }

  override expireIn(): void {}
  noDelay(): void {}
  sendText(): boolean {
    return false;
  }
  protected sendBuffer(): boolean {
    return false;
  }
  protected sendBuffers(): boolean {
    return false;
  }
  ownsBuffer(): boolean {
    return true;
  }
  beginBody(): void {}
  endBody(): void {}
  pause(): void {}
  resume(): void {}
  end(): void {}
  destroy(): void {}
  reset(): void {}
}
