// Owns the map: land, sites where they are with their state and share of traffic, client networks as small dots by their time.
// Loaded by itself, because of the outlines of land.

import { geoNaturalEarth1, geoPath } from 'd3-geo';
import { feature } from 'topojson-client';
import topology from 'world-atlas/land-110m.json';
import type { WorldReport } from '../../../src/runtime/facade.ts';
import { ms, percent, rate } from '../format.ts';
import { rows, tick } from '../store.ts';

const WIDTH = 960;
const HEIGHT = 470;
/** Ice would take a fifth of the height. */
const SOUTH = 58;
const land = feature(topology, topology.objects.land);
const projection = geoNaturalEarth1().fitExtent(
  [
    [4, 4],
    [WIDTH - 4, HEIGHT + SOUTH],
  ],
  { type: 'Sphere' },
);
const outlines = geoPath(projection)(land) ?? '';

export function WorldMap({ world }: { readonly world: WorldReport }) {
  void tick.value;
  const { sites, networks } = world;
  const rates = sites.map(({ pool }) => rows.pools.get(pool)?.smoothRate ?? 0);
  const all = rates.reduce((a, b) => a + b, 0);
  const told = sites.map(({ name, state }, i) => `${name} ${state}, ${rate(rates[i])} requests a second`);
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="map" aria-label="Map of sites and client networks; scrolls where it is narrow" tabIndex={0}>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={told.join('; ')}>
        <path class="land" d={outlines} />
        {networks.map(({ network, location, ms: time }) => {
          const at = location && projection([location.longitude, location.latitude]);
          if (at === undefined || at === null) return null;
          return (
            <circle key={network} cx={at[0]} cy={at[1]} r="3" class={`client ${time > 100 ? 'client-far' : ''}`} />
          );
        })}
        {sites.map(({ name, state, location, pool }, i) => {
          const at = location && projection([location.longitude, location.latitude]);
          if (at === undefined || at === null) return null;
          const share = all === 0 ? 0 : rates[i] / all;
          const p95 = rows.pools.get(pool)?.p95 ?? null;
          return (
            <g key={name} class={`site site-${state}`} transform={`translate(${at[0].toFixed(1)} ${at[1].toFixed(1)})`}>
              <circle class="site-halo" r={8 + 30 * Math.sqrt(share)} />
              <circle class="site-core" r="5" />
              <text x="10" y="-8">
                {name}
                <tspan class="site-words" x="10" dy="14">
                  {state === 'up'
                    ? `${percent(share)} · ${rate(rates[i])}/s${p95 === null ? '' : ` · p95 ${ms(p95)}`}`
                    : state}
                </tspan>
              </text>
            </g>
          );
        })}
      </svg>
    </section>
  );
}
