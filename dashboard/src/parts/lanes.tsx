// Owns the states of endpoints over time as coloured lanes, of those that changed last.

import type { HealthChange } from '../../../src/runtime/facade.ts';
import { clockTime, span } from '../format.ts';
import { clock, rows } from '../store.ts';

const MOST = 10;
const SHORTEST_MS = 5 * 60_000;
const LONGEST_MS = 6 * 3_600_000;
const LANE = 24;
const LABEL = 210;
const WIDTH = 960;

interface Part {
  readonly from: number;
  readonly to: number;
  readonly state: string;
}

export function Lanes({ changes }: { readonly changes: readonly HealthChange[] }) {
  const now = clock.value;
  const recent = changes.filter(({ at, id }) => now - at < LONGEST_MS && rows.endpoints.has(id));
  const ids = [...new Set(recent.filter(({ cause }) => cause !== 'config').map(({ id }) => id))].slice(0, MOST);
  if (ids.length === 0) return null;
  const oldest = Math.min(...recent.filter(({ id }) => ids.includes(id)).map(({ at }) => at));
  const length = Math.max(SHORTEST_MS, (now - oldest) * 1.05);
  const x = (at: number): number => LABEL + Math.max(0, 1 - (now - at) / length) * (WIDTH - LABEL);
  const height = ids.length * LANE + 20;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls
    <section class="lanes" aria-label="States over time; scrolls where it is narrow" tabIndex={0}>
      <svg
        viewBox={`0 0 ${WIDTH} ${height}`}
        role="img"
        aria-label={`States of ${ids.join(', ')} over the last ${span(length)}`}
      >
        {ids.map((id, i) => (
          <g key={id} transform={`translate(0 ${i * LANE})`}>
            <text class="lane-name" x={LABEL - 10} y="15" text-anchor="end">
              {id.length > 30 ? `…${id.slice(-29)}` : id}
            </text>
            {partsOf(id, recent, now - length, now).map(({ from, to, state }) => (
              <rect
                key={from}
                class={`fill-${state}`}
                x={x(from)}
                y="5"
                width={Math.max(1.5, x(to) - x(from))}
                height="13"
                rx="1.5"
              >
                <title>{`${state} from ${clockTime(from)}`}</title>
              </rect>
            ))}
          </g>
        ))}
        <text class="lane-time" x={LABEL} y={height - 4}>
          {span(length)} ago
        </text>
        <text class="lane-time" x={WIDTH} y={height - 4} text-anchor="end">
          now
        </text>
      </svg>
    </section>
  );
}

/** `changes` newest first. */
function partsOf(id: string, changes: readonly HealthChange[], first: number, now: number): readonly Part[] {
  const parts: Part[] = [];
  let end = now;
  let before = rows.endpoints.get(id)?.state ?? 'absent';
  for (const { id: of, at, from, to } of changes) {
    if (of !== id || from === to) continue;
    parts.push({ from: at, to: end, state: to });
    end = at;
    before = from;
  }
  if (before !== 'absent' && end > first) parts.push({ from: first, to: end, state: before });
  return parts;
}
