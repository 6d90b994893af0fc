// Owns what the metrics say of TLS: handshakes by listener, when certificates expire, and files that cannot be used.

import { type Counters, L } from '../core/counters.ts';
import type { PrometheusText } from '../observe/prometheus.ts';
import type { OcspReport } from './ocsp-keeper.ts';

export interface TlsReport {
  /** What is wrong with files that are configured, while older ones serve in their stead. */
  readonly problems: readonly string[];
  /** Wall-clock ms, by listener. */
  readonly expiries: ReadonlyMap<string, number>;
}

/** `rows`: listeners and their slots. */
export function tlsMetrics(
  text: PrometheusText,
  { problems, expiries }: TlsReport,
  ocsp: OcspReport,
  counters: readonly Counters[],
  rows: readonly (readonly [string, number])[],
): void {
  const ends = rows.filter(([listener]) => expiries.has(listener));
  const counter = (name: string, help: string, column: number, of: typeof rows): void => {
    text.family(name, 'counter', help);
    for (const [listener, slot] of of) {
      const total = counters.reduce((sum, one) => sum + one.readListener(slot, column), 0);
      text.sample(name, { listener }, total);
    }
  };
  counter('evenkeel_tls_handshakes_total', 'TLS handshakes that came to an end.', L.tlsHandshakes, ends);
  counter('evenkeel_tls_resumed_total', 'Those of them that took up an earlier session.', L.tlsResumed, ends);
  text.family(
    'evenkeel_tls_certificate_expiry_seconds',
    'gauge',
    'When the first certificate of the listener expires, in seconds since 1970.',
  );
  for (const [listener] of ends)
    text.sample('evenkeel_tls_certificate_expiry_seconds', { listener }, expiries.get(listener)! / 1000);
  text.family(
    'evenkeel_tls_unusable_files',
    'gauge',
    'Files that cannot be used, while older ones serve in their stead.',
  );
  text.sample('evenkeel_tls_unusable_files', {}, problems.length);
  if (ocsp.stapled + ocsp.missing === 0) return;
  text.family(
    'evenkeel_ocsp_certificates',
    'gauge',
    'Certificates that name an OCSP responder, by what there is to staple.',
  );
  text.sample('evenkeel_ocsp_certificates', { state: 'stapled' }, ocsp.stapled);
  text.sample('evenkeel_ocsp_certificates', { state: 'missing' }, ocsp.missing);
  text.family('evenkeel_ocsp_answers_total', 'counter', 'Answers asked of OCSP responders, by result.');
  text.sample('evenkeel_ocsp_answers_total', { result: 'good' }, ocsp.good);
  text.sample('evenkeel_ocsp_answers_total', { result: 'failed' }, ocsp.failed);
}
