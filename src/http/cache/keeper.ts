// Owns what one filter `cache` puts into its cache: whether an answer may be kept as the settings say, under which key, and what a 304
// makes of it.

import type { CacheSettings } from '../../config/types.ts';
import type { FilterTools } from '../filter.ts';
import type { Entry } from './entry.ts';
import {
  type FieldMap,
  type Freshness,
  type FreshnessRules,
  fieldMapOf,
  freshnessOf,
  refreshed,
  withoutOwn,
} from './freshness.ts';
import { variantOf, varyNames } from './keys.ts';
import type { ResponseCache } from './response-cache.ts';
import type { SentFields } from './sent-fields.ts';
import { entryOf } from './served.ts';

/** In a 304: what is kept has to go. */
const GOES = /\b(?:no-store|private)\b/i;

export class Keeper {
  readonly #tools: FilterTools;
  readonly #cache: ResponseCache;
  readonly #tags: string;
  readonly #rules: FreshnessRules;

  constructor(settings: CacheSettings, tools: FilterTools, cache: ResponseCache) {
    this.#tools = tools;
    this.#cache = cache;
    this.#tags = settings.tags;
    const { ttl } = settings;
    const known = Object.keys(ttl).length > 0;
    this.#rules = {
      defaultTtl: known ? (status) => ttl[status] ?? ttl[`${Math.floor(status / 100)}xx`] : undefined,
      staleWhileRevalidate: Math.floor(settings.staleWhileRevalidateMs / 1000),
      staleIfError: Math.floor(settings.staleIfErrorMs / 1000),
    };
  }

  /** Undefined: it is not to be kept, or not worth it. */
  freshnessOf(headers: FieldMap, status: number, lines: string): Freshness | undefined {
    const told = fieldMapOf(lines);
    if (told['set-cookie'] !== undefined || status === 206) return undefined;
    const freshness = freshnessOf({ method: 'GET', headers }, { status, headers: told }, this.#rules);
    if (freshness === undefined) return undefined;
    const isUseless = freshness.lifetime === 0 && told.etag === undefined && told['last-modified'] === undefined;
    return isUseless && freshness.staleWhileRevalidate + freshness.staleIfError === 0 ? undefined : freshness;
  }

  keep(primary: string, headers: FieldMap, sent: SentFields, status: number, lines: string, body: Buffer): void {
    const freshness = this.freshnessOf(headers, status, lines);
    const told = fieldMapOf(lines);
    const vary = varyNames(told.vary);
    const variant = vary === undefined ? undefined : variantOf(vary, (name) => sent.get(name));
    if (freshness === undefined || variant === undefined || vary === undefined) return;
    this.#tools.count('cache-stored');
    const entry = entryOf(primary + variant, status, lines, told, body, this.#tools.env.clock.epoch());
    this.#cache.put(primary, vary, { ...entry, ...freshness, tags: this.#tagsOf(told) });
  }

  #tagsOf(told: FieldMap): readonly string[] {
    const field = told[this.#tags];
    return field === undefined ? [] : field.split(/[\s,]+/).filter((tag) => tag !== '');
  }

  /** The endpoint says that it still holds; or else, that it is not to be kept any longer, in whatever variant. */
  renew(primary: string, entry: Entry, lines: string): readonly [entry: Entry, isKept: boolean] {
    const merged = refreshed(entry.lines, withoutOwn(lines));
    const told = fieldMapOf(merged);
    const by = fieldMapOf(lines);
    const date = by.date ?? entry.date;
    const freshness = GOES.test(by['cache-control'] ?? '')
      ? undefined
      : freshnessOf({ method: 'GET', headers: {} }, { status: entry.status, headers: { ...told, date } }, this.#rules);
    const renewed = { ...entry, age: 0, ...freshness, lines: merged, date, storedAt: this.#tools.env.clock.epoch() };
    if (freshness === undefined) this.#cache.purge({ key: primary });
    else this.#cache.put(primary, varyNames(told.vary) ?? [], renewed);
    return [renewed, freshness !== undefined];
  }
}
