// What libraries without types of their own look like from here.

declare module '*.css';

declare module 'd3-geo' {
  export interface Projection {
    (place: [longitude: number, latitude: number]): [x: number, y: number] | null;
    fitExtent(extent: [[number, number], [number, number]], object: object): Projection;
  }
  export function geoNaturalEarth1(): Projection;
  export function geoPath(projection: Projection): (object: object) => string | null;
}

declare module 'topojson-client' {
  export function feature(topology: unknown, object: unknown): object;
}
