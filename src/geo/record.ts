// Owns the reading of one entry of a MaxMind-format database. The format says how entries are stored, not what is in them:
// MaxMind and DB-IP nest (`country.iso_code`), others write flat (`country_code`). What is not understood is left out.

import type { GeoFacts } from '../steering/steering.ts';
import { NOWHERE } from '../steering/unknown.ts';
import { COUNTRIES } from './centroids.ts';

/** What one entry tells: '' , 0 and NaN where it does not. */
export type Place = Omit<GeoFacts, 'prefix'>;

type Entry = Readonly<Record<string, unknown>>;

export function placeOf(record: unknown): Place {
  if (!isEntry(record)) return NOWHERE;
  const country =
    code(inside(record.country).iso_code) || code(record.country_code) || code(record.country) || registered(record);
  const known = COUNTRIES.get(country);
  const continent =
    code(inside(record.continent).code) || code(record.continent_code) || code(record.continent) || known?.[0] || '';
  const [latitude, longitude] = located(inside(record.location), record) ?? [known?.[1], known?.[2]];
  return {
    continent,
    country,
    subdivision: subdivisionOf(record, country),
    asn: asnOf(record),
    latitude: latitude ?? Number.NaN,
    longitude: longitude ?? Number.NaN,
  };
}

const isEntry = (value: unknown): value is Entry => typeof value === 'object' && value !== null;
const inside = (value: unknown): Entry => (isEntry(value) ? value : {});

/** Two letters, upper case; anything else is no code. */
function code(value: unknown): string {
  return typeof value === 'string' && /^[A-Za-z]{2}$/.test(value) ? value.toUpperCase() : '';
}

/** Networks without a country of their own (satellites, anycast) have at least one that they are registered in. */
function registered(record: Entry): string {
  return code(inside(record.registered_country).iso_code);
}

function subdivisionOf(record: Entry, country: string): string {
  const list = record.subdivisions;
  const written = Array.isArray(list) ? inside(list[0]).iso_code : (record.region_code ?? record.state_code);
  if (typeof written !== 'string') return '';
  const upper = written.toUpperCase();
  const short = upper.startsWith(`${country}-`) ? upper.slice(country.length + 1) : upper;
  return /^[A-Z0-9]{1,3}$/.test(short) ? short : '';
}

function asnOf(record: Entry): number {
  const written = record.autonomous_system_number ?? inside(record.traits).autonomous_system_number ?? record.asn;
  const number = typeof written === 'string' ? Number(/^(?:AS)?(\d{1,10})$/i.exec(written)?.[1]) : Number(written);
  return Number.isSafeInteger(number) && number > 0 ? number : 0;
}

function located(...candidates: readonly Entry[]): readonly [number, number] | undefined {
  for (const { latitude, longitude, lat, lng } of candidates) {
    const place = [Number(latitude ?? lat ?? Number.NaN), Number(longitude ?? lng ?? Number.NaN)] as const;
    if (Math.abs(place[0]) <= 90 && Math.abs(place[1]) <= 180) return place;
  }
  return undefined;
}
