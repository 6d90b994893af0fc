// Owns the two forms of a network in measurements: as people write it (`192.0.2.0/24`), and as the map of measurements has it
// (`4/24/c00002`). Only the sizes that the map knows are networks here.

import { parseCidr } from '../core/cidr.ts';
import { formatIp } from '../core/ip.ts';
import { LEVELS } from './latency-map.ts';

/** Undefined when it is no network, or of another size. */
export function networkKey(text: string): string | undefined {
  const cidr = parseCidr(text);
  if (!cidr.ok) return undefined;
  const { bytes, prefix } = cidr.value;
  if (!LEVELS[bytes.length as 4 | 16].includes(prefix)) return undefined;
  const hex = Array.from(bytes.subarray(0, prefix / 8), (byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${bytes.length}/${prefix}/${hex}`;
}

/** Of a key that the map made. */
export function networkText(key: string): string {
  const [length, prefix, hex] = key.split('/');
  const bytes = new Uint8Array(16);
  for (let i = 0; i < hex.length / 2; i++) bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  return `${formatIp(bytes, 0, length === '4' ? 4 : 16)}/${prefix}`;
}
