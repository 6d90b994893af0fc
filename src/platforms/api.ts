// Owns talking to HTTP APIs of platforms from the control plane: over TCP, TLS (always verified) or a unix socket, with a token that
// is read anew for each request, everything bounded in time and size. It knows no API, keeps no connection, and follows no
// redirect. What goes wrong is a sentence for an operator.

import { readFile } from 'node:fs/promises';
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request as overTcp } from 'node:http';
import { request as overTls } from 'node:https';
import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { ApiLines } from './api-lines.ts';

export interface ApiOptions {
  /** `http://…`, `https://…` or `unix:/path`. A path in it stands before those of requests. */
  readonly url: string;
  /** File with the authorities that are trusted; '' for the system's. */
  readonly ca: string;
  readonly tokenFile: string;
  readonly tokenEnv: string;
  /** Name of the field that the token goes to; `authorization` as a bearer. */
  readonly tokenField?: string;
  readonly clock: Clock;
  /** Up to the end of an answer; of a stream up to its head. */
  readonly timeoutMs: number;
}

export interface ApiRequest {
  readonly method?: string;
  /** With its query; '' for the one of the URL. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Instead of the usual. */
  readonly timeoutMs?: number;
}

export interface ApiAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export const MOST_BYTES = 32 * 1024 * 1024;
const MOST_CREDENTIALS = 1024 * 1024;
const KEEP_ALIVE_MS = 15_000;

export class Api {
  readonly #options: ApiOptions;

  constructor(options: ApiOptions) {
    this.#options = options;
  }

  /** The whole answer, whatever its status. */
  async ask(asked: ApiRequest, signal: AbortSignal): Promise<Result<ApiAnswer, string>> {
    const { clock, timeoutMs } = this.#options;
    const limit = asked.timeoutMs ?? timeoutMs;
    const sent = await this.#send(asked, signal);
    if (!sent.ok) return sent;
    return await new Promise((resolve) => {
      const finish = (result: Result<ApiAnswer, string>): void => {
        timer.cancel();
        if (!result.ok) sent.value.destroy();
        resolve(result);
      };
      const timer = clock.after(limit, () => finish(err(`no answer within ${limit} ms`)));
      sent.value.on('error', (error) => finish(err(reasonOf(error))));
      sent.value.on('response', (response) => collect(response, finish));
    });
  }

  /** A body that is read line by line for as long as it goes on. The status is 200, or it is an error with the answer's words. */
  async lines(asked: ApiRequest, signal: AbortSignal): Promise<Result<ApiLines, ApiRefusal>> {
    const { clock, timeoutMs } = this.#options;
    const sent = await this.#send(asked, signal);
    if (!sent.ok) return err({ status: 0, reason: sent.error });
    return await new Promise((resolve) => {
      const refuse = (status: number, reason: string): void => {
        timer.cancel();
        sent.value.destroy();
        resolve(err({ status, reason }));
      };
      const timer = clock.after(timeoutMs, () => refuse(0, `no answer within ${timeoutMs} ms`));
      sent.value.on('error', (error) => refuse(0, reasonOf(error)));
      sent.value.on('response', (response) => {
        const status = response.statusCode ?? 0;
        if (status !== 200) return refuse(status, `answered ${status}`);
        timer.cancel();
        resolve(ok(new ApiLines(response, clock)));
      });
    });
  }

  async #send(asked: ApiRequest, signal: AbortSignal): Promise<Result<ClientRequest, string>> {
    const { url, ca, tokenField = 'authorization' } = this.#options;
    const token = await this.#token();
    if (!token.ok) return token;
    const authorities = ca === '' ? ok(undefined) : await credentials(ca);
    if (!authorities.ok) return authorities;
    if (signal.aborted) return err('closed');
    const { method = 'GET', json } = asked;
    const body = json === undefined ? undefined : JSON.stringify(json);
    const options = {
      method,
      signal,
      agent: false as const,
      // A peer that is gone without a word is noticed on streams too.
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_MS,
      headers: {
        accept: 'application/json',
        'user-agent': 'evenkeel',
        ...(token.value && { [tokenField]: tokenField === 'authorization' ? `Bearer ${token.value}` : token.value }),
        ...(body !== undefined && { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...asked.headers,
      },
    };
    try {
      const sent = url.startsWith('unix:')
        ? overTcp({ ...options, socketPath: url.slice('unix:'.length), path: asked.path, host: 'localhost' })
        : url.startsWith('https:')
          ? overTls(target(url, asked.path), { ...options, ca: authorities.value })
          : overTcp(target(url, asked.path), options);
      sent.end(body);
      return ok(sent);
    } catch (error) {
      // A token with characters that no field may hold, or authorities that are none.
      return err(reasonOf(error as Error));
    }
  }

  async #token(): Promise<Result<string, string>> {
    const { tokenFile, tokenEnv } = this.#options;
    if (tokenEnv !== '') {
      const value = process.env[tokenEnv];
      return value === undefined || value === '' ? err(`the environment has no ${tokenEnv}`) : ok(value.trim());
    }
    if (tokenFile === '') return ok('');
    const read = await credentials(tokenFile);
    return read.ok ? ok(read.value.trim()) : read;
  }
}

export interface ApiRefusal {
  /** 0: no answer came. */
  readonly status: number;
  readonly reason: string;
}

async function credentials(path: string): Promise<Result<string, string>> {
  try {
    const text = await readFile(path, 'utf8');
    return text.length > MOST_CREDENTIALS ? err(`${path} is larger than 1 MiB`) : ok(text);
  } catch (error) {
    return err(`${path} cannot be read: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
}

/** Paths go behind the one of the URL. */
function target(base: string, path: string): URL {
  if (path === '') return new URL(base);
  const url = new URL(base);
  return new URL(url.origin + url.pathname.replace(/\/$/, '') + path);
}

/** Nagging details of Node's errors are left out; the word of the system stays. */
export function reasonOf(error: Error): string {
  const { code, cause } = error as NodeJS.ErrnoException & { cause?: Error };
  if (error.name === 'AbortError') return 'closed';
  // Several addresses were tried.
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0] as Error);
  const text = error.message === '' ? (cause?.message ?? code ?? error.name) : error.message;
  return text.replace(/\p{Cc}+/gu, ' ').slice(0, 300);
}

function collect(response: IncomingMessage, finish: (result: Result<ApiAnswer, string>) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  response.on('data', (part: Buffer) => {
    size += part.length;
    if (size > MOST_BYTES) finish(err(`the answer is larger than ${MOST_BYTES} bytes`));
    else parts.push(part);
  });
  response.on('error', (error) => finish(err(reasonOf(error))));
  response.on('end', () => {
    finish(ok({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(parts) }));
  });
}

/** The body of an answer that should be 200 and JSON. */
export function jsonOf(answer: ApiAnswer): Result<unknown, string> {
  if (answer.status !== 200) return err(`answered ${answer.status}`);
  try {
    return ok(JSON.parse(answer.body.toString('utf8')) as unknown);
  } catch {
    return err('answered what is no JSON');
  }
}
