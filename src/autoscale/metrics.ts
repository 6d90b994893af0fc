// Owns reading how busy an instance is from what it says: the line of an agent (HAProxy's agent-check, with words of our own), a field
// of a JSON document, or Prometheus text. Text in, numbers out; asking is done elsewhere. What cannot be read is undefined, never 0.

export interface AgentReport {
  /** What it says of itself; undefined when nothing. */
  readonly state: 'up' | 'down' | 'ready' | 'drain' | 'maint' | undefined;
  /** Share of its configured weight, 0.75 for `75%`. */
  readonly weight: number | undefined;
  readonly maxConnections: number | undefined;
  /** Words `name=value` are ours: `cpu=63%` is 0.63. */
  readonly values: ReadonlyMap<string, number>;
  /** Behind `#`. */
  readonly description: string;
}

const MOST_LINE = 1024;
const MOST_WORDS = 32;
const STATES: Readonly<Record<string, AgentReport['state']>> = {
  up: 'up',
  down: 'down',
  fail: 'down',
  failed: 'down',
  stopped: 'down',
  ready: 'ready',
  drain: 'drain',
  maint: 'maint',
};
const VALUE = /^([a-z][a-z0-9_.-]{0,31})=(\d{1,12}(?:\.\d{1,9})?)(%?)$/;
/** `up` says nothing of what an administrator wants, and health is told beside that: the graver word holds. */
const GRAVITY = ['up', 'ready', 'drain', 'maint', 'down'];

/**
 * The first line only: words in any order between spaces, tabs or commas. Words that nobody knows are looked over, as they may be of a
 * later version. Undefined for what says nothing at all.
 */
export function parseAgentLine(text: string): AgentReport | undefined {
  const line = text.slice(0, MOST_LINE).split(/[\r\n]/, 1)[0];
  const sharp = line.indexOf('#');
  const description = sharp < 0 ? '' : printable(line.slice(sharp + 1));
  const words = (sharp < 0 ? line : line.slice(0, sharp)).toLowerCase().split(/[ \t,]+/, MOST_WORDS);
  let state: AgentReport['state'];
  let weight: number | undefined;
  let maxConnections: number | undefined;
  const values = new Map<string, number>();
  for (const word of words) {
    const known = Object.hasOwn(STATES, word) ? STATES[word] : undefined;
    if (known !== undefined && GRAVITY.indexOf(known) > GRAVITY.indexOf(state ?? '')) state = known;
    if (/^\d{1,5}%$/.test(word)) weight = Number.parseInt(word, 10) / 100;
    if (/^maxconn:\d{1,9}$/.test(word)) maxConnections = Number(word.slice(8));
    const value = VALUE.exec(word);
    if (value !== null) values.set(value[1], value[3] === '%' ? Number(value[2]) / 100 : Number(value[2]));
  }
  const isEmpty = state === undefined && weight === undefined && maxConnections === undefined && values.size === 0;
  return isEmpty ? undefined : { state, weight, maxConnections, values, description };
}

function printable(text: string): string {
  return text.trim().replace(/[^\x20-\x7e]/g, '?');
}

const MOST_PARTS = 16;

/** `load.cpu` in a parsed document; numbers in a path are places in a list. Percent as text (`"63%"`) is 0.63. */
export function jsonField(document: unknown, path: string): number | undefined {
  let node = document;
  for (const part of path.split('.', MOST_PARTS)) {
    if (typeof node !== 'object' || node === null || !Object.hasOwn(node, part)) return undefined;
    node = (node as Record<string, unknown>)[part];
  }
  if (typeof node === 'string') {
    const percent = /^(\d{1,12}(?:\.\d{1,9})?)%$/.exec(node);
    return percent === null ? undefined : Number(percent[1]) / 100;
  }
  return typeof node === 'number' && Number.isFinite(node) ? node : undefined;
}

/**
 * One number of many instances' that are judged by `target`. Those that say nothing are taken to stand in the way: at the target when
 * the others are below it, idle when they are above (as Kubernetes does). Undefined when nobody says anything.
 */
export function averageOf(values: readonly (number | undefined)[], target: number): number | undefined {
  const known = values.filter((value) => value !== undefined);
  if (known.length === 0) return undefined;
  const total = known.reduce((all, value) => all + value, 0);
  const average = total / known.length;
  const missing = values.length - known.length;
  if (missing === 0) return average;
  const careful = (total + missing * (average > target ? 0 : target)) / values.length;
  // Those who say nothing cannot turn the others' word round.
  return average > target ? Math.max(careful, target) : Math.min(careful, target);
}
