// Owns the answers that one worker keeps in a folder of its own, within a bound of bytes. A file is written whole under another name
// before it gets its own, and says how long it is and what its sum is: what a crash left behind is never served.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { type Entry, sizeOf } from './entry.ts';
import { type Purge, primaryOf } from './memory.ts';

const MAGIC = 0x45_56_4b_32;
const HEAD = 16;
const MOST_META = 1024 * 1024;

interface Known {
  readonly file: string;
  readonly size: number;
  readonly tags: readonly string[];
  readonly vary: readonly string[];
}

/** Answers to one primary key. */
interface Group {
  readonly vary: readonly string[];
  readonly keys: Set<string>;
}

type Meta = Omit<Entry, 'body'> & { readonly vary: readonly string[] };

export class DiskStore {
  readonly #folder: string;
  readonly #bytes: number;
  /** By whole key, those used last at the end. */
  readonly #known = new Map<string, Known>();
  readonly #groups = new Map<string, Group>();
  #size = 0;
  #closed = false;
  #loading = true;

  constructor(folder: string, bytes: number) {
    this.#folder = folder;
    this.#bytes = bytes;
    const over = (): void => {
      this.#loading = false;
    };
    this.#load().then(over, over);
  }

  get bytes(): number {
    return this.#size;
  }

  get count(): number {
    return this.#known.size;
  }

  /** What answers to a key vary by; undefined when there is none. */
  varyOf(primary: string): readonly string[] | undefined {
    return this.#groups.get(primary)?.vary;
  }

  /** As long as the folder has not been read, anything may be there. */
  mayHave(key: string): boolean {
    return this.#loading || this.#known.has(key);
  }

