// Owns what the metrics say: reads the workers' counters and the health view, adds them up, and names them. Runs in the
// main thread and asks no worker anything.

import { type Counters, D, E, FILTER_EVENTS, L, LATENCY_BOUNDS_MS, P, W } from '../core/counters.ts';
import { ERROR_CODES } from '../core/error.ts';
import type { KeyedTable } from '../core/keyed-table.ts';
import type { BreakerReport } from '../health/breakers.ts';
import type { EndpointStatus } from '../health/status.ts';
import { GRPC_CODES } from '../http/grpc.ts';
import { PrometheusText } from '../observe/prometheus.ts';
import type { AcmeReport } from './acme-keeper.ts';
import { acmeMetrics } from './acme-metrics.ts';
import { listenerAddresses } from './addresses.ts';
import { affinityMetrics, storeMetrics } from './affinity-metrics.ts';
import type { AliasCounts } from './alias-keeper.ts';
import { clusterMetrics } from './cluster-metrics.ts';
import { discoveryMetrics } from './discovery-metrics.ts';
import { aliasMetrics, dnsMetrics, latencyMetrics } from './dns-metrics.ts';
import type { ClusterStatus, DiscoveryReport } from './facade.ts';
import type { ListenerPath } from './kernel-listeners.ts';
import type { LatencyCounts } from './latency-keeper.ts';
import type { OcspReport } from './ocsp-keeper.ts';
import { resilienceMetrics } from './resilience-metrics.ts';
import type { Blueprint } from './snapshot.ts';
import { type SplitReport, splitMetrics } from './split-metrics.ts';
import { type TlsReport, tlsMetrics } from './tls-metrics.ts';
import { traceMetrics } from './trace-metrics.ts';

export interface MetricsInput {
  readonly version: string;
  readonly blueprint: Blueprint;
  readonly counters: readonly Counters[];
  readonly endpoints: readonly EndpointStatus[];
  readonly modes: ReadonlyMap<string, string>;
  readonly breaker: (pool: string) => BreakerReport | undefined;
  readonly reloads: { readonly applied: number; readonly refused: number };
  readonly restarts: readonly number[];
  readonly startedAt: number;
  /** Of layer 4 listeners. */
  readonly pathOf: (listener: string) => ListenerPath | undefined;
  readonly kernelUpdates: { readonly applied: number; readonly failed: number };
  readonly aliases: AliasCounts;
  readonly latency: LatencyCounts;
  readonly tls: TlsReport;
  readonly ocsp: OcspReport;
  readonly acme: AcmeReport;
  /** Which session uses which endpoint. */
  readonly pins: KeyedTable;
  /** Monotonic ms. */
  readonly now: number;
  readonly splits: Omit<SplitReport, 'variantSlots'>;
  readonly discovery: readonly DiscoveryReport[];
  readonly epoch: number;
  readonly cluster: ClusterStatus | undefined;
}

export function sum(counters: readonly Counters[], read: (counters: Counters) => number): number {
  let total = 0;
  for (const one of counters) total += read(one);
  return total;
}

const CLASSES = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const STATES = ['checking', 'up', 'down', 'ejected', 'trial', 'draining', 'maintenance'] as const;

export function metricsText(input: MetricsInput): string {
  const text = new PrometheusText();
  text.family('evenkeel_build_info', 'gauge', 'Version of the running build.');
  text.sample('evenkeel_build_info', { version: input.version, node: process.version }, 1);
  text.family('evenkeel_start_time_seconds', 'gauge', 'When the process began to serve, in seconds since 1970.');
  text.sample('evenkeel_start_time_seconds', {}, input.startedAt / 1000);
  listeners(text, input);
  paths(text, input);
  pools(text, input);
  endpoints(text, input);
  resilienceMetrics(text, input);
  affinityMetrics(text, input.blueprint, input.counters, input.pins, input.now);
  storeMetrics(text, input.counters);
  if (input.blueprint.config.tracing !== undefined) traceMetrics(text, input.counters);
  if (input.blueprint.config.dns !== undefined) {
    dnsMetrics(text, input.counters);
    aliasMetrics(text, input.aliases);
    latencyMetrics(text, input.latency);
  }
  if (input.blueprint.config.acme !== undefined) acmeMetrics(text, input.acme);
  discoveryMetrics(text, input.discovery, input.epoch);
  splitMetrics(text, { ...input.splits, variantSlots: input.blueprint.variantSlots }, input.counters);
  if (input.cluster !== undefined) clusterMetrics(text, input.cluster);
  workers(text, input);
  return text.toString();
}

