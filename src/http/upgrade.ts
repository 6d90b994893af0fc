// Owns the step from an exchange to a tunnel: the 101 goes to the client, the two connections change hands, and the lease
// is settled when the tunnel ends.

import { E, L } from '../core/counters.ts';
import { Splice } from '../net/splice.ts';
import type { Lease } from '../pool/lease.ts';
import type { ClientPort } from './client-port.ts';
import type { ResponseParser } from './codec/response-parser.ts';
import type { Upstream } from './upstream.ts';

/** `buffer[start, end)` came after the 101. `onDone` is called once, with the bytes the client received. */
export function openTunnel(
  client: ClientPort,
  upstream: Upstream,
  lease: Lease,
  firstByteMs: number,
  idleMs: number,
  parser: ResponseParser,
  buffer: Buffer,
  start: number,
  end: number,
  onDone: (bytesOut: number) => void,
): void {
  const { listener } = client;
  const { counters } = listener.ctx;
  lease.answered(101, firstByteMs);
  client.sink.upgraded(parser);
  const early = client.release();
  counters.listener(listener.slot, L.upgrades);
  counters.listener(listener.slot, L.openUpgrades);
  client.conn.noDelay();
  const tunnel = new Splice(client.conn, upstream.conn, idleMs, 0, {
    onPassed(): void {},
    onSpliceEnd(ended): void {
      listener.tunnels.delete(ended);
      counters.listener(listener.slot, L.openUpgrades, -1);
      counters.listener(listener.slot, L.bytesIn, ended.client.bytes);
      lease.settle({ kind: 'ok', status: 101, firstByteMs });
      counters.endpoint(lease.endpoint.slot, E.status1xx);
      onDone(ended.server.bytes);
    },
  });
  listener.tunnels.add(tunnel);
  tunnel.fromServer(buffer, start, end);
  if (early !== undefined) tunnel.fromClient(early, 0, early.length);
}
