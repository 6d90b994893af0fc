// Owns what the kernel knows of the round trips of established TCP connections: asks for it by `ss`, once each time, within
// bounds of time and size, and reads what that prints. Which of the connections matter is not its business.

import { type Address, parseAddress } from '../core/address.ts';
import { formatIp, readIp } from '../core/ip.ts';
import { err, ok, type Result } from '../core/result.ts';
import { installed, launch } from './program.ts';

export interface RoundTrip {
  /** Addresses are plain: IPv4-mapped ones as IPv4, without a zone. */
  readonly local: Address;
  readonly peer: Address;
  /** The kernel's smoothed round-trip time. */
  readonly ms: number;
  /** Since the peer last acknowledged something: the time is as old as that. */
  readonly ageMs: number;
}

export interface ReadOptions {
  /** Undefined: there is none. */
  readonly program?: string | undefined;
  readonly longestMs?: number;
  readonly mostBytes?: number;
}

const LONGEST_MS = 5000;
/** About ten thousand connections: a sample is enough. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Of connections to these local ports. The error is for a person. */
export function readRoundTrips(
  ports: readonly number[],
  { program = installed('ss'), longestMs = LONGEST_MS, mostBytes = MOST_BYTES }: ReadOptions = {},
): Promise<Result<readonly RoundTrip[], string>> {
  if (program === undefined) return Promise.resolve(err('there is no program ss (Debian: iproute2)'));
  if (ports.length === 0) return Promise.resolve(ok([]));
  // The kernel filters, so that what is not asked for is not copied.
  const filter = ports.map((port) => `sport = :${port}`).join(' or ');
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    const child = launch(program, ['-Htin', 'state', 'established', `( ${filter} )`], (reason) => {
      clearTimeout(timer);
      resolve(err(reason));
    });
    if (child === undefined) return;
    child.stdin.end();
    const chunks: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    let full = false;
    let late = false;
    timer = setTimeout(() => {
      late = true;
      child.kill('SIGKILL');
    }, longestMs);
    child.stdout.on('data', (chunk: Buffer) => {
      if (full) return;
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes < mostBytes) return;
      full = true;
      child.kill('SIGKILL');
    });
    child.stderr.on('data', (chunk: Buffer) => {
      if (errors.length < 200) errors += chunk.toString();
    });
    child.once('close', (code) => {
      clearTimeout(timer);
      if (late) return resolve(err(`${program} takes longer than ${longestMs} ms`));
      if (code !== 0 && !full)
        return resolve(err(`${program}: ${errors.trim().split('\n')[0] || `ended with ${code}`}`));
      const text = Buffer.concat(chunks).toString('latin1');
      // What was cut off ends within a line.
      resolve(ok(parseRoundTrips(full ? text.slice(0, text.lastIndexOf('\n')) : text)));
    });
  });
}

/** Each connection is a line of queues and addresses; what is known of it stands behind, or on the next line, indented. */
export function parseRoundTrips(text: string): RoundTrip[] {
  const found: RoundTrip[] = [];
  let ends: readonly [Address, Address] | undefined;
  for (const line of text.split('\n')) {
    if (!/^\s/.test(line)) ends = endsOf(line);
    if (ends === undefined) continue;
    const ms = numberAfter(line, ' rtt:');
    if (Number.isNaN(ms)) continue;
    // Left out while it is 0.
    found.push({ local: ends[0], peer: ends[1], ms, ageMs: numberAfter(line, ' lastack:') || 0 });
    ends = undefined;
  }
  return found;
}

function endsOf(line: string): readonly [Address, Address] | undefined {
  const [, , local, peer] = line.split(/\s+/, 4);
  const a = plain(local);
  const b = plain(peer);
  return a === undefined || b === undefined ? undefined : [a, b];
}

const bytes = new Uint8Array(16);

function plain(text: string | undefined): Address | undefined {
  if (text === undefined) return undefined;
  // `10.0.0.1%eth0:80`, `[fe80::1]%eth0:80`.
  const parsed = parseAddress(text.replace(/%[^:\]]*/, ''));
  if (!parsed.ok) return undefined;
  const length = readIp(parsed.value.host, bytes);
  return length === 0 ? undefined : { host: formatIp(bytes, 0, length), port: parsed.value.port };
}

function numberAfter(line: string, key: string): number {
  const at = line.indexOf(key);
  return at < 0 ? Number.NaN : Number.parseFloat(line.slice(at + key.length));
}
