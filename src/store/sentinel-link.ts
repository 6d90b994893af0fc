// Owns the way to the master of a set that sentinels watch: they are asked who it is each time a connection is made, and it is asked
// whether it is one. A master that breaks, is replaced, or will not be written to is left, and the sentinels are asked again.
//
//   asking ──a master that says so itself──▶ ready ──broken, read-only, doubted──▶ pause ──▶ asking

import type { RedisClientType } from '@redis/client';
import type { Address } from '../core/address.ts';
import type { Timer } from '../core/env.ts';
import {
  COMMON,
  credentials,
  type LinkOptions,
  listenOn,
  type ManyPlace,
  pauseMs,
  type RedisLink,
  SOCKET,
} from './links.ts';

type Create = (options: object) => RedisClientType;
const ASK_MS = 1000;

export async function sentinelLink(place: ManyPlace, options: LinkOptions): Promise<RedisLink> {
  const { createClient } = await import('@redis/client');
  return new SentinelLink(place, options, createClient as unknown as Create);
}

class SentinelLink implements RedisLink {
  readonly #place: ManyPlace;
  readonly #options: LinkOptions;
  readonly #create: Create;
  readonly #channels: (readonly [string, (text: string) => void])[] = [];
  #client: RedisClientType | undefined;
  #listeners: RedisClientType[] = [];
  #address: Address | undefined;
  #retries = 0;
  #pause: Timer | undefined;
  #closed = false;

  constructor(place: ManyPlace, options: LinkOptions, create: Create) {
    this.#place = place;
    this.#options = options;
    this.#create = create;
    void this.#open();
  }

  async send(command: readonly string[]): Promise<unknown> {
    const client = this.#client;
    if (client === undefined) throw new Error('there is no master');
    try {
      return await client.sendCommand([...command]);
    } catch (error) {
      if ((error as Error).message.startsWith('READONLY')) this.#leave(client);
      throw error;
    }
  }

  subscribe(channel: string, onMessage: (text: string) => void): void {
    this.#channels.push([channel, onMessage]);
    if (this.#client !== undefined) this.#listen(channel, onMessage);
  }

  doubt(): void {
    if (this.#client !== undefined) this.#leave(this.#client);
  }

  close(): void {
    this.#closed = true;
    this.#pause?.cancel();
    this.#drop();
  }

  async #open(): Promise<void> {
    const address = await this.#ask();
    if (this.#closed) return;
    const client = address === undefined ? undefined : await this.#connect(address);
    if (this.#closed) return void (client?.isOpen === true && client.destroy());
    if (client === undefined) return this.#again();
    this.#retries = 0;
    this.#client = client;
    this.#address = address;
    for (const event of ['end', 'error'])
      client.on(event, () => {
        if (!client.isReady) this.#leave(client);
      });
    if (!client.isReady) return this.#leave(client);
    for (const [channel, onMessage] of this.#channels) this.#listen(channel, onMessage);
    this.#options.onReady(true);
  }

  #leave(client: RedisClientType): void {
    if (client !== this.#client || this.#closed) return;
    this.#drop();
    this.#options.onReady(false);
    this.#again();
  }

  #again(): void {
    this.#pause = this.#options.env.clock.after(pauseMs(this.#retries++, this.#options.env), () => void this.#open());
  }

  #drop(): void {
    const clients = [this.#client, ...this.#listeners];
    this.#client = undefined;
    this.#listeners = [];
    for (const one of clients) if (one?.isOpen === true) one.destroy();
  }

  #listen(channel: string, onMessage: (text: string) => void): void {
    const client = this.#create({ ...COMMON, ...this.#toMaster(this.#address!, (n) => pauseMs(n, this.#options.env)) });
    this.#listeners.push(client);
    listenOn(client, channel, onMessage);
  }

  #toMaster({ host, port }: Address, reconnectStrategy: false | ((retries: number) => number)): object {
    const { tls, database } = this.#place;
    return {
      ...credentials(this.#place),
      database,
      socket: { ...SOCKET, host, port, reconnectStrategy, ...(tls ? { tls } : {}) },
    };
  }

  async #connect(address: Address): Promise<RedisClientType | undefined> {
    const client = this.#create({ ...COMMON, ...this.#toMaster(address, false) });
    client.on('error', () => undefined);
    try {
      await client.connect();
      const role = (await client.sendCommand(['ROLE'])) as unknown as readonly unknown[];
      if (String(role[0]) === 'master') return client;
    } catch {
      // Told by the state.
    }
    if (client.isOpen) client.destroy();
    return undefined;
  }

  /** The first sentinel that knows. */
  async #ask(): Promise<Address | undefined> {
    for (const sentinel of this.#place.nodes) {
      const found = await this.#askOne(sentinel);
      if (found !== undefined || this.#closed) return found;
    }
    return undefined;
  }

  async #askOne({ host, port }: Address): Promise<Address | undefined> {
    const { tls, master, username, password } = this.#place;
    const socket = {
      host,
      port,
      connectTimeout: ASK_MS,
      socketTimeout: ASK_MS,
      reconnectStrategy: false,
      ...(tls ? { tls } : {}),
    };
    const client = this.#create({ ...COMMON, socket });
    client.on('error', () => undefined);
    const question = ['SENTINEL', 'GET-MASTER-ADDR-BY-NAME', master];
    try {
      await client.connect();
      const answer = await client.sendCommand(question).catch(async (error: Error) => {
        if (!error.message.startsWith('NOAUTH') || password === '') throw error;
        await client.sendCommand(['AUTH', ...(username === '' ? [] : [username]), password]);
        return client.sendCommand(question);
      });
      const [at, number] = (answer ?? []) as unknown as readonly string[];
      return at === undefined ? undefined : { host: at, port: Number(number) };
    } catch {
      return undefined;
    } finally {
      if (client.isOpen) client.destroy();
    }
  }
}
