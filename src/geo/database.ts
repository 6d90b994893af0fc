// Owns looking an address up: in one or more MaxMind-format databases that are in memory, as one answer. It reads no files
// and never throws: a broken entry is an address of which nothing is known.

import { Reader, type Response } from 'mmdb-lib';
import { formatIp, readIp } from '../core/ip.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { GeoFacts } from '../steering/steering.ts';
import { NOWHERE } from '../steering/unknown.ts';
import type { GeoFile } from './files.ts';
import { type Place, placeOf } from './record.ts';

/** Of one database, for people. */
export interface DatabaseFacts {
  readonly path: string;
  readonly type: string;
  readonly builtAt: Date;
}

/** Decoded entries, of each database: countries are few, cities are many. */
const MOST_ENTRIES = 16_384;
/** Of each of two generations: the older one goes when the newer one is full. */
const MOST_CACHED = 16_384;
/** Read when a database is opened: damage shows before it is used. */
const SAMPLES = ['0.0.0.0', '1.1.1.1', '93.184.216.34', '200.1.1.1', '255.255.255.255', '::', '2001:db8::1', '2a00::1'];

export class GeoDatabase {
  readonly about: readonly DatabaseFacts[];
  readonly #readers: readonly Reader<Response>[];
  readonly #bytes = new Uint8Array(16);
  readonly #places = new WeakMap<object, Place>();
  #cached = new Map<string, GeoFacts>();
  #older = new Map<string, GeoFacts>();

  private constructor(readers: readonly Reader<Response>[], about: readonly DatabaseFacts[]) {
    this.#readers = readers;
    this.about = about;
  }

  /** What the first says of a place holds; what it does not say comes from the next. */
  static open(files: readonly GeoFile[]): Result<GeoDatabase, string> {
    const readers: Reader<Response>[] = [];
    const about: DatabaseFacts[] = [];
    for (const { path, bytes } of files) {
      try {
        const reader = new Reader<Response>(Buffer.from(bytes), { cache: new Entries() });
        const { searchTreeSize, databaseType, buildEpoch, ipVersion } = reader.metadata;
        if (searchTreeSize + 16 >= bytes.byteLength) return err(`${path} is cut off`);
        for (const sample of SAMPLES) if (ipVersion === 6 || !sample.includes(':')) reader.get(sample);
        readers.push(reader);
        about.push({ path, type: databaseType, builtAt: buildEpoch });
      } catch (error) {
        return err(`${path} is no database in MaxMind's format, or damaged: ${(error as Error).message}`);
      }
    }
    return ok(new GeoDatabase(readers, about));
  }

  /** Text of an IP address; of what is none, nothing is known. */
  find(address: string): GeoFacts {
    const known = this.#cached.get(address);
    if (known !== undefined) return known;
    const facts = this.#older.get(address) ?? this.#lookUp(address);
    if (this.#cached.size >= MOST_CACHED) {
      this.#older = this.#cached;
      this.#cached = new Map();
    }
    this.#cached.set(address, facts);
    return facts;
  }

  /** An entry that the reader still knows was understood before. */
  #placeOf(record: Response | null): Place {
    if (record === null) return NOWHERE;
    let place = this.#places.get(record);
    if (place === undefined) {
      place = placeOf(record);
      this.#places.set(record, place);
    }
    return place;
  }

  #lookUp(address: string): GeoFacts {
    const length = readIp(address, this.#bytes);
    if (length === 0) return NOWHERE;
    // IPv4 in the clothes of IPv6 is looked up as what it is.
    const text = length === 4 && address.includes(':') ? formatIp(this.#bytes, 0, 4) : address;
    let facts = NOWHERE;
    for (const reader of this.#readers) {
      // A tree of 32 levels would take the first bits of an IPv6 address for an IPv4 one.
      if (length === 16 && reader.metadata.ipVersion === 4) continue;
      try {
        const [record, prefix] = reader.getWithPrefixLength(text);
        facts = merged(facts, this.#placeOf(record), prefix);
      } catch {
        // Damage in one entry is no reason to fail for all.
      }
    }
    return facts;
  }
}

/** What the reader has decoded lately, by where it is in the file. */
class Entries {
  readonly #known = new Map<string | number, unknown>();

  get(key: string | number): unknown {
    return this.#known.get(key);
  }

  set(key: string | number, value: unknown): void {
    if (this.#known.size >= MOST_ENTRIES) this.#known.clear();
    this.#known.set(key, value);
  }
}

/** Both databases decide, so the longer prefix does. */
function merged(facts: GeoFacts, place: Place, prefix: number): GeoFacts {
  const located = facts.country === '' ? place : facts;
  return {
    continent: located.continent,
    country: located.country,
    subdivision: located.subdivision,
    latitude: located.latitude,
    longitude: located.longitude,
    asn: place.asn === 0 ? facts.asn : place.asn,
    prefix: Math.max(facts.prefix, prefix),
  };
}