function listeners(text: PrometheusText, { blueprint, counters, tls, ocsp }: MetricsInput): void {
  const rows = listenerAddresses(blueprint.config).map(({ name }) => [name, blueprint.listenerSlots[name]] as const);
  const simple = (name: string, type: 'counter' | 'gauge', help: string, column: number): void => {
    text.family(name, type, help);
    for (const [listener, slot] of rows)
      text.sample(
        name,
        { listener },
        sum(counters, (c) => c.readListener(slot, column)),
      );
  };
  simple('evenkeel_connections_accepted_total', 'counter', 'Client connections accepted.', L.accepted);
  simple('evenkeel_connections_refused_total', 'counter', 'Client connections refused at the limit.', L.refused);
  simple('evenkeel_connections_open', 'gauge', 'Client connections open now.', L.open);
  simple('evenkeel_upgrades_open', 'gauge', 'Upgraded connections (WebSockets) open now.', L.openUpgrades);
  simple('evenkeel_upgrades_total', 'counter', 'Connections upgraded (WebSockets).', L.upgrades);
  simple('evenkeel_requests_total', 'counter', 'Requests begun.', L.requests);
  simple('evenkeel_http2_requests_total', 'counter', 'Those of them that came by HTTP/2.', L.h2Requests);
  simple('evenkeel_received_bytes_total', 'counter', 'Bytes received from clients.', L.bytesIn);
  simple('evenkeel_sent_bytes_total', 'counter', 'Bytes sent to clients.', L.bytesOut);
  text.family('evenkeel_responses_total', 'counter', 'Responses sent, by class of status.');
  for (const [listener, slot] of rows) {
    CLASSES.forEach((code, i) => {
      text.sample(
        'evenkeel_responses_total',
        { listener, code },
        sum(counters, (c) => c.readListener(slot, L.status1xx + i)),
      );
    });
  }
  text.family('evenkeel_grpc_responses_total', 'counter', 'gRPC calls that ended, by status.');
  for (const [listener, slot] of rows) {
    for (let status = 0; status < GRPC_CODES; status++) {
      const value = sum(counters, (c) => c.readListener(slot, L.grpcStatus + status));
      if (value > 0) text.sample('evenkeel_grpc_responses_total', { listener, status: String(status) }, value);
    }
  }
  text.family('evenkeel_websocket_messages_total', 'counter', 'Whole messages of WebSockets that passed.');
  for (const [listener, slot] of rows) {
    for (const [direction, column] of [['in', L.messagesIn] as const, ['out', L.messagesOut] as const]) {
      const value = sum(counters, (c) => c.readListener(slot, column));
      if (value > 0) text.sample('evenkeel_websocket_messages_total', { listener, direction }, value);
    }
  }
  text.family('evenkeel_filter_events_total', 'counter', 'What filters of HTTP listeners did.');
  for (const [listener, slot] of rows) {
    for (const event of FILTER_EVENTS) {
      const value = sum(counters, (c) => c.readEvent(slot, event));
      if (value > 0) text.sample('evenkeel_filter_events_total', { listener, event }, value);
    }
  }
  if (tls.expiries.size > 0) tlsMetrics(text, tls, ocsp, counters, rows);
  text.family('evenkeel_errors_total', 'counter', 'Requests that failed in or before the balancer, by cause.');
  for (const [listener, slot] of rows) {
    for (const cause of ERROR_CODES) {
      const value = sum(counters, (c) => c.readError(slot, cause));
      if (value > 0) text.sample('evenkeel_errors_total', { listener, cause }, value);
    }
  }
}

