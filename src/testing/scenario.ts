// Owns a whole data plane in one test: compiled configuration, one listener on a free port, one pool of given endpoints.
// At the end of every test it checks that nothing leaked: no lease, no connection, on either side.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { TestContext } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { compile } from '../config/compile.ts';
import { Counters } from '../core/counters.ts';
import { KeyedTable } from '../core/keyed-table.ts';
import { LoadTable, STATE } from '../core/load-table.ts';
import type { SpanRecord } from '../core/tracer.ts';
import type { RequestRecord } from '../http/context.ts';
import { RateTable } from '../limits/rate-table.ts';
import { DataPlane } from '../runtime/data-plane.ts';
import { realEnv } from '../runtime/real-env.ts';
import type { Blueprint } from '../runtime/snapshot.ts';
import { TlsKeeper } from '../runtime/tls-keeper.ts';
import { variantKeys } from '../runtime/variant-slots.ts';
import type { FakeUpstream } from './fake-upstream.ts';
import { RawClient } from './raw-client.ts';

export interface ProxyOptions {
  /** Fake upstreams are checked for leaks; ports and addresses are taken as they are. */
  readonly endpoints: readonly (FakeUpstream | number | string)[];
  /** Merged into the listener and the pool, in the form of a configuration file. */
  readonly listener?: Readonly<Record<string, unknown>>;
  readonly pool?: Readonly<Record<string, unknown>>;
  readonly config?: Readonly<Record<string, unknown>>;
  /** Beside the one pool, by name. */
  readonly more?: Readonly<Record<string, readonly FakeUpstream[]>>;
  /** Reads the certificates of every configuration; one of its own when absent. */
  readonly certificates?: TlsKeeper;
  /** A file that brings filters along, and their names. */
  readonly code?: { readonly file: string; readonly filters: readonly string[] };
  /** False forces the portable accept path. */
  readonly adopt?: boolean;
}

