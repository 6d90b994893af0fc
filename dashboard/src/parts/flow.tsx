// Owns the picture of traffic: listeners, routes, pools, endpoints, and bands as wide as their rates.

import { useEffect, useRef, useState } from 'preact/hooks';
import { flowOf } from '../flow-data.ts';
import { layOut, NODE_WIDTH, type PlacedNode } from '../flow-layout.ts';
import { rate } from '../format.ts';
import { config, rows, status, tick } from '../store.ts';
import { Empty } from './empty.tsx';

/** Narrower, it scrolls. */
const NARROWEST = 720;
const TITLES = ['Listeners', 'Routes', 'Pools', 'Endpoints'];
const LONGEST = 24;

export function Flow({ most }: { readonly most: number }) {
  void tick.value;
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(NARROWEST);
  useEffect(() => {
    const sized = new ResizeObserver(([entry]) => setWidth(Math.max(NARROWEST, Math.floor(entry.contentRect.width))));
    sized.observe(place.current!);
    return () => sized.disconnect();
  }, []);
  const { nodes, bands } = flowOf(rows, status.value, config.value, most);
  const ends = nodes.filter(({ column }) => column === 3).length;
  const { nodes: placed, bands: ribbons, height } = layOut(nodes, bands, width, Math.max(220, ends * 44));
  const step = (width - NODE_WIDTH - 190) / 3;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="flow" aria-label="Picture of traffic; scrolls where it is narrow" tabIndex={0} ref={place}>
      {nodes.length === 0 ? (
        <Empty title="Nothing listens yet" />
      ) : (
        <svg width={width} height={height + 20} viewBox={`0 0 ${width} ${height + 20}`}>
          <title>{words(placed)}</title>
          <g class="flow-titles">
            {TITLES.map((title, i) => (
              <text key={title} x={i * step} y={12}>
                {title}
              </text>
            ))}
          </g>
          <g transform="translate(0 14)">
            {ribbons.map(({ from, to, path, mark }) => (
              <path key={from + to} d={path} class={`band ${mark === '' ? '' : `band-${mark}`}`} />
            ))}
            {placed.map((node) => (
              <Node key={node.id} node={node} />
            ))}
          </g>
        </svg>
      )}
    </section>
  );
}

function Node({ node }: { readonly node: PlacedNode }) {
  const { x, y, height, label, link, mark, column } = node;
  const short = label.length > LONGEST ? `${label.slice(0, LONGEST - 1)}…` : label;
  const beside = column === 3;
  const middle = y + height / 2;
  return (
    <a href={link} class={mark === '' ? 'flow-node' : `flow-node node-${mark}`}>
      <rect x={x} y={y} width={NODE_WIDTH} height={height} rx={Math.min(3, height / 2)} />
      <text x={beside ? x + NODE_WIDTH + 8 : x} y={beside ? middle + 4 : y - 6}>
        {short}
        <tspan class="flow-rate" dx="6">
          {rate(node.rate)}
          {mark === 'bad' || mark === '' ? '' : ` ${mark}`}
        </tspan>
      </text>
    </a>
  );
}

function words(nodes: readonly PlacedNode[]): string {
  const told = nodes.filter(({ column }) => column === 2).map((node) => `${node.label} ${rate(node.rate)}`);
  return `Requests a second by pool: ${told.join(', ')}`;
}
