// Owns asking resolvers one question and reading the answer with its TTLs, which Node's own functions do not tell for SRV: by UDP,
// by TCP when the answer does not fit, the next server when one is silent. It keeps nothing and blocks nobody.

import { createSocket } from 'node:dgram';
import { getServers } from 'node:dns';
import { connect, isIP } from 'node:net';
import { type Address, formatAddress, parseAddress } from '../core/address.ts';
import type { Env } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { setU16, u16 } from '../dns/wire/bytes.ts';
import { type MessageRecord, readMessage } from '../dns/wire/message.ts';
import { lowered, parseName } from '../dns/wire/name.ts';
import { CLASS, FLAG, TYPE } from '../dns/wire/types.ts';
import { reasonOf } from '../platforms/api.ts';

export type QuestionType = 'A' | 'AAAA' | 'SRV';

export interface DnsAnswer {
  /** Data of the records, behind aliases; empty when the name has none. */
  readonly data: readonly string[];
  /** The shortest of all that was believed. */
  readonly ttlSeconds: number;
}

const HEADER = 12;
const MOST_MESSAGE = 65_535;
const MOST_ALIASES = 16;

export interface Asking {
  readonly env: Env;
  /** Empty: the system's, as they are now. */
  readonly resolvers: readonly Address[];
  /** For all tries together. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

export async function askDns(name: string, type: QuestionType, asking: Asking): Promise<Result<DnsAnswer, string>> {
  const wire = parseName(name.endsWith('.') ? name : `${name}.`);
  if (typeof wire === 'string') return err(`"${name}" ${wire}`);
  const servers = asking.resolvers.length > 0 ? asking.resolvers : systemServers();
  if (servers.length === 0) return err('the system names no resolver');
  let reason = '';
  // Two rounds: a datagram may be lost.
  for (let i = 0; i < servers.length * 2; i++) {
    const server = servers[i % servers.length];
    const packet = question(wire, TYPE[type], asking.env.random.u32() & 0xffff);
    const answer = await exchange(server, packet, asking.timeoutMs / (servers.length * 2), asking);
    if (asking.signal.aborted) return err('closed');
    const read = answer.ok ? judge(answer.value, name, type) : answer;
    if (read.ok) return read;
    reason = `${formatAddress(server)} ${read.error}`;
    // The name is the question's fault, not the server's.
    if (answer.ok && read.error === NO_SUCH_NAME) return err(`${name} ${NO_SUCH_NAME}`);
  }
  return err(reason);
}

const NO_SUCH_NAME = 'does not exist (NXDOMAIN)';

function systemServers(): Address[] {
  return getServers().flatMap((text) => {
    const bare = isIP(text) === 6 ? `[${text}]:53` : isIP(text) === 4 ? `${text}:53` : text;
    const parsed = parseAddress(bare);
    return parsed.ok ? [parsed.value] : [];
  });
}

function question(name: Uint8Array, type: number, id: number): Buffer {
  const packet = Buffer.alloc(HEADER + name.length + 4);
  setU16(packet, 0, id);
  setU16(packet, 2, FLAG.rd);
  setU16(packet, 4, 1);
  packet.set(name, HEADER);
  setU16(packet, HEADER + name.length, type);
  setU16(packet, HEADER + name.length + 2, CLASS.IN);
  return packet;
}

/** It answers this question: same id, same name, same type. */
function fits(packet: Buffer, asked: Buffer): boolean {
  if (packet.length < asked.length || u16(packet, 0) !== u16(asked, 0) || (u16(packet, 2) & FLAG.qr) === 0)
    return false;
  const own = lowered(packet.subarray(HEADER, asked.length - 4));
  return (
    Buffer.compare(own, lowered(asked.subarray(HEADER, asked.length - 4))) === 0 &&
    packet.subarray(asked.length - 4, asked.length).equals(asked.subarray(asked.length - 4))
  );
}

async function exchange(
  server: Address,
  packet: Buffer,
  timeoutMs: number,
  asking: Asking,
): Promise<Result<Buffer, string>> {
  const answer = await byUdp(server, packet, timeoutMs, asking);
  const isCut = answer.ok && (u16(answer.value, 2) & FLAG.tc) !== 0;
  return isCut ? await byTcp(server, packet, timeoutMs, asking) : answer;
}

function byUdp(
  server: Address,
  packet: Buffer,
  timeoutMs: number,
  { env, signal }: Asking,
): Promise<Result<Buffer, string>> {
  return new Promise((resolve) => {
    const socket = createSocket(isIP(server.host) === 6 ? 'udp6' : 'udp4');
    const finish = (result: Result<Buffer, string>): void => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      if (isOpen) socket.close();
      isOpen = false;
      resolve(result);
    };
    let isOpen = true;
    const onAbort = (): void => finish(err('closed'));
    const timer = env.clock.after(timeoutMs, () => finish(err('does not answer')));
    signal.addEventListener('abort', onAbort);
    socket.on('error', (error) => finish(err(reasonOf(error))));
    socket.on('message', (data) => {
      if (fits(data, packet)) finish(ok(data));
    });
    // Connected: the kernel drops what others send.
    socket.connect(server.port, server.host, () => {
      if (isOpen) socket.send(packet);
    });
  });
}

function byTcp(
  server: Address,
  packet: Buffer,
  timeoutMs: number,
  { env, signal }: Asking,
): Promise<Result<Buffer, string>> {
  return new Promise((resolve) => {
    const socket = connect({ port: server.port, host: server.host, signal });
    let got = Buffer.alloc(0);
    const finish = (result: Result<Buffer, string>): void => {
      timer.cancel();
      socket.destroy();
      resolve(result);
    };
    const timer = env.clock.after(timeoutMs, () => finish(err('does not answer by TCP')));
    socket.on('error', (error) => finish(err(reasonOf(error))));
    socket.on('close', () => finish(err('closed the connection')));
    socket.on('data', (data: Buffer) => {
      got = Buffer.concat([got, data]);
      if (got.length < 2 || got.length < 2 + u16(got, 0)) return;
      const answer = got.subarray(2, 2 + Math.min(u16(got, 0), MOST_MESSAGE));
      finish(fits(answer, packet) ? ok(answer) : err('answered something else'));
    });
    const length = Buffer.alloc(2);
    setU16(length, 0, packet.length);
    socket.write(Buffer.concat([length, packet]));
  });
}

function judge(packet: Buffer, name: string, type: QuestionType): Result<DnsAnswer, string> {
  const message = readMessage(packet, packet.length);
  if (message.rcode === 'NXDOMAIN') return err(NO_SUCH_NAME);
  if (message.rcode !== 'NOERROR') return err(`answered ${message.rcode}`);
  const found = follow(message.answer, name, type);
  const ttls = found.map(({ ttl }) => ttl);
  const data = found.filter((record) => record.type === type).map((record) => record.data);
  return ok({ data, ttlSeconds: ttls.length === 0 ? 0 : Math.min(...ttls) });
}

const same = (a: string): string => a.toLowerCase().replace(/\.$/, '');

/** Aliases from the name on, and the records at their end. */
function follow(records: readonly MessageRecord[], name: string, type: QuestionType): MessageRecord[] {
  const found: MessageRecord[] = [];
  let at = same(name);
  for (let i = 0; i < MOST_ALIASES; i++) {
    const alias = records.find((record) => record.type === 'CNAME' && same(record.name) === at);
    if (alias === undefined) break;
    found.push(alias);
    at = same(alias.data);
  }
  return [...found, ...records.filter((record) => record.type === type && same(record.name) === at)];
}