  async get(key: string): Promise<Entry | undefined> {
    const known = this.#known.get(key);
    if (known === undefined && !this.#loading) return undefined;
    const entry = await readEntry(known?.file ?? this.#fileOf(key));
    if (entry === undefined || entry.key !== key) {
      this.#drop(key);
      return undefined;
    }
    if (known !== undefined && this.#known.delete(key)) this.#known.set(key, known);
    return entry;
  }

  #fileOf(key: string): string {
    const name = createHash('sha256').update(key).digest('hex');
    return join(this.#folder, name.slice(0, 2), name);
  }

  async put(entry: Entry, vary: readonly string[]): Promise<void> {
    const size = sizeOf(entry);
    if (this.#closed || size > this.#bytes) return;
    const file = this.#fileOf(entry.key);
    const temporary = join(this.#folder, `tmp-${randomBytes(8).toString('hex')}`);
    try {
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await writeFile(temporary, encoded(entry, vary), { mode: 0o600 });
      await rename(temporary, file);
    } catch {
      await rm(temporary, { force: true }).catch(() => undefined);
      return;
    }
    this.#remember(entry.key, { file, size, tags: entry.tags, vary });
    while (this.#size > this.#bytes) this.#drop(this.#known.keys().next().value!);
  }

  #remember(key: string, known: Known): void {
    const before = this.#known.get(key);
    if (before !== undefined) this.#size -= before.size;
    this.#known.delete(key);
    this.#known.set(key, known);
    this.#size += known.size;
    this.#join(key, known.vary);
  }

  /** An answer that varies by something else than those before it is the only one from now on. */
  #join(key: string, vary: readonly string[]): void {
    const primary = primaryOf(key);
    const group = this.#groups.get(primary);
    if (group !== undefined && group.vary.join() === vary.join()) {
      group.keys.add(key);
      return;
    }
    this.#groups.set(primary, { vary, keys: new Set([key]) });
    for (const other of group?.keys ?? []) if (other !== key) this.#drop(other);
  }

  #drop(key: string): void {
    const known = this.#known.get(key);
    if (known === undefined) return;
    this.#known.delete(key);
    this.#size -= known.size;
    const primary = primaryOf(key);
    const group = this.#groups.get(primary);
    if (group?.keys.delete(key) === true && group.keys.size === 0) this.#groups.delete(primary);
    void unlink(known.file).catch(() => undefined);
  }

  purge(what: Purge): number {
    const going: string[] = [];
    if ('key' in what) going.push(...(this.#groups.get(what.key)?.keys ?? []));
    else
      for (const [key, { tags }] of this.#known) {
        if ('all' in what || ('prefix' in what ? key.startsWith(what.prefix) : tags.includes(what.tag)))
          going.push(key);
      }
    for (const key of going) this.#drop(key);
    return going.length;
  }

  close(): void {
    this.#closed = true;
  }

  async #load(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const found: { key: string; known: Known; at: number }[] = [];
    for (const item of await readdir(this.#folder, { withFileTypes: true })) {
      const path = join(this.#folder, item.name);
      if (item.name.startsWith('tmp-')) await rm(path, { force: true });
      if (!item.isDirectory() || !/^[0-9a-f]{2}$/.test(item.name)) continue;
      for (const name of await readdir(path)) {
        if (!/^[0-9a-f]{64}$/.test(name)) continue;
        const file = join(path, name);
        const meta = await readMeta(file);
        if (meta === undefined) await rm(file, { force: true });
        else {
          const { size, mtimeMs } = await stat(file);
          found.push({ key: meta.key, known: { file, size, tags: meta.tags, vary: meta.vary }, at: mtimeMs });
        }
      }
    }
    found.sort((a, b) => a.at - b.at);
    for (const { key, known } of found) if (!this.#known.has(key)) this.#remember(key, known);
    while (this.#size > this.#bytes) this.#drop(this.#known.keys().next().value!);
  }
}

function encoded({ body, ...rest }: Entry, vary: readonly string[]): Buffer {
  const meta = Buffer.from(JSON.stringify({ ...rest, vary }), 'utf8');
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(MAGIC, 0);
  head.writeUInt32BE(meta.length, 4);
  head.writeUInt32BE(body.length, 8);
  head.writeUInt32BE(crc32(body, crc32(meta)), 12);
  return Buffer.concat([head, meta, body]);
}

async function readEntry(file: string): Promise<Entry | undefined> {
  try {
    const handle = await open(file);
    try {
      const bytes = await handle.readFile();
      const parts = partsOf(bytes);
      if (parts === undefined) return undefined;
      const { meta, body } = parts;
      if (crc32(body, crc32(meta)) !== bytes.readUInt32BE(12)) return undefined;
      const { vary: _, ...rest } = JSON.parse(meta.toString('utf8')) as Meta;
      return { ...rest, body };
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}

function partsOf(bytes: Buffer): { meta: Buffer; body: Buffer } | undefined {
  if (bytes.length < HEAD || bytes.readUInt32BE(0) !== MAGIC) return undefined;
  const metaLength = bytes.readUInt32BE(4);
  const end = HEAD + metaLength;
  if (metaLength > MOST_META || bytes.length !== end + bytes.readUInt32BE(8)) return undefined;
  return { meta: bytes.subarray(HEAD, end), body: bytes.subarray(end) };
}

/** The head alone; the sum is looked at when the whole is read. */
async function readMeta(file: string): Promise<Meta | undefined> {
  try {
    const handle = await open(file);
    try {
      const head = Buffer.alloc(HEAD);
      if ((await handle.read(head, 0, HEAD, 0)).bytesRead < HEAD || head.readUInt32BE(0) !== MAGIC) return undefined;
      const length = head.readUInt32BE(4);
      if (length > MOST_META || (await handle.stat()).size !== HEAD + length + head.readUInt32BE(8)) return undefined;
      const meta = Buffer.alloc(length);
      await handle.read(meta, 0, length, HEAD);
      return JSON.parse(meta.toString('utf8')) as Meta;
    } finally {
      await handle.close();
    }
  } catch {
    return undefined;
  }
}
