// Owns a chart of the last minutes (uPlot): drawn on a canvas, so its numbers are also there as words.

import { effect } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import { theme } from './theme-toggle.tsx';

export interface Line {
  readonly label: string;
  /** Name of a colour in the style sheet. */
  readonly color: string;
  readonly fill?: boolean;
}

interface Props {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Of the newest values, by line. */
  readonly now: readonly string[];
  readonly format: (value: number) => string;
  /** Seconds, then one column a line. Read again whenever a signal moves that it reads. */
  readonly data: () => uPlot.AlignedData;
  /** The scale is never smaller. */
  readonly least: number;
}

const HEIGHT = 132;
const SPAN_S = 300;

export function Chart({ title, lines, now, format, data, least }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const chosen = theme.value;
  // Made anew only when the colours are others.
  useEffect(() => {
    const into = place.current!;
    const plot = new uPlot(optionsOf(into, { lines, format, least }), [[]], into);
    const sized = new ResizeObserver(() => plot.setSize({ width: into.clientWidth, height: HEIGHT }));
    sized.observe(into);
    const stop = effect(() => plot.setData(data()));
    return () => {
      stop();
      sized.disconnect();
      plot.destroy();
    };
  }, [chosen]);
  const words = lines.map(({ label }, i) => `${label === '' ? 'now' : label} ${now[i]}`).join(', ');
  return (
    <figure class="chart">
      <figcaption>
        <span class="chart-title">{title}</span>
        {lines.map(({ label, color }, i) => (
          <span class="chart-now" key={label}>
            {label !== '' && <i class={`swatch swatch-${color}`} />}
            {label} <b>{now[i]}</b>
          </span>
        ))}
      </figcaption>
      <div class="chart-place" role="img" aria-label={`${title}, last five minutes: ${words}`} ref={place} />
    </figure>
  );
}

function optionsOf(
  into: HTMLElement,
  { lines, format, least }: Pick<Props, 'lines' | 'format' | 'least'>,
): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const color = (name: string): string => style.getPropertyValue(`--${name}`).trim();
  const font = `11px ${getComputedStyle(into).fontFamily}`;
  const axis = { stroke: color('ink-2'), font, ticks: { show: false }, gap: 4 };
  const grid = { stroke: color('line'), width: 1 };
  return {
    width: Math.max(120, into.clientWidth),
    height: HEIGHT,
    padding: [6, 4, 0, 0],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: (_plot, _min, max) => [(max ?? SPAN_S) - SPAN_S, max ?? SPAN_S] },
      y: { range: (_plot, _min, max) => [0, Math.max(least, (max ?? 0) * 1.08)] },
    },
    axes: [
      { ...axis, grid: { show: false }, size: 20, space: 50, incrs: [60, 120], values: (_plot, at) => at.map(clockOf) },
      { ...axis, grid, size: 52, space: 32, values: (_plot, values) => values.map(format) },
    ],
    series: [
      {},
      ...lines.map(({ label, color: name, fill = false }) => ({
        label,
        stroke: color(name),
        width: 1.5,
        points: { show: false },
        ...(fill ? { fill: `${color(name)}22` } : {}),
      })),
    ],
  };
}

const clockOf = (at: number): string => new Date(at * 1000).toTimeString().slice(0, 5);
