// Owns everything this project knows of the ACME library: loading it when it is needed, what it leaves to one setting for the
// whole process, and telling what an authority answered apart from what went wrong on the way there.

import { Agent } from 'node:https';
import { rootCertificates } from 'node:tls';

export type Acme = typeof import('acme-client');

/** RFC 8555 §6.7: what an authority says is wrong. */
export class AcmeProblem extends Error {
  /** The last part of its type, such as `rateLimited`. */
  readonly type: string;
  /** 0 when it does not say. */
  readonly retryAfterMs: number;

  constructor(type: string, detail: string, retryAfterMs: number) {
    super(detail);
    this.type = type;
    this.retryAfterMs = retryAfterMs;
  }
}

const TYPE = /^urn:ietf:params:acme:error:/;
const REQUEST_MS = 30_000;
let loading: Promise<Acme> | undefined;

/** `ca`: PEM, '' for the authorities that Node trusts. It holds until the next call. */
export async function loadAcme(ca: string): Promise<Acme> {
  loading ??= import('acme-client').then(prepared);
  const acme = await loading;
  acme.axios.defaults.httpsAgent = new Agent(ca === '' ? {} : { ca: [...rootCertificates, ca] });
  return acme;
}

function prepared(acme: Acme): Acme {
  const { axios } = acme;
  axios.defaults.timeout = REQUEST_MS;
  // When to try again is decided in one place, and that is not there.
  Object.assign((axios.defaults as unknown as { acmeSettings: object }).acmeSettings, { retryMaxAttempts: 0 });
  // The library makes a sentence of problems and forgets their type and when to come back.
  axios.interceptors.response.use((response) => {
    const problem = problemOf(response as Answer);
    if (problem !== undefined) throw problem;
    return response;
  });
  return acme;
}

interface Answer {
  readonly status: number;
  readonly data: unknown;
  readonly headers: Readonly<Record<string, unknown>>;
}

function problemOf({ status, data, headers }: Answer): AcmeProblem | undefined {
  if (status < 400) return undefined;
  const { type, detail } = (typeof data === 'object' && data !== null ? data : {}) as Record<string, unknown>;
  const name = typeof type === 'string' ? type.replace(TYPE, '') : `HTTP ${status}`;
  // The library asks again by itself, with the nonce that came with this answer.
  if (name === 'badNonce') return undefined;
  const text = typeof detail === 'string' ? detail : `the directory answers with status ${status}`;
  return new AcmeProblem(name, text, retryAfter(headers['retry-after']));
}

/** RFC 9110 §10.2.3. */
function retryAfter(value: unknown): number {
  if (typeof value !== 'string') return 0;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.max(0, ms) : 0;
}