export interface Notice {
  readonly text: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Proxy {
  readonly port: number;
  readonly plane: DataPlane;
  readonly load: LoadTable;
  readonly counters: Counters;
  /** What the log of the process was told. */
  readonly notices: Notice[];
  /** Which session uses which endpoint. */
  readonly pins: KeyedTable;
  /** What the access log was told. */
  readonly log: RequestRecord[];
  /** What the trace was told, where there is `tracing`. */
  readonly spans: SpanRecord[];
  /** Closed at the end of the test. */
  connect(host?: string): Promise<RawClient>;
  /** Connects and is reset without a byte: perhaps before it knows that it is connected. */
  refused(): Promise<void>;
  /** Requests running upstream. */
  inFlight(): number;
  /** Puts a changed configuration into effect, as a reload does. */
  reload(change: Pick<ProxyOptions, 'listener' | 'pool'>): Promise<void>;
}

export async function startProxy(t: TestContext, options: ProxyOptions): Promise<Proxy> {
  const load = LoadTable.local(1024);
  const counters = Counters.local(1024);
  const pins = KeyedTable.local();
  const log: RequestRecord[] = [];
  const notices: Notice[] = [];
  const spans: SpanRecord[] = [];
  const clients: RawClient[] = [];
  const certificates =
    options.certificates ?? new TlsKeeper({ clock: realEnv().clock, folder: '.', onChange() {}, onProblem() {} });
  const blueprintOf = (parts: Pick<ProxyOptions, 'listener' | 'pool'>, version: number): Promise<Blueprint> =>
    blueprint({ ...options, ...parts }, version, certificates);
  const first = await blueprintOf(options, 1);
  for (const { slot } of first.pools.flatMap(({ endpoints }) => endpoints)) load.state[slot] = STATE.used | STATE.up;
  const plane = new DataPlane({
    env: { ...realEnv(), load },
    counters,
    counts: KeyedTable.local(),
    rates: RateTable.local(),
    pins,
    idPrefix: 'x',
    worker: 0,
    workers: 1,
    shared: false,
    adopt: options.adopt ?? true,
    onSignal() {},
    onNotice: (text, fields = {}) => notices.push({ text, fields }),
    spans: { add: (span) => spans.push(span), flush() {} },
    openLog: () => ({ write: (record) => log.push({ ...(record as RequestRecord) }), reopen() {}, close() {} }),
  });
  let version = 1;
  const apply = async (next: Blueprint): Promise<void> => {
    const prepared = await plane.prepare(next);
    assert.ok(prepared.ok, prepared.ok ? '' : prepared.error);
    plane.commit();
  };
  await apply(first);
  const inFlight = (): number => load.inFlight.reduce((sum, count) => sum + count, 0);
  const upstreams = [
    ...options.endpoints.filter((endpoint) => typeof endpoint === 'object'),
    ...Object.values(options.more ?? {}).flat(),
  ];
  for (const upstream of upstreams) upstream.kept = true;
  t.after(async () => {
    try {
      for (const client of clients) client.socket.destroy();
      await eventually(() => inFlight() === 0, 'every lease is settled');
      await eventually(() => plane.open().requests + plane.open().streams === 0, 'no request and no stream is left');
      plane.drain();
      plane.cut();
      await eventually(() => upstreams.every(({ open }) => open === 0), 'no upstream connection is left');
      assert.ok(
        load.own.every((count) => count === 0),
        'no lease was settled twice',
      );
      for (const { errors } of upstreams) if (errors.length > 0) throw errors[0];
    } finally {
      plane.drain();
      plane.cut();
      for (const upstream of upstreams) upstream.close();
    }
  });
  return {
    port: plane.port('web'),
    plane,
    load,
    counters,
    pins,
    notices,
    log,
    spans,
    inFlight,
    async connect(host) {
      const client = await RawClient.connect(plane.port('web'), host);
      clients.push(client);
      return client;
    },
    async refused() {
      const socket = connect(plane.port('web'), '127.0.0.1').resume();
      await assert.rejects(once(socket, 'close'), /ECONNRESET/);
      assert.equal(socket.bytesRead, 0);
    },
    reload: async (change) => apply(await blueprintOf(change, ++version)),
  };
}

async function blueprint(options: ProxyOptions, version: number, certificates: TlsKeeper): Promise<Blueprint> {
  const endpoints = options.endpoints.map((endpoint) => {
    if (typeof endpoint === 'string') return endpoint;
    return `127.0.0.1:${typeof endpoint === 'number' ? endpoint : endpoint.port}`;
  });
  const more = Object.fromEntries(
    Object.entries(options.more ?? {}).map(([name, list]) => [
      name,
      { endpoints: list.map(({ port }) => `127.0.0.1:${port}`), passive: 'off' },
    ]),
  );
  const compiled = compile(
    {
      ...options.config,
      listeners: { web: { bind: '127.0.0.1:0', pool: 'b', ...options.listener } },
      pools: { b: { endpoints, ...options.pool }, ...more },
    },
    [],
    options.code?.filters,
  );
  if (!compiled.ok) assert.fail(JSON.stringify(compiled.error));
  const config = compiled.value;
  const tls = await certificates.prepare(config);
  if (!tls.ok) assert.fail(JSON.stringify(tls.error));
  let next = 0;
  const pools = Object.values(config.pools).map(({ name, endpoints: list }, slot) => ({
    name,
    // 1 is for sites.
    slot: slot === 0 ? 0 : slot + 1,
    endpoints: list.map((endpoint, i) => ({ ...endpoint, id: `${name}/${i}`, slot: next++ })),
  }));
  return {
    version,
    config,
    pools,
    listenerSlots: { web: 0 },
    variantSlots: Object.fromEntries(variantKeys(config).map((key, i) => [key, i])),
    sockets: {},
    kernel: [],
    dns: undefined,
    geo: [],
    tls: tls.value,
    sites: { name: '@sites', slot: 1, endpoints: [] },
    kindsFile: options.code?.file ?? '',
    affinityKeys: { b: compiled.value.pools.b.affinity?.secrets?.keys ?? [] },
  };
}

/** For effects that no connection shows, such as a counter after a disconnect. Looks often, gives up after 3 s. */
export async function eventually(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 600; i++) {
    if (await condition()) return;
    await wait(5);
  }
  assert.fail(`not reached: ${what}`);
}
