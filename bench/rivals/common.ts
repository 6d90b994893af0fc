// Owns what the Node rivals share: the arguments they are started with, round robin, and the header fields a proxy adds.

import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

interface Target {
  readonly host: string;
  readonly port: number;
  readonly origin: string;
}

export interface Rival {
  readonly port: number;
  readonly targets: readonly Target[];
  next(): Target;
}

export function rivalFromArguments(): Rival {
  const [port, list] = process.argv.slice(2);
  const targets = list.split(',').map((endpoint) => {
    const [host, targetPort] = endpoint.split(':');
    return { host, port: Number(targetPort), origin: `http://${endpoint}` };
  });
  let turn = 0;
  return { port: Number(port), targets, next: () => targets[turn++ % targets.length] };
}

const prefix = randomBytes(6).toString('hex');
let count = 0;

/** Unique and cheap, as the balancers make theirs. */
export const requestId = (): string => `${prefix}${(count++).toString(16).padStart(10, '0')}`;

export function addForwarded(headers: IncomingHttpHeaders, client: string | undefined): void {
  const before = headers['x-forwarded-for'];
  headers['x-forwarded-for'] = before === undefined ? client : `${String(before)}, ${client}`;
  headers['x-forwarded-proto'] = 'http';
  headers['x-forwarded-host'] = headers.host;
  headers['x-request-id'] ??= requestId();
}
