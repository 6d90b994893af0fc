// Owns how `evenkeel top` looks: the newest numbers in, lines out. Pure.

import { styleText } from 'node:util';
import type { Tick } from '../../admin/tick-rows.ts';
import type { HealthChange, Status } from '../../runtime/facade.ts';

type Style = Parameters<typeof styleText>[0];

export interface EndpointRow {
  readonly id: string;
  readonly state: string;
  readonly weight: number;
  readonly inFlight: number;
  readonly streams: number;
  readonly rate: number;
  readonly errors: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly share: number;
}

export interface TopModel {
  readonly status: Status;
  readonly tick: Tick | undefined;
  readonly endpoints: ReadonlyMap<string, EndpointRow>;
  /** Newest first. */
  readonly changes: readonly HealthChange[];
  /** Why there is nothing new; '' while there is. */
  readonly problem: string;
  readonly isColoured: boolean;
  readonly columns: number;
  readonly rows: number;
}

export function rowOf(cells: readonly (string | number | null)[]): EndpointRow {
  const [id, state, weight, inFlight, streams, rate, errors, p50, p95, share] = cells as [
    string,
    string,
    number,
    number,
    number,
    number,
    number,
    number | null,
    number | null,
    number,
  ];
  return { id, state, weight, inFlight, streams, rate, errors, p50, p95, share };
}

const COLOURS: Readonly<Record<string, Style>> = {
  up: 'green',
  trial: 'yellow',
  checking: 'yellow',
  draining: 'cyan',
  maintenance: 'cyan',
  down: 'red',
  ejected: 'red',
};
/** So many times the median of its pool, and it is marked. */
const SLOW = 2;
const MOST_CHANGES = 6;

export function topLines(model: TopModel): string[] {
  const paint = (style: Style, text: string): string => (model.isColoured ? styleText(style, text) : text);
  const { status, tick, problem } = model;
  const lines = [headLine(status, tick, problem, paint), ''];
  for (const [name, rate, errors, open] of tick?.listeners ?? [])
    lines.push(`listener ${String(name).padEnd(20)} ${number(rate)}/s  ${percent(errors)} 5xx  ${open} open`);
  const changes = changeLines(model, paint);
  const room = Math.max(4, model.rows - lines.length - changes.length - 1);
  const pools = (tick?.pools ?? []).flatMap((pool) => poolLines(pool, model, paint));
  const shown = pools.slice(0, room);
  if (pools.length > shown.length)
    shown[shown.length - 1] = paint('dim', `… ${pools.length - shown.length + 1} lines more`);
  return [...lines, ...shown, ...changes].map((line) => cut(line, model.columns));
}

type Paint = (style: Style, text: string) => string;

function headLine(status: Status, tick: Tick | undefined, problem: string, paint: Paint): string {
  if (problem !== '') return paint('red', problem);
  const age = tick === undefined ? 'waiting for the first numbers' : new Date(tick.at).toISOString().slice(11, 19);
  const { version, configVersion, workers, runtime } = status;
  const unsaved = runtime.saved ? '' : paint('yellow', `  ${runtime.changes.length} changes not saved`);
  return `${paint('bold', 'evenkeel')} ${version}  configuration ${configVersion}  ${workers.length} workers  ${age}${unsaved}`;
}

function poolLines(cells: Tick['pools'][number], { status, endpoints }: TopModel, paint: Paint): string[] {
  const [name, mode, rate, errors, inFlight, p50, p95, p99] = cells;
  const pool = status.pools.find((one) => one.name === name);
  const rows = (pool?.endpoints ?? []).flatMap(({ id }) => endpoints.get(id) ?? []);
  // The slowest first: that is what one looks for.
  rows.sort((a, b) => (b.p95 ?? -1) - (a.p95 ?? -1) || b.rate - a.rate);
  const usual = median(rows.flatMap(({ p50: one }) => one ?? []));
  const odd = mode === 'normal' ? '' : `  ${paint('yellow', String(mode))}`;
  const head = `${paint('bold', String(name))}  ${number(rate)}/s  ${percent(errors)} errors  ${inFlight} in flight  p50 ${ms(p50)}  p95 ${ms(p95)}  p99 ${ms(p99)}${odd}`;
  const width = Math.max(0, ...rows.map(({ id }) => id.length));
  return ['', head, ...rows.map((row) => endpointLine(row, width, usual, paint))];
}

function endpointLine(row: EndpointRow, width: number, usual: number | undefined, paint: Paint): string {
  const { id, state, weight, inFlight, streams, rate, errors, p50, p95, share } = row;
  const isSlow = usual !== undefined && usual > 0 && p50 !== null && p50 > usual * SLOW;
  const parts = [
    paint(COLOURS[state] ?? 'white', state.padEnd(11)),
    `${number(rate).padStart(7)}/s`,
    `${percent(share).padStart(4)} share`,
    errors > 0 ? paint('red', `${percent(errors).padStart(4)} errors`) : `${percent(errors).padStart(4)} errors`,
    `${String(inFlight).padStart(5)} in flight`,
    `p50 ${ms(p50).padStart(8)}`,
    `p95 ${ms(p95).padStart(8)}`,
    ...(weight === 1 ? [] : [`weight ${weight}`]),
    ...(streams === 0 ? [] : [`${streams} WebSockets`]),
    ...(isSlow ? [paint('yellow', 'slow')] : []),
  ];
  return `  ${id.padEnd(width)}  ${parts.join('  ')}`;
}

function changeLines({ changes }: TopModel, paint: Paint): string[] {
  const real = changes.filter(({ from, to }) => from !== to && from !== 'absent').slice(0, MOST_CHANGES);
  if (real.length === 0) return [];
  return [
    '',
    ...real.map(({ at, id, from, to, evidence }) =>
      paint('dim', `${new Date(at).toISOString().slice(11, 19)}  ${id}  ${from} → ${to}  ${evidence}`),
    ),
  ];
}

function median(values: number[]): number | undefined {
  values.sort((a, b) => a - b);
  return values.length < 2 ? undefined : values[Math.floor((values.length - 1) / 2)];
}

const number = (value: unknown): string => {
  const n = Number(value);
  return n >= 10_000 ? `${(n / 1000).toFixed(1)}k` : n >= 100 ? String(Math.round(n)) : String(Math.round(n * 10) / 10);
};
const percent = (value: unknown): string => `${Math.round(Number(value) * 100)} %`;
const ms = (value: unknown): string => (value === null || value === undefined ? '-' : `${Number(value).toFixed(1)} ms`);

/** Colours take no room. */
function cut(line: string, columns: number): string {
  if (columns <= 0) return line;
  let shown = 0;
  let out = '';
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    if (part.startsWith('\u001b')) out += part;
    else {
      out += part.slice(0, Math.max(0, columns - shown));
      shown += part.length;
    }
  }
  return out;
}
