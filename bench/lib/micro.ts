// Owns timing one function inside this process: warm, then the median of rounds, in ns a call.

const ROUND_MS = 15;
const ROUNDS = 7;

/** `run` makes that many calls. */
export function nsPerCall(run: (times: number) => void): number {
  let times = 200;
  for (let ms = 0; ms < ROUND_MS; times *= 2) ms = timed(run, times);
  const rounds = Array.from({ length: ROUNDS }, () => (timed(run, times) / times) * 1e6).sort((a, b) => a - b);
  return rounds[ROUNDS >> 1];
}

function timed(run: (times: number) => void, times: number): number {
  const start = performance.now();
  run(times);
  return performance.now() - start;
}

/** For a microbench that is run by itself: its rows for people, or with `--json` for machines. */
export function printRows<R>(rows: readonly R[], line: (row: R) => string): void {
  if (process.argv.includes('--json')) console.log(JSON.stringify(rows));
  else for (const row of rows) console.log(line(row));
}
