// Owns the HTTP check: one request on a fresh connection, judged by status and, if wanted, by the body. Redirects are not
// followed. The named dependencies of the backend's health document become evidence, with a good status or a bad one.

import { RE2JS } from 're2js';
import type { HttpProbeConfig, TextMatch } from '../config/types.ts';
import { formatAddress } from '../core/address.ts';
import type { ProbeResult } from '../health/entry.ts';
import { parseHealthDocument } from './health-document.ts';
import { failureText, type ProbeKind, tookText } from './probe.ts';
import { askOnce } from './transport.ts';

interface Answer {
  readonly status: number;
  readonly body: string;
}

export const http: ProbeKind<HttpProbeConfig> = {
  name: 'http',
  build(config, clock, prelude) {
    const bodyMatches = bodyMatcher(config.body);
    return {
      async run(target, signal) {
        const start = clock.now();
        const what = `${config.method} ${config.path}`;
        try {
          const { method, path, host } = config;
          const asked = {
            method,
            path,
            host: host === '' ? formatAddress(target) : host,
            headers: { 'user-agent': 'evenkeel-health-check', accept: '*/*', ...config.headers },
          };
          const { status, body } = await askOnce(target, config.transport, asked, signal, prelude);
          const answer = { status, body: body.toString('utf8') };
          return judge(config, answer, bodyMatches(answer.body), what, clock.now() - start);
        } catch (error) {
          const tookMs = clock.now() - start;
          return { ok: false, tookMs, evidence: `${what} → ${failureText(error, signal)} in ${tookText(tookMs)}` };
        }
      },
    };
  },
};

function judge(
  config: HttpProbeConfig,
  { status, body }: Answer,
  bodyFits: boolean,
  what: string,
  tookMs: number,
): ProbeResult {
  const statusFits = config.status.some(([low, high]) => status >= low && status <= high);
  const checks = parseHealthDocument(body);
  let evidence = `${what} → ${status} in ${tookText(tookMs)}`;
  if (!bodyFits) evidence += '; the body does not match';
  const failing = Object.keys(checks ?? {}).filter((name) => !checks?.[name]);
  if (failing.length > 0) evidence += `; ${failing.join(', ')}: failing`;
  return { ok: statusFits && bodyFits, tookMs, evidence, ...(checks && { checks }) };
}

function bodyMatcher(match: TextMatch | undefined): (body: string) => boolean {
  if (match === undefined) return () => true;
  switch (match.kind) {
    case 'present':
      return (body) => body !== '';
    case 'absent':
      return (body) => body === '';
    case 'exact':
      return (body) => body.trim() === match.value;
    case 'prefix':
      return (body) => body.startsWith(match.value);
    case 'regex': {
      // Linear time: the text is the backend's.
      const pattern = RE2JS.compile(match.value);
      return (body) => pattern.matcher(body).find();
    }
  }
}
