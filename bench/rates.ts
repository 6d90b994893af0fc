// Owns the micro-benchmark of rate limits: ns to count a request against its key, with few keys and with a million that take turns,
// and how many of those the table has forgotten. `--json` prints rows for a machine.

import { fileURLToPath } from 'node:url';
import { RateTable } from '../src/limits/rate-table.ts';
import { RATE_ENTRIES } from '../src/runtime/shared-memory.ts';
import { nsPerCall, printRows } from './lib/micro.ts';

export interface RateRow {
  readonly keys: number;
  readonly ns: number;
  /** Of the keys, after each was asked for twice. */
  readonly forgotten: number;
  /** Of the table, filled. */
  readonly mib: number;
}

const RATE = { limit: 100, periodMs: 60_000, burst: 100 };

export function benchRates(): readonly RateRow[] {
  return [1000, 1_000_000].map((keys) => measure(keys));
}

function measure(count: number): RateRow {
  const bytes = RateTable.byteLength(RATE_ENTRIES);
  const table = new RateTable(new SharedArrayBuffer(bytes), RATE_ENTRIES);
  const keys = Array.from({ length: count }, (_, i) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`);
  for (const key of keys) table.take(7, key, RATE, 1e6);
  let forgotten = 0;
  for (const key of keys) if (table.take(7, key, RATE, 1e6).remaining !== RATE.burst - 2) forgotten++;
  let turn = 0;
  const ns = nsPerCall((times) => {
    for (let i = 0; i < times; i++) {
      turn = (turn + 7919) % count;
      table.take(7, keys[turn], RATE, 1e6 + i / 1000);
    }
  });
  return { keys: count, ns, forgotten, mib: bytes / 1024 / 1024 };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printRows(
    benchRates(),
    ({ keys, ns, forgotten, mib }) =>
      `${keys.toLocaleString('en-US').padStart(9)} keys ${ns.toFixed(0).padStart(5)} ns, ${forgotten} forgotten, table of ${mib} MiB`,
  );
}
