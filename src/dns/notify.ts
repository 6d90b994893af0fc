// Owns telling secondaries that a zone has changed (RFC 1996): one NOTIFY for each, again with growing pauses until it is answered
// or hope is given up. The control plane calls it after every load; a zone whose serial stayed is told to nobody.

import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { type Address, formatAddress } from '../core/address.ts';
import type { Env, Timer } from '../core/env.ts';
import type { Datagrams, OpenSocket, SocketOwner } from '../net/datagrams.ts';
import { setU16, u16 } from './wire/bytes.ts';
import { formatName } from './wire/name.ts';
import { HEADER_BYTES } from './wire/query.ts';
import { CLASS, FLAG, OPCODE, TYPE } from './wire/types.ts';

const FIRST_PAUSE_MS = 1000;
const ATTEMPTS = 6;

export interface NotifiedZone {
  /** Wire form. */
  readonly apex: Uint8Array;
  readonly serial: number;
  readonly targets: readonly Address[];
}

export interface NotifyOutcome {
  readonly zone: string;
  readonly target: string;
  readonly serial: number;
  readonly acknowledged: boolean;
}

export class Notifier {
  readonly #env: Env;
  readonly #open: OpenSocket;
  readonly #onOutcome: (outcome: NotifyOutcome) => void;
  /** By zone and target: the serial that was told, or is being told. */
  readonly #told = new Map<string, number>();
  readonly #running = new Map<string, Telling>();

  constructor(env: Env, open: OpenSocket, onOutcome: (outcome: NotifyOutcome) => void) {
    this.#env = env;
    this.#open = open;
    this.#onOutcome = onOutcome;
  }

  /** How many are not answered yet. */
  get pending(): number {
    return this.#running.size;
  }

  update(zones: readonly NotifiedZone[]): void {
    const wanted = new Set<string>();
    for (const { apex, serial, targets } of zones) {
      for (const target of targets) {
        const zone = formatName(apex);
        const key = `${zone} ${formatAddress(target)}`;
        wanted.add(key);
        const before = this.#told.get(key);
        // RFC 1982: newer is a matter of the difference.
        if (before !== undefined && ((serial - before) | 0) <= 0) continue;
        this.#told.set(key, serial);
        this.#running.get(key)?.close();
        const telling = new Telling(this.#env, this.#open, apex, target, (acknowledged) => {
          this.#running.delete(key);
          this.#onOutcome({ zone, target: formatAddress(target), serial, acknowledged });
        });
        this.#running.set(key, telling);
        telling.begin();
      }
    }
    for (const key of this.#told.keys()) {
      if (wanted.has(key)) continue;
      this.#told.delete(key);
      this.#running.get(key)?.close();
      this.#running.delete(key);
    }
  }

  close(): void {
    for (const telling of this.#running.values()) telling.close();
    this.#running.clear();
  }
}

/** One zone and one secondary. */
class Telling implements SocketOwner {
  readonly #env: Env;
  readonly #open: OpenSocket;
  readonly #packet: Buffer;
  readonly #target: Address;
  readonly #done: (acknowledged: boolean) => void;
  #socket: Datagrams | undefined;
  #timer: Timer | undefined;
  #attempts = 0;
  #closed = false;

  constructor(env: Env, open: OpenSocket, apex: Uint8Array, target: Address, done: (acknowledged: boolean) => void) {
    this.#env = env;
    this.#open = open;
    this.#target = target;
    this.#done = done;
    this.#packet = notification(apex, env.random.u32() & 0xffff);
  }

  begin(): void {
    const { host } = this.#target;
    if (isIP(host) !== 0) this.#connect(host);
    else
      lookup(host).then(
        ({ address }) => this.#connect(address),
        () => this.#finish(false),
      );
  }

  #connect(host: string): void {
    if (this.#closed) return;
    const socket = this.#open(isIP(host) === 6 ? 6 : 4, this);
    this.#socket = socket;
    if (socket.connect(host, this.#target.port) === undefined) this.#send();
    else this.#finish(false);
  }

  #send(): void {
    if (this.#attempts === ATTEMPTS) return this.#finish(false);
    const pause = FIRST_PAUSE_MS * 2 ** this.#attempts++;
    this.#timer = this.#env.clock.after(pause, () => this.#send());
    this.#socket!.send([this.#packet]);
  }

  /** Any answer shows that it has arrived; what the secondary makes of it is its own affair. */
  onDatagram(data: Buffer): void {
    if (this.#closed || data.length < HEADER_BYTES || u16(data, 0) !== u16(this.#packet, 0)) return;
    const flags = u16(data, 2);
    if ((flags & FLAG.qr) !== 0 && ((flags >> 11) & 15) === OPCODE.notify) this.#finish(true);
  }

  /** Nobody is there now; the next attempt may find somebody. */
  onSocketError(_code: string): void {}

  #finish(acknowledged: boolean): void {
    if (this.#closed) return;
    this.close();
    this.#done(acknowledged);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#socket?.close();
  }
}

function notification(apex: Uint8Array, id: number): Buffer {
  const packet = Buffer.alloc(HEADER_BYTES + apex.length + 4);
  setU16(packet, 0, id);
  setU16(packet, 2, (OPCODE.notify << 11) | FLAG.aa);
  setU16(packet, 4, 1);
  packet.set(apex, HEADER_BYTES);
  setU16(packet, HEADER_BYTES + apex.length, TYPE.SOA);
  setU16(packet, HEADER_BYTES + apex.length + 2, CLASS.IN);
  return packet;
}
