// Owns noticing that a port is taken. Sockets shared by workers (SO_REUSEPORT) would silently share it with another
// process of the same user as well; a plain bind first finds out.

import * as net from 'node:net';
import type { ListenerConfig } from '../config/types.ts';
import { bindError } from './bind-error.ts';

/** The first problem, in words; undefined when all can be bound. Without sharing the real bind finds out itself. */
export async function portsInUse(listeners: readonly ListenerConfig[], shared: boolean): Promise<string | undefined> {
  if (!shared) return undefined;
  for (const { name, bind } of listeners) {
    if (bind.port === 0) return `${name}: port 0 (any free port) works with one worker only; set "workers: 1"`;
    const error = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
      const server = net.createServer();
      server.once('error', resolve);
      server.listen({ host: bind.host, port: bind.port }, () => server.close(() => resolve(undefined)));
    });
    if (error !== undefined) return bindError(name, bind, error);
  }
  return undefined;
}
