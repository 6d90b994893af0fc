// Owns sockets that this process was given when it was started: by systemd, or by the process that it takes over from. Which
// address each one has is read from the kernel's tables, so that nothing has to be believed. Linux only; elsewhere there are none.

import { closeSync, readFileSync, readlinkSync } from 'node:fs';
import type { Address } from '../core/address.ts';

/** A socket that listens, in this process. */
export interface SocketFd {
  readonly transport: 'tcp' | 'udp';
  readonly fd: number;
}

export interface InheritedSocket extends SocketFd, Address {
  /** Of the listener it is for, if whoever gave it said so; '' otherwise. */
  readonly name: string;
}

const FIRST_FD = 3;
/** State of a listening TCP socket in the kernel's table. */
const LISTENING = '0A';

/** What systemd gives (sd_listen_fds(3)): `LISTEN_PID` says that it is meant for us, `LISTEN_FDNAMES` what is what. */
export function activatedSockets(env: NodeJS.ProcessEnv, pid: number): readonly InheritedSocket[] {
  if (env.LISTEN_PID !== String(pid)) return [];
  const count = Number(env.LISTEN_FDS ?? 0);
  const names = (env.LISTEN_FDNAMES ?? '').split(':');
  return named(Array.from({ length: count }, (_, i) => ({ fd: FIRST_FD + i, name: names[i] ?? '' })));
}

/** What the process that we take over from gives: names in order, as JSON. */
export function handedSockets(list: string): readonly InheritedSocket[] {
  const names = JSON.parse(list) as readonly string[];
  return named(names.map((name, i) => ({ fd: FIRST_FD + i, name })));
}

function named(given: readonly { readonly fd: number; readonly name: string }[]): readonly InheritedSocket[] {
  const known = kernelSockets();
  return given.flatMap(({ fd, name }) => {
    const socket = known.get(inodeOf(fd));
    return socket === undefined ? [] : [{ fd, name, ...socket }];
  });
}

/** Those for a listener: by its name, otherwise by its address. */
export function socketsFor(
  sockets: readonly InheritedSocket[],
  name: string,
  bind: Address,
  transport: 'tcp' | 'udp',
): readonly number[] {
  const ofKind = sockets.filter((one) => one.transport === transport);
  const byName = ofKind.filter((one) => one.name === name);
  const found = byName.length > 0 ? byName : ofKind.filter((one) => one.name !== name && isAt(one, bind));
  return found.map(({ fd }) => fd);
}

function isAt(socket: InheritedSocket, bind: Address): boolean {
  if (socket.port !== bind.port) return false;
  return (
    socket.host === bind.host || (bind.host === 'localhost' && (socket.host === '127.0.0.1' || socket.host === '::1'))
  );
}

/** Nobody wants it. */
export function closeSocket({ fd }: SocketFd): void {
  try {
    closeSync(fd);
  } catch {
    // It was none.
  }
}

function inodeOf(fd: number): string {
  try {
    return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[1] ?? '';
  } catch {
    return '';
  }
}

/** By inode. */
function kernelSockets(): ReadonlyMap<string, Address & { readonly transport: 'tcp' | 'udp' }> {
  const found = new Map<string, Address & { readonly transport: 'tcp' | 'udp' }>();
  for (const table of ['tcp', 'tcp6', 'udp', 'udp6']) {
    const transport = table.startsWith('tcp') ? 'tcp' : 'udp';
    for (const line of linesOf(table)) {
      const columns = line.trim().split(/\s+/);
      if (columns.length < 10 || (transport === 'tcp' && columns[3] !== LISTENING)) continue;
      found.set(columns[9], { transport, ...addressOf(columns[1]) });
    }
  }
  return found;
}

function linesOf(table: string): readonly string[] {
  try {
    return readFileSync(`/proc/self/net/${table}`, 'utf8').split('\n').slice(1);
  } catch {
    return [];
  }
}

/** `0100007F:1F90`: words in the machine's order, which is little-endian wherever Node runs. */
export function addressOf(text: string): Address {
  const [host, port] = text.split(':');
  const words = host.match(/.{8}/g) ?? [];
  const bytes = words.flatMap((word) => [3, 2, 1, 0].map((i) => Number.parseInt(word.slice(i * 2, i * 2 + 2), 16)));
  if (bytes.length === 4) return { host: bytes.join('.'), port: Number.parseInt(port, 16) };
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[i * 2] << 8) | bytes[i * 2 + 1]).toString(16));
  return { host: shortened(groups), port: Number.parseInt(port, 16) };
}

/** RFC 5952: the longest run of zeros, of at least two, is left out. */
function shortened(groups: readonly string[]): string {
  const text = groups.join(':');
  const runs = text.match(/(?:^|:)0(?::0)+(?=:|$)/g) ?? [];
  const longest = runs.reduce((best, run) => (run.length > best.length ? run : best), '');
  if (longest === '') return text;
  const at = text.indexOf(longest);
  const before = text.slice(0, at);
  const after = text.slice(at + longest.length).replace(/^:/, '');
  return `${before}::${after}`;
}
