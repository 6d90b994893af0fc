// Owns reading Prometheus text: samples by name and labels, and how busy a CPU was between two readings of it. Text in, numbers out.

export interface Sample {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly value: number;
}

const LINE = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+-?\d+)?[ \t]*$/;
const LABEL = /[ \t]*([a-zA-Z_][a-zA-Z0-9_]*)[ \t]*=[ \t]*"((?:[^"\\]|\\.)*)"[ \t]*(?:,|$)/y;
const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '\\': '\\', '"': '"' };
const MOST_TEXT = 8 * 1024 * 1024;
const MOST_LINE = 16 * 1024;

function labelsOf(text: string): Map<string, string> | undefined {
  const labels = new Map<string, string>();
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const match = LABEL.exec(text);
    if (match === null) return undefined;
    labels.set(
      match[1],
      match[2].replace(/\\(.)/g, (whole, char: string) => ESCAPES[char] ?? whole),
    );
  }
  return labels;
}

function numberOf(text: string): number | undefined {
  if (/^[+-]?inf$/i.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  if (/^nan$/i.test(text)) return Number.NaN;
  return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(text) ? Number(text) : undefined;
}

/** Samples of one name. Lines that are none, comments and other names are passed over. */
export function samplesOf(text: string, name: string): Sample[] {
  const samples: Sample[] = [];
  let at = 0;
  const end = Math.min(text.length, MOST_TEXT);
  while (at < end) {
    const next = text.indexOf('\n', at);
    const stop = next < 0 ? end : next;
    if (text.startsWith(name, at) && stop - at <= MOST_LINE) {
      const match = LINE.exec(text.slice(at, text[stop - 1] === '\r' ? stop - 1 : stop));
      const value = match === null ? undefined : numberOf(match[3]);
      const labels = match === null ? undefined : labelsOf(match[2] ?? '');
      if (match?.[1] === name && value !== undefined && labels !== undefined) samples.push({ name, labels, value });
    }
    at = stop + 1;
  }
  return samples;
}

/** The sum of a gauge's samples that have these labels; undefined when there is none, or one of them is no number. */
export function gauge(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
  const wanted = Object.entries(labels);
  const found = samplesOf(text, name).filter((one) => wanted.every(([key, value]) => one.labels.get(key) === value));
  if (found.length === 0) return undefined;
  const total = found.reduce((all, { value }) => all + value, 0);
  return Number.isFinite(total) ? total : undefined;
}

/** What is kept of one reading to compare the next with. */
export interface CpuReading {
  readonly atMs: number;
  readonly kind: 'node' | 'process';
  /** Seconds: of all CPUs that were idle, or that the process has used. */
  readonly seconds: number;
  /** `node`: how many CPUs; `process`: 1. */
  readonly cpus: number;
}

/** `node_cpu_seconds_total` (node_exporter) before `process_cpu_seconds_total` (most programs); undefined without either. */
export function cpuReading(text: string, atMs: number): CpuReading | undefined {
  const idle = samplesOf(text, 'node_cpu_seconds_total').filter(({ labels }) => labels.get('mode') === 'idle');
  const isNode = idle.length > 0;
  const seconds = isNode ? idle.reduce((all, { value }) => all + value, 0) : gauge(text, 'process_cpu_seconds_total');
  if (seconds === undefined || !Number.isFinite(seconds)) return undefined;
  return { atMs, kind: isNode ? 'node' : 'process', seconds, cpus: isNode ? idle.length : 1 };
}

/**
 * How busy between two readings: of a machine a share of all its CPUs, 0 to 1; of a process in cores, so that one of several threads may
 * be above 1. Undefined when they cannot be compared: a counter that went back was started anew.
 */
export function cpuBetween(before: CpuReading | undefined, now: CpuReading): number | undefined {
  if (before === undefined || before.kind !== now.kind || before.cpus !== now.cpus) return undefined;
  const elapsed = (now.atMs - before.atMs) / 1000;
  const spent = now.seconds - before.seconds;
  if (elapsed <= 0 || spent < 0) return undefined;
  if (now.kind === 'process') return spent / elapsed;
  return Math.min(1, Math.max(0, 1 - spent / elapsed / now.cpus));
}
