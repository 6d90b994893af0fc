// Owns what of a request's body is looked at: JSON, forms and their parts by their values, other texts as they are. What cannot be
// read as what it says it is, is looked at as text, with everything in it: nothing is trusted because it is malformed.

import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, zstdDecompress } from 'node:zlib';
import type { WafBodyType } from '../../config/types.ts';
import { fit, fitText, groupOf } from './fit.ts';
import { fromBytes, further, unescaped } from './readings.ts';
import { pairsOf } from './values.ts';

export interface BodyAddresses {
  readonly body: unknown;
  /** Of files that are uploaded. */
  readonly filenames: readonly unknown[];
}

/** The kind of body a media type names; undefined: nothing that is looked at. No type at all may be anything. */
export function bodyTypeOf(contentType: string | undefined): WafBodyType | undefined {
  const type = (contentType ?? '').split(';', 1)[0].trim().toLowerCase();
  if (type === '') return 'text';
  if (/^application\/(?:[\w.-]+\+)?json$|^text\/json$|^application\/(?:csp-report|graphql)$/.test(type)) return 'json';
  if (type === 'application/x-www-form-urlencoded') return 'form';
  if (type.startsWith('multipart/')) return 'multipart';
  if (/^text\/|[/+]xml(?:-|$)|javascript$|^application\/(?:x-)?(?:yaml|ndjson|x-php)/.test(type)) return 'text';
  // What is no media type, servers read as they like.
  return /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+$/.test(type) ? undefined : 'text';
}

export function bodyAddresses(bytes: Buffer, type: WafBodyType, contentType: string): BodyAddresses {
  switch (type) {
    case 'json':
      return plain(json(textOf(bytes, contentType)));
    case 'form':
      return plain(form(bytes.toString('latin1')));
    case 'multipart':
      return multipart(bytes, contentType) ?? plain(whole(fromBytes(bytes)));
    case 'text':
      return plain(whole(textOf(bytes, contentType)));
  }
}

function plain(body: unknown): BodyAddresses {
  return { body, filenames: [] };
}

/** In UTF-16 where it says so, or begins so. */
function textOf(bytes: Buffer, contentType: string): string {
  const wide =
    /charset\s*=\s*"?utf-?16/i.test(contentType) ||
    (bytes.length > 1 && /^(?:fffe|feff)/.test(bytes.toString('hex', 0, 2)));
  const zeros = bytes.length > 3 && (bytes[0] === 0) !== (bytes[1] === 0);
  if (!wide && !zeros) return fromBytes(bytes);
  const big = bytes[0] === 0 || bytes[0] === 0xfe;
  const even = Buffer.from(bytes.subarray(0, bytes.length & ~1));
  return (big ? even.swap16() : even).toString('utf16le').replace(/^\ufeff/, '');
}

/** A name that is there twice is read by some as the first, by others as the last: then the text is looked at as well. */
function json(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return whole(text);
  }
  const { value: fitted, cut, names } = fit(value);
  return cut || names !== namesIn(text) ? [fitted, whole(text)] : fitted;
}

function namesIn(text: string): number {
  let count = 0;
  for (const match of text.matchAll(/"(?:[^"\\]|\\.)*"[ \t\r\n]*(:?)/g)) if (match[1] === ':') count++;
  return count;
}

/** A text without a form, escapes read as what they stand for. */
function whole(text: string): unknown {
  const readings = new Set<string>([...[further(text)].flat(), unescaped(text)]);
  return fitText([...readings]);
}

function form(text: string): unknown {
  return groupOf(pairsOf(text));
}

const MOST_PARTS = 1000;

/** Undefined when it cannot be taken apart: several readers would do it in several ways. */
function multipart(bytes: Buffer, contentType: string): BodyAddresses | undefined {
  const boundaries = [...contentType.matchAll(/;\s*boundary\s*=\s*(?:"([^"\\]{1,200})"|([^\s;"]{1,200}))/gi)];
  if (boundaries.length !== 1) return undefined;
  const boundary = boundaries[0][1] ?? boundaries[0][2];
  const text = bytes.toString('latin1');
  const pieces = `\r\n${text}`.split(`\r\n--${boundary}`);
  if (pieces.length < 2 || pieces.length > MOST_PARTS || pieces[0] !== '') return undefined;
  const values: [string, unknown][] = [];
  const filenames: unknown[] = [];
  for (const piece of pieces.slice(1)) {
    if (piece.startsWith('--')) break;
    const end = piece.indexOf('\r\n\r\n');
    if (!piece.startsWith('\r\n') || end < 0) return undefined;
    const head = piece.slice(2, end);
    const disposition = /^content-disposition[ \t]*:(.*)$/im.exec(head)?.[1];
    if (disposition === undefined) return undefined;
    const file = /;\s*filename(\*?)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/i.exec(disposition);
    const name = /;\s*name\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;]*))/i.exec(disposition);
    if (file !== null) {
      const given = file[2] ?? file[3];
      const read = fitText(further(file[1] === '*' ? given : utf8(given)));
      filenames.push(read);
      // Some make a path of it.
      values.push(['', read]);
    } else values.push([utf8(name?.[1] ?? name?.[2] ?? ''), fitText(further(utf8(piece.slice(end + 4))))]);
    // Fields of a part may carry an attack as well.
    values.push(['', fitText(further(utf8(head.replace(/^content-disposition[^\r\n]*/im, ''))))]);
  }
  return { body: groupOf(merged(values)), filenames };
}

/** Values of one name together. */
function merged(values: readonly (readonly [string, unknown])[]): [string, unknown][] {
  const by = new Map<string, unknown[]>();
  for (const [name, value] of values) {
    const known = by.get(name);
    if (known === undefined) by.set(name, [value]);
    else known.push(value);
  }
  return [...by];
}

function utf8(latin1: string): string {
  return fromBytes(Buffer.from(latin1, 'latin1'));
}

const CODINGS = {
  gzip: promisify(gunzip),
  'x-gzip': promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress),
  zstd: promisify(zstdDecompress),
} as const;

/** Many endpoints decompress what they are sent. Undefined: it cannot be done, or becomes too much. */
export async function decompressed(bytes: Buffer, coding: string, most: number): Promise<Buffer | undefined> {
  const name = coding.trim().toLowerCase();
  if (name === '' || name === 'identity') return bytes;
  if (!(name in CODINGS)) return undefined;
  // The end may be missing: only the beginning was read.
  const flush =
    name === 'br'
      ? constants.BROTLI_OPERATION_FLUSH
      : name === 'zstd'
        ? constants.ZSTD_e_flush
        : constants.Z_SYNC_FLUSH;
  try {
    return await CODINGS[name as keyof typeof CODINGS](bytes, { maxOutputLength: most, finishFlush: flush });
  } catch {
    return undefined;
  }
}
