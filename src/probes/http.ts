// Owns the HTTP check: one request on a fresh connection, judged by status and, if wanted, by the body. Redirects are not
// followed. The named dependencies of the backend's health document become evidence, with a good status or a bad one.

import { type IncomingMessage, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { RE2JS } from 're2js';
import type { HttpProbeConfig, TextMatch } from '../config/types.ts';
import type { Address } from '../core/address.ts';
import { formatAddress } from '../core/address.ts';
import type { ProbeResult } from '../health/entry.ts';
import { parseHealthDocument } from './health-document.ts';
import { failureText, type ProbeKind, tookText } from './probe.ts';

/** More than that is not read: a check must not become a download. */
const MAX_BODY = 64 * 1024;

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
          const answer = await ask(config, target, signal, prelude);
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

function ask(config: HttpProbeConfig, target: Address, signal: AbortSignal, prelude?: Buffer): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: target.host,
      port: target.port,
      method: config.method,
      path: config.path,
      // A check on a kept connection would not notice that no new ones can be opened.
      ...(prelude === undefined ? { agent: false } : { createConnection: () => connectWith(prelude, target) }),
      setHost: false,
      signal,
      headers: {
        host: config.host === '' ? formatAddress(target) : config.host,
        'user-agent': 'evenkeel-health-check',
        accept: '*/*',
        ...config.headers,
        connection: 'close',
      },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      readBody(response).then(
        (body) => {
          resolve({ status: response.statusCode ?? 0, body });
          outgoing.destroy();
        },
        (error: unknown) => reject(error as Error),
      );
    });
    outgoing.end();
  });
}

function connectWith(prelude: Buffer, { host, port }: Address): Socket {
  const socket = connect({ host, port });
  socket.write(prelude);
  return socket;
}

async function readBody(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_BODY) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY).toString('utf8');
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
