// Owns what a soak must prove: memory that is flat, sockets and requests that all came back, and no wrong answer. Pure.

/** What is held at one moment. */
export interface Rest {
  readonly rssBytes: number;
  readonly heapBytes: number;
  /** Open sockets of the process. */
  readonly sockets: number;
  readonly inFlight: number;
  /** Open client connections. */
  readonly clients: number;
}

export interface Sample extends Rest {
  readonly atSeconds: number;
}

export interface Evidence {
  readonly workers: number;
  readonly samples: readonly Sample[];
  readonly atStart: Rest;
  readonly atEnd: Rest;
  readonly counts: ReadonlyMap<string, number>;
  readonly reloaded: number;
  readonly applied: number;
  readonly refused: number;
  readonly killed: number;
}

export interface Verdict {
  readonly problems: readonly string[];
  /** For people. */
  readonly report: string;
}

/**
 * What resident memory may grow by, fitted over the second half: 0.25 MiB a minute, and 16 MiB once. In a short run the
 * garbage collector of each thread still finds its size, so that little more than a gross leak shows there.
 */
const GROWTH_PER_MINUTE = 0.25;
const GROWTH_ONCE = 16;
const SHORT_MINUTES = 5;
/** What V8 may take for young objects alone, for each worker. */
const YOUNG_MIB = 48;
/** The status is asked for over a connection that is counted too; a health probe may run at the moment of the look. */
const SOCKET_SLACK = 4;

export function judge(evidence: Evidence): Verdict {
  const { workers, samples, atStart, atEnd, counts, reloaded, applied, refused, killed } = evidence;
  const problems: string[] = [];
  const half = samples.slice(samples.length >> 1);
  const minutes = half.length < 2 ? 0 : (half[half.length - 1].atSeconds - half[0].atSeconds) / 60;
  const slope = slopePerMinute(half.map(({ atSeconds, rssBytes }) => [atSeconds / 60, rssBytes / 1024 / 1024]));
  const once = GROWTH_ONCE + (minutes < SHORT_MINUTES ? YOUNG_MIB * workers : 0);
  const allowed = GROWTH_PER_MINUTE + once / Math.max(minutes, 1 / 60);
  if (slope > allowed) problems.push(`memory grows by ${slope.toFixed(2)} MiB a minute, allowed ${allowed.toFixed(2)}`);
  if (atEnd.inFlight !== 0) problems.push(`${atEnd.inFlight} requests are still counted in flight`);
  if (atEnd.clients !== 0) problems.push(`${atEnd.clients} client connections are still open`);
  if (atEnd.sockets > atStart.sockets + SOCKET_SLACK)
    problems.push(`${atEnd.sockets} sockets at the end, ${atStart.sockets} at the start`);
  for (const [what, times] of counts) {
    if (what.includes('WRONG')) problems.push(`${what}, ${times} times`);
    // A GET may be tried elsewhere, so that a backend that dies is never seen.
    if (what.startsWith('get ') && what !== 'get 200') problems.push(`${what}, ${times} times: a GET was not answered`);
  }
  for (const client of [
    'get 200',
    'upload 200',
    'chunked-upload 200',
    'chunked 200',
    'slow-reader 200',
    'websocket echoed',
  ])
    if (!counts.has(client)) problems.push(`"${client}" never happened`);
  if (refused > 0) problems.push(`${refused} reloads were refused`);
  const memory = samples.map(({ rssBytes }) => rssBytes / 1024 / 1024);
  const lines = [
    `memory ${memory[0]?.toFixed(0)} → ${memory.at(-1)?.toFixed(0)} MiB, at most ${Math.max(...memory).toFixed(0)}; second half (${minutes.toFixed(1)} min): ${slope.toFixed(2)} MiB a minute, allowed ${allowed.toFixed(2)}`,
    `sockets ${atStart.sockets} at the start, at most ${Math.max(...samples.map(({ sockets }) => sockets))}, ${atEnd.sockets} at the end`,
    `in flight at most ${Math.max(...samples.map(({ inFlight }) => inFlight))}, ${atEnd.inFlight} at the end`,
    `${reloaded} reloads asked for, ${applied} applied; ${killed} backends killed and revived`,
    ...[...counts].map(([what, times]) => `${what}: ${times}`).sort((a, b) => a.localeCompare(b)),
  ];
  return { problems, report: lines.join('\n') };
}

/** Least squares. */
export function slopePerMinute(points: readonly (readonly [x: number, y: number])[]): number {
  if (points.length < 2) return 0;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const x = mean(points.map(([at]) => at));
  const y = mean(points.map(([, value]) => value));
  const covariance = points.reduce((sum, [at, value]) => sum + (at - x) * (value - y), 0);
  const variance = points.reduce((sum, [at]) => sum + (at - x) ** 2, 0);
  return variance === 0 ? 0 : covariance / variance;
}
