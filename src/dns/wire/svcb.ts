// Owns the data of SVCB and HTTPS records (RFC 9460): priority, target and parameters, in their text and in bytes.

import { readIp } from '../../core/ip.ts';
import { Bytes } from './bytes.ts';
import type { RdataReader } from './rdata.ts';

const KEYS = ['mandatory', 'alpn', 'no-default-alpn', 'port', 'ipv4hint', 'ech', 'ipv6hint', 'dohpath', 'ohttp'];

export function readSvcb(r: RdataReader): string {
  const fault = r.number('a priority', 65_535, 2) || r.name('the target');
  if (fault !== '') return fault;
  const parameters = new Map<number, Uint8Array>();
  while (r.left > 0) {
    const word = r.word();
    const equals = word.indexOf('=');
    const name = equals < 0 ? word : word.slice(0, equals);
    const key = keyNumber(name);
    if (key < 0) return `has "${name}", which is no parameter`;
    if (parameters.has(key)) return `has "${name}" twice`;
    const value = parameterValue(key, unquoted(equals < 0 ? '' : word.slice(equals + 1)), equals >= 0);
    if (typeof value === 'string') return `has "${name}", which ${value}`;
    parameters.set(key, value);
  }
  const mandatory = parameters.get(0);
  for (let i = 0; mandatory !== undefined && i < mandatory.length; i += 2)
    if (!parameters.has((mandatory[i] << 8) | mandatory[i + 1])) return 'lacks a parameter that it calls mandatory';
  for (const [key, value] of [...parameters].sort(([a], [b]) => a - b)) {
    r.push(key, 2);
    r.push(value.length, 2);
    r.out.append(value, 0, value.length);
  }
  return '';
}

function keyNumber(name: string): number {
  const known = KEYS.indexOf(name);
  if (known >= 0) return known;
  const match = /^key(0|[1-9]\d{0,4})$/.exec(name);
  return match !== null && Number(match[1]) < 65_535 ? Number(match[1]) : -1;
}

const unquoted = (text: string): string =>
  text.length >= 2 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;

/** Escapes of the zone file's first layer: `\DDD` and `\X`. */
function bytesOf(text: string): Uint8Array {
  const plain = text.replace(/\\(\d{3}|.)/g, (_, escaped: string) =>
    escaped.length === 3 ? String.fromCharCode(Number(escaped) & 255) : escaped,
  );
  return Uint8Array.from(plain, (character) => character.charCodeAt(0));
}

/** Items parted by commas; `\\,` is a comma within one (RFC 9460 appendix A.1). */
function listOf(text: string): Uint8Array[] {
  const bytes = bytesOf(text);
  const items: Uint8Array[] = [];
  let item = new Bytes(16);
  const add = (byte: number): void => {
    item.reserve(1);
    item.data[item.length++] = byte;
  };
  for (let i = 0; i < bytes.length; i++) {
    if (bytes[i] === 44) {
      items.push(item.data.slice(0, item.length));
      item = new Bytes(16);
    } else add(bytes[i] === 92 && i + 1 < bytes.length ? bytes[++i] : bytes[i]);
  }
  items.push(item.data.slice(0, item.length));
  return items;
}

function parameterValue(key: number, text: string, given: boolean): Uint8Array | string {
  if (key === 2) return given ? 'takes no value' : new Uint8Array(0);
  if (key > 8) return bytesOf(text);
  if (!given || text === '') return 'needs a value';
  switch (key) {
    case 0:
      return mandatoryKeys(text);
    case 1:
      return protocols(text);
    case 3:
      return /^\d{1,5}$/.test(text) && Number(text) < 65_536
        ? Uint8Array.of(Number(text) >> 8, Number(text) & 255)
        : 'needs a port';
    case 4:
      return addresses(text, 4);
    case 5:
      return /^[A-Za-z0-9+/]+={0,2}$/.test(text) && text.length % 4 === 0
        ? Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
        : 'needs base64';
    case 6:
      return addresses(text, 16);
    default:
      return bytesOf(text);
  }
}

function mandatoryKeys(text: string): Uint8Array | string {
  const keys = text.split(',').map(keyNumber);
  if (keys.some((key) => key <= 0) || new Set(keys).size !== keys.length) return 'needs names of other parameters';
  return Uint8Array.from(keys.sort((a, b) => a - b).flatMap((key) => [key >> 8, key & 255]));
}

function protocols(text: string): Uint8Array | string {
  const items = listOf(text);
  if (items.some(({ length }) => length === 0 || length > 255)) return 'needs names of 1 to 255 bytes';
  return Uint8Array.from(items.flatMap((item) => [item.length, ...item]));
}

function addresses(text: string, length: 4 | 16): Uint8Array | string {
  const out: number[] = [];
  for (const part of text.split(',')) {
    const bytes = new Uint8Array(16);
    if (readIp(part, bytes) !== length) return `needs IPv${length === 4 ? 4 : 6} addresses`;
    out.push(...bytes.subarray(0, length));
  }
  return Uint8Array.from(out);
}
