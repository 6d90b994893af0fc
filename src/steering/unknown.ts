// Owns what is known of a client when nobody knows anything: no place, no measurements.

import type { GeoFacts, LatencyMap } from './steering.ts';

export const NOWHERE: GeoFacts = {
  continent: '',
  country: '',
  subdivision: '',
  asn: 0,
  latitude: Number.NaN,
  longitude: Number.NaN,
  prefix: 0,
};

export const NO_MEASUREMENTS: LatencyMap = { find: () => undefined, scope: () => 0 };
