// Owns what the metrics say of DNS: questions by type and transport, answers by code, lookups for ALIAS, and what is measured for steering.

import { type Counters, D } from '../core/counters.ts';
import type { PrometheusText } from '../observe/prometheus.ts';
import type { AliasCounts } from './alias-keeper.ts';
import type { LatencyCounts } from './latency-keeper.ts';

const TYPES = {
  A: D.typeA,
  AAAA: D.typeAAAA,
  HTTPS: D.typeHTTPS,
  NS: D.typeNS,
  SOA: D.typeSOA,
  TXT: D.typeTXT,
  MX: D.typeMX,
  SRV: D.typeSRV,
  other: D.typeOther,
};
const CODES = {
  NOERROR: D.rcodeNoerror,
  FORMERR: D.rcodeFormerr,
  SERVFAIL: D.rcodeServfail,
  NXDOMAIN: D.rcodeNxdomain,
  NOTIMP: D.rcodeNotimp,
  REFUSED: D.rcodeRefused,
  other: D.rcodeOther,
};
const SINGLE = [
  ['evenkeel_dns_truncated_total', 'Answers that did not fit and were truncated.', D.truncated],
  ['evenkeel_dns_slipped_total', 'Truncated answers in the place of ones above the rate limit.', D.slipped],
  ['evenkeel_dns_transfers_total', 'Zone transfers begun.', D.transfers],
  ['evenkeel_dns_steered_total', 'Answers whose addresses a policy, site or pool chose.', D.steered],
] as const;

export function dnsMetrics(text: PrometheusText, counters: readonly Counters[]): void {
  const sum = (column: number): number => counters.reduce((total, one) => total + one.readDns(column), 0);
  const family = (name: string, help: string, label: string, columns: Readonly<Record<string, number>>): void => {
    text.family(name, 'counter', help);
    for (const [value, column] of Object.entries(columns)) text.sample(name, { [label]: value }, sum(column));
  };
  family('evenkeel_dns_queries_total', 'Queries by the type that was asked for.', 'type', TYPES);
  family('evenkeel_dns_transport_total', 'Queries by transport.', 'transport', { udp: D.udp, tcp: D.tcp });
  family('evenkeel_dns_responses_total', 'Answers by response code.', 'rcode', CODES);
  for (const [name, help, column] of SINGLE) {
    text.family(name, 'counter', help);
    text.sample(name, {}, sum(column));
  }
}

export function aliasMetrics(text: PrometheusText, { found, failed, fresh, late, unknown }: AliasCounts): void {
  const lookups = 'evenkeel_dns_alias_lookups_total';
  text.family(lookups, 'counter', 'Lookups of targets of ALIAS outside the zones, by result.');
  for (const [result, value] of Object.entries({ found, failed })) text.sample(lookups, { result }, value);
  const targets = 'evenkeel_dns_alias_targets';
  text.family(targets, 'gauge', 'Targets of ALIAS outside the zones, one for A and one for AAAA, by state.');
  for (const [state, value] of Object.entries({ fresh, late, unknown })) text.sample(targets, { state }, value);
}

export function latencyMetrics(text: PrometheusText, { networks, measured, reads }: LatencyCounts): void {
  text.family('evenkeel_latency_networks', 'gauge', 'Client networks whose time to some site is known.');
  text.sample('evenkeel_latency_networks', {}, networks);
  text.family('evenkeel_latency_measured_total', 'counter', 'Times of client networks to this site that were taken.');
  text.sample('evenkeel_latency_measured_total', {}, measured);
  const name = 'evenkeel_latency_reads_total';
  text.family(name, 'counter', "Reads of the kernel's round trips and of files with measurements, by result.");
  for (const [from, { ok, failed }] of Object.entries(reads)) {
    text.sample(name, { from, result: 'ok' }, ok);
    text.sample(name, { from, result: 'failed' }, failed);
  }
}
