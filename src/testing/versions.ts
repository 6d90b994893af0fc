// Owns clients and servers of either version of HTTP behind one face, so that one suite runs over every pair. They are
// Node's own, which share no code with ours.

import * as http from 'node:http';
import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import type { TestContext } from 'node:test';

export type Version = 'h1' | 'h2';
export const VERSIONS: readonly Version[] = ['h1', 'h2'];

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  readonly trailers: Record<string, string | string[] | undefined>;
  /** Statuses of interim responses. */
  readonly hints: readonly number[];
}

export interface Question {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: Buffer | Readable;
  readonly trailers?: Record<string, string>;
  readonly signal?: AbortSignal;
}

export interface Asker {
  ask(question: Question): Promise<Answer>;
  close(): void;
}

/** Rejects when the answer is cut. */
export function asker(t: TestContext, version: Version, port: number): Asker {
  const made = version === 'h1' ? askByHttp1(port) : askByHttp2(port);
  t.after(() => made.close());
  return made;
}

function askByHttp1(port: number): Asker {
  const agent = new http.Agent({ keepAlive: true });
  const ask = ({ method = 'GET', path = '/', headers = {}, body, trailers, signal }: Question): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const length = Buffer.isBuffer(body) && trailers === undefined ? { 'content-length': String(body.length) } : {};
      const request = http.request({
        port,
        host: '127.0.0.1',
        method,
        path,
        agent,
        headers: { ...length, ...headers },
        ...(signal && { signal }),
      });
      const hints: number[] = [];
      request.on('information', ({ statusCode }) => hints.push(statusCode));
      request.on('error', reject);
      request.on('response', (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('aborted', () => reject(new Error('cut')));
        response.on('end', () => {
          if (!response.complete) return reject(new Error('cut'));
          const { statusCode: status = 0, headers: fields, trailers: behind } = response;
          resolve({ status, headers: fields, body: Buffer.concat(parts), trailers: behind, hints });
        });
      });
      if (trailers !== undefined) request.addTrailers(trailers);
      if (body === undefined || Buffer.isBuffer(body)) request.end(body);
      else body.pipe(request);
    });
  return { ask, close: () => agent.destroy() };
}

function askByHttp2(port: number): Asker {
  const session = http2.connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const ask = ({ method = 'GET', path = '/', headers = {}, body, trailers, signal }: Question): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const length = Buffer.isBuffer(body) && trailers === undefined ? { 'content-length': String(body.length) } : {};
      const stream = session.request(
        { ':method': method, ':path': path, ...length, ...headers },
        { endStream: body === undefined, waitForTrailers: trailers !== undefined },
      );
      const parts: Buffer[] = [];
      const hints: number[] = [];
      let fields: http2.IncomingHttpHeaders = {};
      let behind: http2.IncomingHttpHeaders = {};
      signal?.addEventListener('abort', () => stream.close(http2.constants.NGHTTP2_CANCEL));
      stream.on('headers', (interim) => hints.push(Number(interim[':status'])));
      stream.on('response', (all) => {
        fields = all;
      });
      stream.on('trailers', (all) => {
        behind = all;
      });
      stream.on('data', (part: Buffer) => parts.push(part));
      stream.on('error', reject);
      stream.on('wantTrailers', () => stream.sendTrailers(trailers ?? {}));
      stream.on('close', () => {
        if (stream.rstCode !== 0) return reject(new Error(`reset with ${stream.rstCode}`));
        resolve({
          status: Number(fields[':status']),
          headers: fields,
          body: Buffer.concat(parts),
          trailers: behind,
          hints,
        });
      });
      if (Buffer.isBuffer(body)) stream.end(body);
      else body?.pipe(stream);
    });
  return { ask, close: () => session.destroy() };
}

/** One request as a server of either version sees it. */
export interface Served {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Readable;
  /** Known when the body has ended. */
  trailers(): Record<string, string | string[] | undefined>;
  hint(status: number, headers: Record<string, string>): void;
  /** `trailers`: they will follow. */
  head(status: number, headers?: Record<string, string | string[]>, trailers?: boolean): void;
  write(bytes: Buffer | string): void;
  end(bytes?: Buffer | string, trailers?: Record<string, string>): void;
  /** Breaks off. */
  cut(): void;
  /** Of this request, from the client's side. */
  onGone(told: () => void): void;
}

export interface Server {
  readonly port: number;
}

export async function serve(t: TestContext, version: Version, answer: (served: Served) => void): Promise<Server> {
  const server = version === 'h1' ? serveHttp1(answer) : serveHttp2(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return { port: (server.address() as AddressInfo).port };
}

function serveHttp1(answer: (served: Served) => void): http.Server {
  const server = http.createServer((request, response) => {
    response.on('error', () => undefined);
    answer({
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      body: request,
      trailers: () => request.trailers,
      hint: (status, headers) => {
        if (status === 103) response.writeEarlyHints({ link: headers.link });
      },
      head: (status, headers = {}, trailers = false) =>
        void response.writeHead(status, trailers ? { ...headers, trailer: 'x-behind' } : headers),
      write: (bytes) => void response.write(bytes),
      end: (bytes, trailers) => {
        if (trailers !== undefined) response.addTrailers(trailers);
        response.end(bytes);
      },
      cut: () => request.socket.destroy(),
      onGone: (told) => response.on('close', () => response.writableFinished || told()),
    });
  });
  return server;
}

function serveHttp2(answer: (served: Served) => void): http2.Http2Server {
  const server = http2.createServer({ settings: { enableConnectProtocol: true } });
  const sessions = new Set<http2.ServerHttp2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.on('close', () => sessions.delete(session));
    session.on('error', () => undefined);
  });
  server.on('stream', (stream, headers) => {
    let behind: http2.IncomingHttpHeaders = {};
    let late: Record<string, string> = {};
    stream.on('error', () => undefined);
    stream.on('trailers', (all) => {
      behind = all;
    });
    answer({
      method: headers[':method'] ?? '',
      path: headers[':path'] ?? '',
      headers: { ...headers, host: headers[':authority'] },
      body: stream,
      trailers: () => behind,
      hint: (status, fields) => stream.additionalHeaders({ ':status': status, ...fields }),
      head: (status, fields = {}, trailers = false) => {
        stream.respond(
          { ':status': status, ...(trailers ? { trailer: 'x-behind' } : {}), ...fields },
          { waitForTrailers: trailers },
        );
        if (trailers) stream.on('wantTrailers', () => stream.sendTrailers(late));
      },
      write: (bytes) => void stream.write(bytes),
      end: (bytes, trailers = {}) => {
        late = trailers;
        stream.end(bytes);
      },
      // Closing the stream would send its end first, which is no breaking off.
      cut: () => stream.session?.destroy(),
      onGone: (told) => stream.on('aborted', told),
    });
  });
  const close = server.close.bind(server);
  server.close = ((done?: () => void) => {
    for (const session of sessions) session.destroy();
    return close(done);
  }) as typeof server.close;
  return server;
}
