// Owns a whole data plane with one UDP listener in one test. At the end of every test it checks that nothing leaked: no
// flow, no lease.

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { compile } from '../config/compile.ts';
import { Counters, L } from '../core/counters.ts';
import type { ErrorCode } from '../core/error.ts';
import { KeyedTable } from '../core/keyed-table.ts';
import { LoadTable, STATE } from '../core/load-table.ts';
import { RateTable } from '../limits/rate-table.ts';
import { DataPlane } from '../runtime/data-plane.ts';
import { realEnv } from '../runtime/real-env.ts';
import type { Blueprint } from '../runtime/snapshot.ts';
import { NO_TLS } from '../runtime/tls-keeper.ts';
import type { FlowRecord } from '../udp/context.ts';
import { eventually } from './scenario.ts';
import { UdpPeer } from './udp-peer.ts';

export interface RelayOptions {
  /** Ports on 127.0.0.1, peers, or addresses. */
  readonly endpoints: readonly (UdpPeer | number | string)[];
  readonly bind?: string;
  /** Merged into the listener and the pool, in the form of a configuration file. */
  readonly flow?: Readonly<Record<string, unknown>>;
  readonly listener?: Readonly<Record<string, unknown>>;
  readonly pool?: Readonly<Record<string, unknown>>;
}

type Change = Partial<RelayOptions>;

export interface Relay {
  readonly port: number;
  readonly plane: DataPlane;
  readonly load: LoadTable;
  readonly counters: Counters;
  /** What the access log was told. */
  readonly log: FlowRecord[];
  /** A client of its own port. */
  client(host?: string): Promise<UdpPeer>;
  inFlight(): number;
  /** Flows open now, by the counters. */
  open(): number;
  errors(code: ErrorCode): number;
  /** The health verdict of the n-th endpoint. */
  setState(endpoint: number, state: number): void;
  /** Puts a changed configuration into effect, as a reload does. */
  reload(change: Change): Promise<void>;
}

export async function startRelay(t: TestContext, options: RelayOptions): Promise<Relay> {
  const load = LoadTable.local(1024);
  const counters = Counters.local(1024);
  const log: FlowRecord[] = [];
  const slots = new Map<string, number>();
  const first = blueprint(options, 1, slots);
  const plane = new DataPlane({
    env: { ...realEnv(), load },
    counters,
    counts: KeyedTable.local(),
    pins: KeyedTable.local(),
    rates: RateTable.local(),
    idPrefix: 'x',
    worker: 0,
    workers: 1,
    shared: false,
    onSignal() {},
    openLog: () => ({ write: (record) => log.push(record as FlowRecord), reopen() {}, close() {} }),
  });
  let version = 1;
  const apply = async (next: Blueprint): Promise<void> => {
    for (const { slot } of next.pools[0].endpoints)
      if (load.state[slot] === 0) load.state[slot] = STATE.used | STATE.up;
    const prepared = await plane.prepare(next);
    assert.ok(prepared.ok, prepared.ok ? '' : prepared.error);
    plane.commit();
    load.poolVersion[0]++;
  };
  await apply(first);
  const inFlight = (): number => load.inFlight.reduce((sum, count) => sum + count, 0);
  t.after(() => {
    try {
      assert.equal(inFlight(), plane.open().streams, 'every flow holds one lease');
    } finally {
      plane.drain();
      plane.cut();
    }
    assert.equal(inFlight(), 0, 'every lease is settled');
    assert.ok(
      load.own.every((count) => count === 0),
      'no lease was settled twice',
    );
    assert.equal(counters.readListener(0, L.open), 0);
  });
  return {
    port: plane.port('game'),
    plane,
    load,
    counters,
    log,
    inFlight,
    client: (host) => UdpPeer.open(t, host),
    open: () => counters.readListener(0, L.open),
    errors: (code) => counters.readError(0, code),
    setState(endpoint, state) {
      load.state[endpoint] = state;
      load.poolVersion[0]++;
    },
    reload: (change) => apply(blueprint({ ...options, ...change }, ++version, slots)),
  };
}

function blueprint(options: RelayOptions, version: number, slots: Map<string, number>): Blueprint {
  const endpoints = options.endpoints.map((endpoint) => {
    if (typeof endpoint === 'string') return endpoint;
    if (typeof endpoint === 'number') return `127.0.0.1:${endpoint}`;
    return endpoint.host.includes(':') ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
  });
  const compiled = compile({
    listeners: {
      game: {
        bind: options.bind ?? '127.0.0.1:0',
        protocol: 'udp',
        pool: 'b',
        flow: options.flow,
        ...options.listener,
      },
    },
    pools: { b: { endpoints, ...options.pool } },
  });
  if (!compiled.ok) assert.fail(JSON.stringify(compiled.error));
  const config = compiled.value;
  const placed = config.pools.b.endpoints.map((endpoint, i) => {
    const id = `b/${endpoints[i]}`;
    if (!slots.has(id)) slots.set(id, slots.size);
    return { ...endpoint, id, slot: slots.get(id)! };
  });
  const pools = [{ name: 'b', slot: 0, endpoints: placed }];
  return {
    version,
    config,
    pools,
    listenerSlots: { game: 0 },
    variantSlots: {},
    sockets: {},
    kernel: [],
    dns: undefined,
    geo: [],
    tls: NO_TLS,
    sites: { name: '@sites', slot: 1, endpoints: [] },
    affinityKeys: {},
    kindsFile: '',
  };
}

export { eventually };
