// Owns what is looked at before a configuration is applied: everything outside the process that it needs and may not get.

import { createSocket } from 'node:dgram';
import { lookup } from 'node:dns/promises';
import { open } from 'node:fs/promises';
import * as net from 'node:net';
import type { Plan } from '../config/plan.ts';
import type { Config } from '../config/types.ts';
import { type Address, formatAddress } from '../core/address.ts';
import { type ListenerAddress, listenerAddresses, transportsOf } from './addresses.ts';
import { bindError, overlaps } from './bind-error.ts';
import { dnsListenerNames } from './dns-handler.ts';
import type { Blueprint } from './snapshot.ts';

/** What needs a socket that it does not have: the kernel's listeners need none, and had none before. */
export function freshSockets(changes: Plan, next: Blueprint, current: Blueprint | undefined): ListenerAddress[] {
  const before = new Set(dnsListenerNames(current?.config.dns));
  return listenerAddresses(next.config).filter(({ name, protocol }) => {
    if (next.sockets[name] !== undefined) return false;
    if (protocol === 'dns') return !before.has(name);
    return !next.kernel.includes(name) && (changes.bind.includes(name) || current?.kernel.includes(name));
  });
}

/**
 * Sockets that workers share (SO_REUSEPORT) would silently share a port with another process of the same user as well; a
 * plain bind first finds out. The first problem, in words; without sharing the real bind finds out itself, unless it may
 * be ourselves: `ours` says why a UDP address that is in use may be our own.
 */
export async function portsInUse(
  listeners: readonly ListenerAddress[],
  shared: boolean,
  ours: (bind: Address) => string | undefined,
): Promise<string | undefined> {
  for (const { name, bind, protocol } of listeners) {
    for (const transport of transportsOf(protocol)) {
      const own = transport === 'udp' ? ours(bind) : undefined;
      if (!shared && own === undefined) continue;
      if (bind.port === 0) return `${name}: port 0 (any free port) works with one worker only; set "workers: 1"`;
      const error = await (transport === 'udp' ? udpBindError(bind) : tcpBindError(bind));
      if (error?.code === 'EADDRINUSE' && own !== undefined) return `${name}: ${own}`;
      if (error !== undefined) return bindError(name, bind, error, protocol);
    }
  }
  return undefined;
}

function tcpBindError({ host, port }: Address): Promise<NodeJS.ErrnoException | undefined> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', resolve);
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}

async function udpBindError({ host, port }: Address): Promise<NodeJS.ErrnoException | undefined> {
  try {
    const { address, family } = await lookup(host);
    return await new Promise((resolve) => {
      const socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4' });
      socket.once('error', resolve);
      socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(undefined)));
    });
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
}

/** An address cannot go from one listener to another in one step: the old socket serves until the new one is proven. */
export function heldByOurselves(fresh: readonly ListenerAddress[], current: Blueprint | undefined): string | undefined {
  if (current === undefined) return undefined;
  const holders = listenerAddresses(current.config).filter(({ name }) => !current.kernel.includes(name));
  for (const { name, bind, protocol } of fresh) {
    // UDP has port numbers of its own.
    const transports = transportsOf(protocol);
    const rivals = holders.filter((one) => transportsOf(one.protocol).some((each) => transports.includes(each)));
    const holder = rivals.find((one) => bind.port !== 0 && overlaps(one.bind, bind));
    if (holder === undefined) continue;
    const place = formatAddress(bind);
    return `${name}: ${place} is held by the running listener "${holder.name}"; remove that in a reload of its own first, or restart`;
  }
  return undefined;
}

/** Undefined when the access log can be written, or is none. */
export async function unwritableLog({ accessLog }: Config): Promise<string | undefined> {
  if (accessLog === undefined || accessLog.to === 'stdout' || accessLog.to === 'stderr') return undefined;
  try {
    await (await open(accessLog.to, 'a')).close();
    return undefined;
  } catch (error) {
    return `accessLog: cannot write ${accessLog.to}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`;
  }
}
