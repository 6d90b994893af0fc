// Owns how a Redis is reached, whatever it runs as: one server, or a cluster (sentinels have a file of their own). A link tells when
// it is ready and when it no longer is, makes itself anew for as long as it is not closed, and never keeps a command for later.

import type { RedisClientType } from '@redis/client';
import type { Env } from '../core/env.ts';
import type { RedisPlace } from '../core/redis-url.ts';

export interface RedisLink {
  /** Rejects when it cannot be asked, or says no. */
  send(command: readonly string[]): Promise<unknown>;
  /** From now on, also over connections that break; what is said meanwhile is missed. */
  subscribe(channel: string, onMessage: (text: string) => void): void;
  /** It does not answer: perhaps it is no longer who should be asked. */
  doubt(): void;
  close(): void;
}

export interface LinkOptions {
  readonly env: Env;
  /** Not `whole`: some of it cannot be asked. */
  readonly onReady: (ready: boolean, whole?: boolean) => void;
}

const CONNECT_TIMEOUT_MS = 2000;
const FIRST_PAUSE_MS = 50;
const LONGEST_PAUSE_MS = 2000;
/** Commands under way; more are not sent. */
const MOST_WAITING = 10_000;
/** A node of a cluster that does not come back may have been replaced. */
const REFRESH_MS = 500;

export function pauseMs(retries: number, { random }: Env): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.min(retries, 10)) * (0.5 + random.unit());
}

export const COMMON = {
  RESP: 2 as const,
  disableOfflineQueue: true,
  disableClientInfo: true,
  maintNotifications: 'disabled' as const,
  commandsQueueMaxLength: MOST_WAITING,
};
export const SOCKET = { connectTimeout: CONNECT_TIMEOUT_MS };

/** Made when somebody wants to hear: one that hears can say nothing else. */
export function listenOn(client: RedisClientType, channel: string, onMessage: (text: string) => void): void {
  client.on('error', () => undefined);
  client.connect().catch(() => undefined);
  // Before it is connected as well: then it is sent with the connection, and with every later one.
  const listen = (): void => void client.subscribe(channel, onMessage).catch(() => undefined);
  client.once('ready', listen);
}

export async function singleLink(url: string, { env, onReady }: LinkOptions): Promise<RedisLink> {
  // Only who shares something pays for the library. Addresses were checked with the configuration.
  const { createClient } = await import('@redis/client');
  const make = (): RedisClientType =>
    createClient({
      url,
      ...COMMON,
      socket: { ...SOCKET, reconnectStrategy: (retries) => pauseMs(retries, env) },
    }) as unknown as RedisClientType;
  const client = make();
  const listeners: RedisClientType[] = [];
  // Without a listener an error would end the process; what it says is told by the state.
  client.on('error', () => onReady(client.isReady));
  client.on('end', () => onReady(false));
  client.on('reconnecting', () => onReady(false));
  client.on('ready', () => onReady(true));
  client.connect().catch(() => onReady(false));
  return {
    send: (command) => client.sendCommand([...command]),
    subscribe(channel, onMessage) {
      const listener = make();
      listeners.push(listener);
      listenOn(listener, channel, onMessage);
    },
    doubt: () => undefined,
    close: () => [client, ...listeners].forEach((one) => void (one.isOpen && one.destroy())),
  };
}

type Cluster = ReturnType<typeof import('@redis/client').createCluster>;
export type ManyPlace = Exclude<RedisPlace, { kind: 'single' }>;

export async function clusterLink(place: ManyPlace, { env, onReady }: LinkOptions): Promise<RedisLink> {
  const { createCluster } = await import('@redis/client');
  const cluster = createCluster({
    rootNodes: place.nodes.map(({ host, port }) => ({ socket: { host, port } })),
    RESP: 2,
    topologyRefreshOnReconnectionAttemptStrategy: REFRESH_MS,
    maxCommandRedirections: 4,
    defaults: {
      ...COMMON,
      ...credentials(place),
      socket: { ...SOCKET, ...(place.tls ? { tls: true } : {}), reconnectStrategy: (n: number) => pauseMs(n, env) },
    },
  } as Parameters<typeof createCluster>[0]) as Cluster;
  let closed = false;
  const look = (): void => {
    if (closed) return;
    const ready = cluster.masters.map((node) => readiness(node));
    onReady(cluster.isReady && ready.includes(true), cluster.isReady && !ready.includes(false));
  };
  for (const event of [
    'error',
    'connect',
    'disconnect',
    'node-ready',
    'node-error',
    'node-reconnecting',
    'node-disconnect',
  ])
    cluster.on(event, look);
  const wanted: (() => void)[] = [];
  const open = (tries: number): void => {
    if (closed) return;
    cluster.connect().then(
      () => {
        look();
        for (const listen of wanted.splice(0)) listen();
      },
      () => env.clock.after(pauseMs(tries, env), () => open(tries + 1)),
    );
  };
  open(0);
  return {
    send: (command) => cluster.sendCommand(keyOf(command), false, [...command]),
    subscribe(channel, onMessage) {
      const listen = (): void =>
        void cluster.subscribe(channel, onMessage).catch(() => env.clock.after(REFRESH_MS, listen));
      if (cluster.isReady) listen();
      else wanted.push(listen);
    },
    doubt: () => undefined,
    close() {
      closed = true;
      if (cluster.isOpen) cluster.destroy();
    },
  };
}

function readiness(node: unknown): boolean {
  return (node as { readonly client?: { readonly isReady: boolean } }).client?.isReady === true;
}

export function credentials({ username, password }: ManyPlace): { username?: string; password?: string } {
  return { ...(username === '' ? {} : { username }), ...(password === '' ? {} : { password }) };
}

/** Which node has to be asked. Keys of one command must lie together: they share what is in `{}`. */
export function keyOf(command: readonly string[]): string | undefined {
  const [name] = command;
  if (name === 'EVAL') return command[3];
  return name === 'PUBLISH' || name === 'PING' ? undefined : command[1];
}