function paths(text: PrometheusText, { blueprint, pathOf, kernelUpdates }: MetricsInput): void {
  const rows = Object.keys(blueprint.config.listeners).flatMap((listener) => {
    const chosen = pathOf(listener)?.path;
    return chosen === undefined ? [] : [{ listener, chosen }];
  });
  if (rows.length === 0) return;
  text.family('evenkeel_listener_path', 'gauge', '1 for the path that packets of a layer 4 listener take.');
  for (const { listener, chosen } of rows)
    for (const path of ['kernel', 'proxy'])
      text.sample('evenkeel_listener_path', { listener, path }, chosen === path ? 1 : 0);
  text.family('evenkeel_kernel_updates_total', 'counter', 'Changes of the kernel NAT table, by result.');
  text.sample('evenkeel_kernel_updates_total', { result: 'applied' }, kernelUpdates.applied);
  text.sample('evenkeel_kernel_updates_total', { result: 'failed' }, kernelUpdates.failed);
}

function pools(text: PrometheusText, { blueprint, counters, modes }: MetricsInput): void {
  const simple = (name: string, help: string, column: number): void => {
    text.family(name, 'counter', help);
    for (const { name: pool, slot } of blueprint.pools)
      text.sample(
        name,
        { pool },
        sum(counters, (c) => c.readPool(slot, column)),
      );
  };
  simple('evenkeel_pool_requests_total', 'Requests routed to the pool.', P.requests);
  simple('evenkeel_pool_retries_total', 'Attempts after the first.', P.retries);
  simple('evenkeel_pool_retries_denied_total', 'Retries that the budget did not allow.', P.retriesDenied);
  simple('evenkeel_pool_queued_total', 'Requests that had to wait for an endpoint below its limit.', P.queued);
  text.family('evenkeel_pool_mode', 'gauge', '1 for the mode the pool is in.');
  for (const { name: pool } of blueprint.pools) {
    for (const mode of ['normal', 'fallback-tier', 'panic', 'empty']) {
      text.sample('evenkeel_pool_mode', { pool, mode }, modes.get(pool) === mode ? 1 : 0);
    }
  }
  const name = 'evenkeel_response_time_seconds';
  text.family(
    name,
    'histogram',
    'HTTP: from the end of the request head to the end of the response. TCP: until a server is connected. UDP: from a datagram to its answer.',
  );
  const bounds = LATENCY_BOUNDS_MS.map((ms) => ms / 1000);
  for (const { name: pool, slot } of blueprint.pools) {
    const counts = [...bounds, 0].map((_, i) => sum(counters, (c) => c.readPool(slot, P.buckets + i)));
    text.histogram(name, { pool }, bounds, counts, sum(counters, (c) => c.readPool(slot, P.durationMsSum)) / 1000);
  }
}

