// Owns endpoints from the keys under a prefix of etcd (v3, by its JSON gateway): read once, then watched from the revision that the
// reading had; read anew when that revision is compacted away. A value is `host:port` or a group in JSON; without one, the last
// part of the key is the address.

import type { EtcdDiscover } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import { type Api, jsonOf } from '../platforms/api.ts';
import type { ApiLines } from '../platforms/api-lines.ts';
import { apiOf } from './api-of.ts';
import { type DiscoveryKind, type Look, MOST_ENDPOINTS, type Source, type SourceTools } from './discovery.ts';
import { Registrations } from './entries.ts';

export const etcd: DiscoveryKind<EtcdDiscover> = {
  name: 'etcd',
  build: (config, tools) => new EtcdSource(config, tools),
};

interface KeyValue {
  /** Base 64. */
  readonly key: string;
  readonly value?: string;
}

interface Range {
  readonly header?: { readonly revision?: string };
  readonly kvs?: readonly KeyValue[];
  readonly more?: boolean;
}

interface WatchAnswer {
  readonly error?: { readonly message?: string };
  readonly result?: {
    readonly header?: { readonly revision?: string };
    readonly canceled?: boolean;
    readonly cancel_reason?: string;
    readonly compact_revision?: string;
    readonly events?: readonly { readonly type?: 'PUT' | 'DELETE'; readonly kv: KeyValue }[];
  };
}

const encoded = (bytes: Buffer): string => bytes.toString('base64');
const decoded = (text = ''): string => Buffer.from(text, 'base64').toString('utf8');

class EtcdSource implements Source {
  readonly #config: EtcdDiscover;
  readonly #api: Api;
  /** Everything that begins with the prefix. */
  readonly #range: { readonly key: string; readonly range_end: string };
  readonly #values = new Map<string, string>();
  /** The newest that is known; undefined when all must be read. */
  #revision: bigint | undefined;
  #lines: ApiLines | undefined;

  constructor(config: EtcdDiscover, tools: SourceTools) {
    this.#config = config;
    this.#api = apiOf(config, tools);
    const first = Buffer.from(config.prefix, 'utf8');
    const end = Buffer.from(first);
    // UTF-8 has no byte 255.
    end[end.length - 1]++;
    this.#range = { key: encoded(first), range_end: encoded(end) };
  }

  async look(signal: AbortSignal): Promise<Result<Look, string>> {
    if (this.#revision === undefined) return await this.#read(signal);
    if (this.#lines === undefined) {
      const opened = await this.#watch(signal);
      if (!opened.ok) return opened;
    }
    const batch = await this.#lines!.next();
    if (batch.ok && batch.value.length > 0) return this.#apply(batch.value);
    this.#leave();
    return batch.ok ? err('the watch ended') : batch;
  }

  close(): void {
    this.#leave();
  }

  #leave(): void {
    this.#lines?.close();
    this.#lines = undefined;
  }

  async #read(signal: AbortSignal): Promise<Result<Look, string>> {
    const json = { ...this.#range, limit: String(MOST_ENDPOINTS + 1) };
    const answer = await this.#api.ask({ method: 'POST', path: '/v3/kv/range', json }, signal);
    if (!answer.ok) return answer;
    const range = jsonOf(answer.value);
    if (!range.ok) return range;
    const { header, kvs = [] } = range.value as Range;
    if (header?.revision === undefined) return err('answered without a revision');
    this.#values.clear();
    for (const { key, value } of kvs) this.#values.set(key, decoded(value));
    this.#revision = BigInt(header.revision);
    return this.#set();
  }

  async #watch(signal: AbortSignal): Promise<Result<void, string>> {
    const start = String(this.#revision! + 1n);
    const json = { create_request: { ...this.#range, start_revision: start, progress_notify: true } };
    const opened = await this.#api.lines({ method: 'POST', path: '/v3/watch', json }, signal);
    if (!opened.ok) return err(opened.error.reason);
    this.#lines = opened.value;
    return ok(undefined);
  }

  #apply(lines: readonly string[]): Result<Look, string> {
    let isNew = false;
    for (const line of lines) {
      const { error, result } = JSON.parse(line) as WatchAnswer;
      if (error !== undefined || result === undefined) return this.#lost(error?.message ?? 'no result');
      if (result.canceled === true) {
        const isCompacted = result.compact_revision !== undefined && result.compact_revision !== '0';
        return isCompacted ? this.#anew() : this.#lost(result.cancel_reason ?? 'cancelled');
      }
      for (const { type, kv } of result.events ?? []) {
        isNew = true;
        if (type === 'DELETE') this.#values.delete(kv.key);
        else this.#values.set(kv.key, decoded(kv.value));
      }
      if (result.events !== undefined && result.header?.revision !== undefined)
        this.#revision = BigInt(result.header.revision);
    }
    return isNew ? this.#set() : ok({ endpoints: undefined, againMs: 0 });
  }

  /** What we know is too old for a watch. */
  #anew(): Result<Look, string> {
    this.#leave();
    this.#revision = undefined;
    return ok({ endpoints: undefined, againMs: 0 });
  }

  #lost(reason: string): Result<Look, string> {
    this.#anew();
    return err(`the watch ended: ${reason}`);
  }

  #set(): Result<Look, string> {
    if (this.#values.size > MOST_ENDPOINTS) return err(`has more than ${MOST_ENDPOINTS} keys, which are the limit`);
    const registered = new Registrations(this.#config.defaults);
    for (const [key, value] of this.#values) registered.text(decoded(key), value);
    return ok({ endpoints: registered.endpoints, note: registered.note, againMs: 0 });
  }
}
