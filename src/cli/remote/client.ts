// Owns asking a running balancer by its admin API, for commands: where it listens and with which token comes from the configuration,
// from options, or from the environment.

import { readFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { request as secureRequest } from 'node:https';
import { dirname, resolve } from 'node:path';
import { loadConfig } from '../../config/load.ts';
import type { AdminConfig } from '../../config/types.ts';
import { type Address, formatAddress, parseAddress } from '../../core/address.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { issuesText } from '../report.ts';

export interface RemoteOptions {
  readonly config: string;
  /** `host:port`, or `https://host:port`. */
  readonly admin?: string;
  readonly tokenFile?: string;
}

export interface RemoteAnswer {
  readonly status: number;
  readonly etag: string;
  // biome-ignore lint/suspicious/noExplicitAny: what the API says; its OpenAPI document has the shapes
  readonly body: any;
  readonly text: string;
}

interface Place {
  readonly address: Address;
  readonly secure: boolean;
  /** PEM of the certificate it shows; undefined: what the system trusts. */
  readonly ca: string | undefined;
  /** '' for none. */
  readonly token: string;
}

const MOST_MS = 30_000;

export interface AskOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class RemoteBalancer {
  readonly #place: Place;

  constructor(place: Place) {
    this.#place = place;
  }

  /** The error is for a person. */
  async ask(
    method: string,
    path: string,
    { body, headers = {} }: AskOptions = {},
  ): Promise<Result<RemoteAnswer, string>> {
    const isText = typeof body === 'string';
    const sent = body === undefined ? undefined : Buffer.from(isText ? body : JSON.stringify(body));
    const type: Record<string, string> =
      sent === undefined ? {} : { 'content-type': isText ? 'application/yaml' : 'application/json' };
    const opened = await this.#open(method, path, { ...type, ...headers }, sent, MOST_MS);
    if (!opened.ok) return opened;
    const response = opened.value;
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of response) chunks.push(chunk as Buffer);
    } catch {
      return err(`${this.name} broke off in the middle of its answer`);
    }
    const text = Buffer.concat(chunks).toString();
    const isJson = /json/.test(response.headers['content-type'] ?? '');
    const etag = response.headers.etag ?? '';
    return ok({ status: response.statusCode ?? 0, etag, text, body: isJson ? JSON.parse(text) : undefined });
  }

  /** As `ask`, and what is not a success is an error as well. */
  async get(method: string, path: string, options?: AskOptions): Promise<Result<RemoteAnswer, string>> {
    const answer = await this.ask(method, path, options);
    if (!answer.ok || answer.value.status < 400) return answer;
    return err(saidNo(this.name, answer.value));
  }

  /** Events as they come, until it breaks off. */
  async *events(signal: AbortSignal): AsyncGenerator<{ readonly event: string; readonly data: unknown }> {
    const opened = await this.#open('GET', '/api/v1/events', {}, undefined, 0, signal);
    if (!opened.ok) throw new Error(opened.error);
    if (opened.value.statusCode !== 200) throw new Error(`${this.name} says ${opened.value.statusCode}`);
    let text = '';
    for await (const chunk of opened.value) {
      text += String(chunk);
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const block = text.slice(0, end);
        text = text.slice(end + 2);
        const data = /^data: (.*)$/m.exec(block)?.[1];
        if (data !== undefined) yield { event: /^event: (.*)$/m.exec(block)?.[1] ?? '', data: JSON.parse(data) };
      }
    }
  }

  get name(): string {
    return formatAddress(this.#place.address);
  }

  #open(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: Buffer | undefined,
    timeout: number,
    signal?: AbortSignal,
  ): Promise<Result<IncomingMessage, string>> {
    const { address, secure, ca, token } = this.#place;
    const own = { 'x-evenkeel': '1', ...(token === '' ? {} : { authorization: `Bearer ${token}` }) };
    const length = body === undefined ? {} : { 'content-length': String(body.length) };
    return new Promise((resolveWith) => {
      const asked = (secure ? secureRequest : request)({
        host: address.host,
        port: address.port,
        method,
        path,
        headers: { ...own, ...length, ...headers },
        timeout,
        ...(ca === undefined ? {} : { ca, checkServerIdentity: () => undefined }),
        ...(signal === undefined ? {} : { signal }),
      });
      asked.on('response', (response) => resolveWith(ok(response)));
      asked.on('timeout', () => asked.destroy());
      asked.on('error', (error: NodeJS.ErrnoException) => resolveWith(err(this.#unreachable(error))));
      asked.end(body);
    });
  }

  #unreachable({ code = 'no answer' }: NodeJS.ErrnoException): string {
    return `nobody answers on ${this.name} (${code}): is the balancer running, with this "admin" address?`;
  }
}

function saidNo(name: string, { status, body, text }: RemoteAnswer): string {
  if (body === undefined || typeof body.title !== 'string')
    return `${name} says ${status}: ${text.trim().slice(0, 500)}`;
  const hint = status === 401 ? ' (EVENKEEL_TOKEN, --token-file, or "admin.tokens" of the configuration)' : '';
  const issues = (body.issues ?? []) as readonly {
    path: string;
    message: string;
    hint?: string;
    line?: number;
    column?: number;
  }[];
  const lines = issues.map(({ path, message, hint: more, line, column }) => {
    const place = line === undefined ? '' : `${line}:${column}: `;
    return `  ${place}${path === '' ? '' : `${path} `}${message}${more === undefined ? '' : `; ${more}`}`;
  });
  const detail = typeof body.detail === 'string' ? `: ${body.detail}` : '';
  return [`${body.title}${detail}${hint}`, ...lines].join('\n');
}

/** Where the balancer is. The error is for a person. */
export async function findBalancer(options: RemoteOptions): Promise<Result<RemoteBalancer, string>> {
  const given = process.env.EVENKEEL_TOKEN ?? '';
  const told = options.tokenFile === undefined ? ok(given) : await readSecret(options.tokenFile);
  if (!told.ok) return told;
  if (options.admin !== undefined) {
    const secure = options.admin.startsWith('https://');
    const parsed = parseAddress(options.admin.replace(/^https?:\/\//, '').replace(/\/$/, ''));
    if (!parsed.ok) return err(`--admin: ${parsed.error}`);
    return ok(new RemoteBalancer({ address: parsed.value, secure, ca: undefined, token: told.value }));
  }
  const loaded = await loadConfig(options.config);
  if (!loaded.ok) return err(issuesText(options.config, loaded.error).trimEnd());
  const { admin } = loaded.value.config;
  if (admin === undefined) return err(`${options.config}: there is no "admin" address to ask`);
  return placed(admin, dirname(loaded.value.file), told.value);
}

async function placed(admin: AdminConfig, folder: string, given: string): Promise<Result<RemoteBalancer, string>> {
  const token = given === '' ? await ownToken(admin, folder) : ok(given);
  if (!token.ok) return token;
  const ca =
    admin.tls === undefined
      ? undefined
      : await readFile(resolve(folder, admin.tls.cert), 'utf8').catch(() => undefined);
  const { port } = admin.bind;
  // Whoever listens everywhere can be asked here.
  const host = admin.bind.host === '0.0.0.0' ? '127.0.0.1' : admin.bind.host === '::' ? '::1' : admin.bind.host;
  return ok(new RemoteBalancer({ address: { host, port }, secure: admin.tls !== undefined, ca, token: token.value }));
}

/** Who may read the configuration may do what it allows. */
async function ownToken({ tokens }: AdminConfig, folder: string): Promise<Result<string, string>> {
  const best = tokens.find(({ role }) => role === 'operate') ?? tokens[0];
  if (best === undefined) return ok('');
  return best.tokenFile === '' ? ok(best.token) : readSecret(resolve(folder, best.tokenFile));
}

async function readSecret(file: string): Promise<Result<string, string>> {
  try {
    return ok((await readFile(file, 'utf8')).trim());
  } catch (error) {
    return err(`the token cannot be read: ${file}: ${(error as NodeJS.ErrnoException).code ?? 'unknown error'}`);
  }
}
