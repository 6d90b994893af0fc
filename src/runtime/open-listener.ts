// Owns the choice of the listener that speaks a handler's protocol.

import type { DnsContext, DnsHandler } from '../dns/context.ts';
import { DnsListener } from '../dns/listener.ts';
import type { HttpContext, HttpHandler } from '../http/context.ts';
import { HttpListener } from '../http/listener.ts';
import type { Listener } from '../net/listener.ts';
import type { TcpContext, TcpHandler } from '../tcp/context.ts';
import { TcpProxyListener } from '../tcp/listener.ts';
import type { UdpContext, UdpHandler } from '../udp/context.ts';
import { UdpListener } from '../udp/listener.ts';
import type { Handler } from './handlers.ts';

/** What the data paths of one worker share, by protocol. */
export interface Contexts {
  readonly http: HttpContext;
  readonly tcp: TcpContext;
  readonly udp: UdpContext;
  readonly dns: DnsContext;
}

/** `slot` is the listener's row of the counters. A listener is only ever given handlers of the protocol it was opened for. */
export function openListener(contexts: Contexts, slot: number, handler: Handler): Listener<Handler> {
  if (!('protocol' in handler.config)) return new DnsListener(contexts.dns, slot, handler as DnsHandler);
  switch (handler.config.protocol) {
    case 'http':
      return new HttpListener(contexts.http, slot, handler as HttpHandler);
    case 'tcp':
      return new TcpProxyListener(contexts.tcp, slot, handler as TcpHandler);
    case 'udp':
      return new UdpListener(contexts.udp, slot, handler as UdpHandler);
  }
}
