// Owns how areas are written in configurations, which is also how they are told apart.

import type { Area } from '../config/types.ts';

export function areaText(area: Area): string {
  switch (area.kind) {
    case 'network':
      return area.cidr;
    case 'asn':
      return `AS${area.asn}`;
    case 'subdivision':
      return `${area.country}-${area.code}`;
    case 'country':
      return area.code;
    case 'continent':
      return `continent:${area.code}`;
  }
}
