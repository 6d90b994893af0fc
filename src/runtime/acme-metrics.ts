// Owns what the metrics say of certificates that are obtained from an authority.

import type { PrometheusText } from '../observe/prometheus.ts';
import type { AcmeReport } from './acme-keeper.ts';

const STATES = ['temporary', 'good', 'due', 'expired'] as const;

export function acmeMetrics(text: PrometheusText, { certificates, issued, failed }: AcmeReport): void {
  text.family('evenkeel_acme_certificates', 'gauge', 'Certificates that are obtained from an authority, by state.');
  for (const state of STATES)
    text.sample('evenkeel_acme_certificates', { state }, certificates.filter((one) => one.state === state).length);
  text.family('evenkeel_acme_orders_total', 'counter', 'Attempts to obtain a certificate, by result.');
  text.sample('evenkeel_acme_orders_total', { result: 'issued' }, issued);
  text.sample('evenkeel_acme_orders_total', { result: 'failed' }, failed);
  text.family('evenkeel_acme_expiry_seconds', 'gauge', 'When the certificate in use expires, in seconds since 1970.');
  for (const { name, keyType, notAfter } of certificates)
    text.sample('evenkeel_acme_expiry_seconds', { name, key_type: keyType }, notAfter / 1000);
}
