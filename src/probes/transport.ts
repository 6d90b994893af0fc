// Owns the way of a check to an endpoint that speaks HTTP: in the clear or over TLS, version 1 or 2, as the traffic goes. One
// request on a fresh connection. Files are read at every check, so that a changed one counts at once.

import { readFile } from 'node:fs/promises';
import { request } from 'node:http';
import * as http2 from 'node:http2';
import { connect, isIP, type Socket } from 'node:net';
import type { Readable } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { ProbeTransport } from '../config/types.ts';
import type { Address } from '../core/address.ts';

/** More than that is not read: a check must not become a download. */
const MAX_BODY = 64 * 1024;

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

export interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly trailers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Buffer;
}

/** Rejects with a system or TLS error; `signal` ends it. */
export async function askOnce(
  target: Address,
  transport: ProbeTransport,
  asked: Asked,
  signal: AbortSignal,
  prelude?: Buffer,
): Promise<Answered> {
  const socket = await open(target, transport, signal, prelude);
  try {
    return await (transport.h2 ? askHttp2(socket, transport, asked) : askHttp1(socket, asked));
  } finally {
    socket.destroy();
  }
}

async function open(
  target: Address,
  { tls, h2 }: ProbeTransport,
  signal: AbortSignal,
  prelude?: Buffer,
): Promise<Socket> {
  const file = async (path = ''): Promise<Buffer | undefined> => (path === '' ? undefined : readFile(path));
  const [ca, cert, key] = await Promise.all([file(tls?.ca), file(tls?.cert), file(tls?.key)]);
  const raw = connect(target);
  return new Promise<Socket>((resolve, reject) => {
    const fail = (error: Error): void => {
      raw.destroy();
      reject(error);
    };
    signal.addEventListener('abort', () => fail(new Error('no answer')), { once: true });
    if (signal.aborted) return fail(new Error('no answer'));
    // Stay attached: a late error of a destroyed socket must not be thrown.
    raw.on('error', fail);
    raw.once('close', () => fail(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    if (prelude !== undefined) raw.write(prelude);
    if (tls === undefined) {
      raw.once('connect', () => resolve(raw));
      return;
    }
    const name = tls.serverName === '' ? target.host : tls.serverName;
    const secure = connectTls({
      socket: raw,
      host: name,
      rejectUnauthorized: tls.verify,
      ALPNProtocols: [h2 ? 'h2' : 'http/1.1'],
      ...(isIP(name) === 0 && { servername: name }),
      ...(ca && { ca }),
      ...(cert && key && { cert, key }),
    });
    secure.on('error', fail);
    secure.once('secureConnect', () => resolve(secure));
  });
}

function askHttp1(socket: Socket, { method, path, host, headers, body }: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      createConnection: () => socket,
      method,
      path,
      setHost: false,
      headers: { host, ...headers, connection: 'close' },
    });
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const { statusCode: status = 0, headers: fields } = response;
      read(response).then(
        (bytes) => resolve({ status, headers: fields, trailers: response.trailers, body: bytes }),
        reject,
      );
    });
    outgoing.end(body);
  });
}

function askHttp2(socket: Socket, { tls }: ProbeTransport, asked: Asked): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const session = http2.connect('http://check', { createConnection: () => socket, settings: { enablePush: false } });
    session.on('error', reject);
    session.on('close', () => reject(Object.assign(new Error('closed'), { code: 'ECONNRESET' })));
    const stream = session.request(
      {
        ':method': asked.method,
        ':path': asked.path,
        ':authority': asked.host,
        ':scheme': tls === undefined ? 'http' : 'https',
        ...asked.headers,
      },
      { endStream: asked.body === undefined },
    );
    let headers: http2.IncomingHttpHeaders = {};
    let trailers: http2.IncomingHttpHeaders = {};
    stream.on('response', (fields) => {
      headers = fields;
    });
    stream.on('trailers', (fields) => {
      trailers = fields;
    });
    stream.on('error', reject);
    read(stream).then((body) => {
      resolve({ status: Number(headers[':status'] ?? 0), headers, trailers, body });
      session.destroy();
    }, reject);
    if (asked.body !== undefined) stream.end(asked.body);
  });
}

async function read(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_BODY) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_BODY);
}
