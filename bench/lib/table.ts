// Owns how results are shown: Markdown tables, the same in the terminal and in README.md, between its two markers.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Machine, NatResult, Sample, ScenarioResult, SubjectResult } from './results.ts';
import { ratios, type Spread, spread } from './stats.ts';

const README = fileURLToPath(new URL('../../README.md', import.meta.url));
const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

type Row = readonly string[];

export function tableOf(result: ScenarioResult): string {
  const { title, note } = result;
  const rows = result.subjects
    ? comparisonRows(result.subjects)
    : result.memory
      ? memoryRows(result.memory)
      : result.nat
        ? natRows(result.nat)
        : microRows(result.micro ?? []);
  return `**${title}** (${note})\n\n${aligned(rows)}\n`;
}

export function summaryOf(results: readonly ScenarioResult[]): string {
  const machines = new Map(results.map((result) => [machineLine(result.machine), result.machine]));
  const notes = [...machines.keys()].map((line) => `- ${line}`).join('\n');
  const intro =
    'CPU is the time of the balancer process per request, user + system, median over the rounds. "Evenkeel ÷" is the first ' +
    'row divided by this one, made within each round: below 1 the first row is cheaper (CPU), above 1 it is faster ' +
    '(requests/s); in parentheses the lowest and the highest round.';
  return `${intro}\n\n${results.map(tableOf).join('\n')}\nMeasured by \`npm run bench\` (see [bench](bench/README.md)) on:\n\n${notes}\n`;
}

/** Puts the tables into README.md. False when it has no place for them. */
export function writeReadme(summary: string): boolean {
  if (!existsSync(README)) return false;
  const text = readFileSync(README, 'utf8');
  const from = text.indexOf(BEGIN);
  const to = text.indexOf(END);
  if (from < 0 || to < from) return false;
  writeFileSync(README, `${text.slice(0, from + BEGIN.length)}\n${summary}${text.slice(to)}`);
  return true;
}

function comparisonRows(subjects: readonly SubjectResult[]): Row[] {
  const head = [
    '',
    'CPU µs/request (user + system)',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'Evenkeel ÷ CPU',
    'Evenkeel ÷ requests/s',
  ];
  const reference = subjects[0].rounds;
  const rows = subjects.map(({ name, missing, rounds }, index) => {
    if (rounds.length === 0) return [name, missing ?? 'not measured', '', '', '', '', ''];
    const cpu = (sample: Sample): number => sample.userUs + sample.systemUs;
    const rate = (sample: Sample): number => sample.requests / sample.seconds;
    const median = (figure: (sample: Sample) => number): number => spread(rounds.map(figure)).median;
    const compared = (figure: (sample: Sample) => number): string =>
      index === 0 || reference.length === 0 ? '' : ratioText(ratios(reference.map(figure), rounds.map(figure)));
    const errors = rounds.reduce((sum, sample) => sum + sample.errors, 0);
    const parts = `${amount(median((s) => s.userUs))} + ${amount(median((s) => s.systemUs))}`;
    return [
      errors > 0 ? `${name} (${errors} errors!)` : name,
      `**${amount(median(cpu))}** (${parts})`,
      Math.round(median(rate)).toLocaleString('en-US'),
      (median((s) => s.p50Us) / 1000).toFixed(2),
      (median((s) => s.p99Us) / 1000).toFixed(2),
      compared(cpu),
      compared(rate),
    ];
  });
  return [head, ...rows];
}

function memoryRows(memory: NonNullable<ScenarioResult['memory']>): Row[] {
  const [reference] = memory;
  const rows = memory.map(({ name, missing, bytes }, index) => {
    if (bytes.length === 0) return [name, missing ?? 'not measured', ''];
    const { median, min, max } = spread(bytes.map((value) => value / 1024));
    const against = index === 0 || reference.bytes.length === 0 ? '' : ratioText(ratios(reference.bytes, bytes));
    return [name, `**${median.toFixed(1)}** (${min.toFixed(1)}–${max.toFixed(1)})`, against];
  });
  return [['', 'KiB per connection', 'Evenkeel ÷'], ...rows];
}

function natRows(ways: readonly NatResult[]): Row[] {
  const head = [
    '',
    'process CPU µs/connection',
    'machine CPU µs/connection',
    'connections/s',
    'Gbit/s, one stream',
    'Evenkeel ÷ process CPU',
    'Evenkeel ÷ machine CPU',
    'Evenkeel ÷ Gbit/s',
  ];
  const [reference] = ways;
  const rows = ways.map(({ name, rounds }, index) => {
    if (rounds.length === 0) return [name, 'not measured', '', '', '', '', '', ''];
    const cpu = (one: NatResult): number[] => one.rounds.map(({ cpuUs, connections }) => cpuUs / connections);
    const machine = (one: NatResult): number[] => one.rounds.map((sample) => sample.machineUs / sample.connections);
    const bulk = (one: NatResult): number[] => one.rounds.map(({ gbits }) => gbits);
    const rate = spread(rounds.map(({ connections, seconds }) => connections / seconds)).median;
    const against = (figure: (one: NatResult) => number[]): string =>
      index === 0 || figure(ways[index]).every((value) => value === 0)
        ? ''
        : ratioText(ratios(figure(reference), figure(ways[index])));
    const errors = rounds.reduce((sum, sample) => sum + sample.errors, 0);
    const ownCpu = spread(cpu(ways[index])).median;
    return [
      errors > 0 ? `${name} (${errors} errors!)` : name,
      ownCpu === 0 ? '' : `**${ownCpu.toFixed(2)}**`,
      amount(spread(machine(ways[index])).median),
      Math.round(rate).toLocaleString('en-US'),
      spread(bulk(ways[index])).median.toFixed(1),
      against(cpu),
      against(machine),
      against(bulk),
    ];
  });
  return [head, ...rows];
}

function microRows(micro: NonNullable<ScenarioResult['micro']>): Row[] {
  const columns = [...new Set(micro.flatMap(({ ns }) => Object.keys(ns)))];
  const rows = micro.map(({ name, ns }) => [name, ...columns.map((column) => ns[column]?.toFixed(0) ?? '')]);
  return [['', ...columns], ...rows];
}

function machineLine({ cpu, cores, kernel, loadAverage, versions, date }: Machine): string {
  const { evenkeel, commit, ...others } = versions;
  const list = Object.entries(others).map(([name, version]) => `${name} ${version}`);
  const load = `load average before the run ${loadAverage.join(', ')}`;
  return `${date.slice(0, 10)}: ${cpu}, ${cores} cores, Linux ${kernel}, ${load}; evenkeel ${evenkeel} (${commit}), ${list.join(', ')}`;
}

const amount = (micros: number): string => (micros >= 100 ? micros.toFixed(0) : micros.toFixed(1));
const ratioText = ({ median, min, max }: Spread): string =>
  `**${median.toFixed(2)}** (${min.toFixed(2)}–${max.toFixed(2)})`;

function aligned(rows: readonly Row[]): string {
  const widths = rows[0].map((_, column) => Math.max(3, ...rows.map((row) => row[column].length)));
  const line = (row: Row): string =>
    `| ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join(' | ')} |`;
  const rule = `|${widths.map((width, i) => (i === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(rows[0]), rule, ...rows.slice(1).map(line)].join('\n');
}