function endpoints(text: PrometheusText, { blueprint, counters, endpoints: statuses }: MetricsInput): void {
  const rows = blueprint.pools.flatMap((pool) =>
    pool.endpoints.map((endpoint) => ({
      slot: endpoint.slot,
      labels: { pool: pool.name, endpoint: endpoint.id.slice(pool.name.length + 1) },
    })),
  );
  const read = (slot: number, column: number): number => sum(counters, (c) => c.readEndpoint(slot, column));
  const simple = (name: string, help: string, column: number): void => {
    text.family(name, 'counter', help);
    for (const { slot, labels } of rows) text.sample(name, labels, read(slot, column));
  };
  simple('evenkeel_endpoint_requests_total', 'Attempts sent to the endpoint.', E.requests);
  simple('evenkeel_endpoint_connects_total', 'Connections opened to the endpoint.', E.connects);
  simple('evenkeel_endpoint_reuses_total', 'Requests sent on a kept connection.', E.reuses);
  simple('evenkeel_endpoint_cancelled_total', 'Attempts given up because the client went away.', E.cancelled);
  simple('evenkeel_endpoint_sent_bytes_total', 'Bytes sent to the endpoint.', E.bytesSent);
  simple('evenkeel_endpoint_received_bytes_total', 'Bytes received from the endpoint.', E.bytesReceived);
  simple('evenkeel_endpoint_sent_datagrams_total', 'Datagrams sent to the endpoint.', E.datagramsSent);
  simple('evenkeel_endpoint_received_datagrams_total', 'Datagrams received from the endpoint.', E.datagramsReceived);
  text.family('evenkeel_endpoint_responses_total', 'counter', 'Responses of the endpoint, by class of status.');
  for (const { slot, labels } of rows) {
    for (const [i, code] of CLASSES.entries()) {
      text.sample('evenkeel_endpoint_responses_total', { ...labels, code }, read(slot, E.status1xx + i));
    }
  }
  text.family('evenkeel_endpoint_failures_total', 'counter', 'Attempts that failed, by cause.');
  for (const { slot, labels } of rows) {
    for (const [cause, column] of Object.entries({
      connect: E.connectFailed,
      reset: E.reset,
      timeout: E.timeout,
      malformed: E.malformed,
    })) {
      text.sample('evenkeel_endpoint_failures_total', { ...labels, cause }, read(slot, column));
    }
  }
  const known = new Map(statuses.map((status) => [status.id, status]));
  const gauge = (name: string, help: string, value: (status: EndpointStatus) => number): void => {
    text.family(name, 'gauge', help);
    for (const { labels } of rows) {
      const status = known.get(`${labels.pool}/${labels.endpoint}`);
      if (status !== undefined) text.sample(name, labels, value(status));
    }
  };
  gauge('evenkeel_endpoint_in_flight', 'Requests running on the endpoint.', (status) => status.inFlight);
  gauge('evenkeel_endpoint_weight', 'Configured weight.', (status) => status.weight);
  gauge(
    'evenkeel_endpoint_first_byte_seconds',
    'Moving average of the time to the first byte.',
    (status) => status.ewmaMs / 1000,
  );
  text.family('evenkeel_endpoint_state', 'gauge', '1 for the state of health the endpoint is in.');
  for (const { labels } of rows) {
    const status = known.get(`${labels.pool}/${labels.endpoint}`);
    for (const state of STATES)
      text.sample('evenkeel_endpoint_state', { ...labels, state }, status?.state === state ? 1 : 0);
  }
}

function workers(text: PrometheusText, { blueprint, counters, reloads, restarts }: MetricsInput): void {
  text.family('evenkeel_reloads_total', 'counter', 'Configuration reloads, by result.');
  text.sample('evenkeel_reloads_total', { result: 'applied' }, reloads.applied);
  text.sample('evenkeel_reloads_total', { result: 'refused' }, reloads.refused);
  const each = (name: string, type: 'counter' | 'gauge', help: string, value: (worker: number) => number): void => {
    text.family(name, type, help);
    for (const worker of restarts.keys()) text.sample(name, { worker: String(worker) }, value(worker));
  };
  each(
    'evenkeel_event_loop_delay_seconds',
    'gauge',
    'How late the newest timer of the worker came.',
    (w) => counters[w].readWorker(W.loopDelayMs) / 1000,
  );
  each('evenkeel_heap_bytes', 'gauge', 'JavaScript heap in use.', (w) => counters[w].readWorker(W.heapBytes));
  each('evenkeel_worker_plain_sockets', 'gauge', '1 where connections take the portable, slower way.', (w) =>
    counters[w].readWorker(W.plainSockets),
  );
  each('evenkeel_worker_restarts_total', 'counter', 'Times a crashed worker was replaced.', (w) => restarts[w] ?? 0);
  each('evenkeel_predicate_errors_total', 'counter', 'Times a predicate of the configuration threw.', (w) =>
    counters[w].readWorker(W.predicateThrows),
  );
  each('evenkeel_access_log_dropped_total', 'counter', 'Access log lines dropped because the log was too slow.', (w) =>
    counters[w].readWorker(W.logDropped),
  );
  if (blueprint.config.dns !== undefined)
    each(
      'evenkeel_worker_dns_queries_total',
      'counter',
      'DNS queries that came to the worker.',
      (w) => counters[w].readDns(D.udp) + counters[w].readDns(D.tcp),
    );
  const rss = residentBytes();
  if (rss === undefined) return;
  text.family('evenkeel_resident_memory_bytes', 'gauge', 'Memory of the process.');
  text.sample('evenkeel_resident_memory_bytes', {}, rss);
}

/** Reading it opens a file, which fails when too many are open. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
