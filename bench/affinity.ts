// Owns the micro-benchmark of session persistence: ns to find the endpoint of a session, for every kind, warm, the median of several
// rounds; and of a cookie that is seen for the first time, whose seal has to be opened. `--json` prints rows for a machine.

import { fileURLToPath } from 'node:url';
import { type AffinityKind, type AffinityRequest, type HttpAffinity, Pin } from '../src/affinity/affinity.ts';
import { AFFINITIES } from '../src/affinity/index.ts';
import { PinTable } from '../src/affinity/pin-table.ts';
import { TOKEN_LENGTH, Tokens } from '../src/affinity/token.ts';
import { KeyedTable } from '../src/core/keyed-table.ts';
import { sealOf } from '../src/http/seal.ts';
import { affinityConfig, endpointsOf } from '../src/testing/affinity-world.ts';
import { nsPerCall, printRows } from './lib/micro.ts';

export interface AffinityRow {
  readonly kind: string;
  /** Sessions that take turns. */
  readonly sessions: number;
  /** Nanoseconds to find one, median over the rounds. */
  readonly ns: number;
}

const NOW = 1_700_000_000_000;
const clock = { now: () => 5_000_000, epoch: () => NOW, after: () => ({ cancel: () => {} }) };
const random = { u32: () => Math.floor(Math.random() * 2 ** 32), unit: () => Math.random() };
const endpoints = endpointsOf(Array.from({ length: 10 }, (_, i) => `p/10.0.0.${i}:80`));
const KEYS = ['a key for the benchmark, long enough'];
/** Shared with another worker, as it is with two. */
const SHAPE = { entries: 131_072, workers: 2 };

export function benchAffinity(): readonly AffinityRow[] {
  const rows = AFFINITIES.flatMap((kind) =>
    [1000, 4000].map((sessions) => ({ kind: kind.name, sessions, ns: measure(kind, sessions) })),
  );
  return [...rows, { kind: 'cookie, first sight', sessions: 50_000, ns: firstSight() }];
}

function build(kind: AffinityKind): HttpAffinity {
  const config = affinityConfig(kind);
  const table = new KeyedTable(new SharedArrayBuffer(KeyedTable.byteLength(SHAPE)), SHAPE, 0);
  const pins = new PinTable(table, 0, config, endpoints);
  const seal = config.secrets && sealOf(KEYS, 'p', config.name);
  const parts = { config, poolSlot: 0, endpoints, clock, random, table, pins, seal, store: undefined };
  return kind.build({ ...parts, serves: () => true, dateText: (ms) => new Date(ms).toUTCString() });
}

function measure(kind: AffinityKind, sessions: number): number {
  const affinity = build(kind);
  const requests = Array.from({ length: sessions }, (_, i): AffinityRequest => {
    const request = known(affinity, `s3ss10n-of-somebody-${i}`, endpoints[i % endpoints.length].id);
    affinity.find(request, new Pin());
    return request;
  });
  const pin = new Pin();
  let sink = 0;
  const ns = nsPerCall((times) => {
    for (let i = 0; i < times; i++) {
      pin.reset();
      affinity.find(requests[i % sessions], pin);
      sink += pin.slot;
    }
  });
  if (sink <= 0) throw new Error(`${kind.name} found nothing`);
  return ns;
}

/** A request of a session that the kind knows, in the company that cookies have. */
function known(affinity: HttpAffinity, name: string, endpoint: string): AffinityRequest {
  const common = '_ga=GA1.1.1234567890.1700000000; theme=dark; ';
  let own = `sid=${name}`;
  const request = (): AffinityRequest => {
    const fields: Readonly<Record<string, string>> = { cookie: `${common}${own}; lang=en`, 'x-user': name };
    return { client: name, query: `page=7&sid=${name}`, header: (field) => fields[field] };
  };
  const pin = new Pin();
  affinity.find(request(), pin);
  affinity.chosen(pin, endpoint);
  const answer = [`sid=${name}; Path=/`];
  affinity.answered?.(pin, endpoint, false, () => answer, {
    append: (_field, value) => {
      own = value.split(';')[0];
    },
    takeOff: () => undefined,
  });
  return request();
}

function firstSight(): number {
  const seal = sealOf(KEYS, 'p', 'SERVER');
  const tokens = new Tokens(seal, 3_600_000, 0, endpoints);
  const second = NOW / 1000;
  const all = Array.from({ length: 50_000 }, (_, i) => tokens.write(endpoints[i % 10].id, second, second, i));
  if (all[0].length !== TOKEN_LENGTH) throw new Error('unreachable');
  const pin = new Pin();
  let at = 0;
  let sink = 0;
  const ns = nsPerCall((times) => {
    for (let i = 0; i < times; i++) {
      // More than are kept, so that each is new again when its turn comes.
      at = at + 1 === all.length ? 0 : at + 1;
      tokens.read(all[at], second, pin);
      sink += pin.slot;
    }
  });
  if (sink < 0) throw new Error('unreachable');
  return ns;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  printRows(
    benchAffinity(),
    ({ kind, sessions, ns }) =>
      `${kind.padEnd(24)} ${String(sessions).padStart(6)} sessions ${ns.toFixed(0).padStart(6)} ns/find`,
  );
}
