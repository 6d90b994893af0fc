// Owns the proof, before anything is measured, that a balancer does the work: status and body arrive, the backend sees the
// header fields, connections to the backends are kept, a download and an upload of 1 MiB arrive whole. Over TLS, that it speaks the
// same TLS as the others; and HTTP/2 where that is measured.

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { connect } from 'node:http2';
import { Agent as SecureAgent, request as secureRequest } from 'node:https';
import { connect as connectTls } from 'node:tls';
import { LARGE_BYTES, SMALL_BODY } from './backends.ts';
import { SERVER_NAME } from './certificate.ts';
import { routePath } from './configs.ts';
import type { Behind, Running } from './subjects.ts';

const ECHOES = 12;
/** What everybody here agrees on when nothing is configured. */
const TLS = 'TLSv1.3 TLS_AES_256_GCM_SHA384';

/** What is wrong with it, or undefined. */
export async function verify({ port, subject }: Running, { certificate }: Behind): Promise<string | undefined> {
  const ca = subject.tls ? readFileSync(certificate!.cert, 'utf8') : undefined;
  const kept = { keepAlive: true, maxSockets: 1 };
  const agent = ca === undefined ? new Agent(kept) : new SecureAgent({ ...kept, ca, servername: SERVER_NAME });
  const ask = (path: string, body?: Buffer): Promise<Answer> => exchange(agent, port, path, body);
  try {
    if (ca !== undefined) {
      const wrong = (await verifyTls(port, ca)) ?? (subject.h2 ? await verifyHttp2(port, ca) : undefined);
      if (wrong !== undefined) return wrong;
    }
    const small = await ask('/');
    if (small.status !== 200 || small.body.toString() !== SMALL_BODY) return `answers ${small.status} to GET /`;
    if (subject.routes) {
      const routed = await ask(`${routePath(subject.routes - 1)}items/7`);
      if (routed.body.toString() !== SMALL_BODY) return `answers ${routed.status} on its last route`;
    }
    let reused = subject.tcp === true;
    for (let i = 0; i < (subject.tcp ? 0 : ECHOES); i++) {
      const echo = (await ask('/echo')).body.toString();
      const [client, protocol, host, id, count] = echo.split('|');
      const told =
        client === '127.0.0.1' &&
        protocol === (ca === undefined ? 'http' : 'https') &&
        host === `127.0.0.1:${port}` &&
        id !== '';
      if (!told) return `the backend sees the fields "${echo}"`;
      if (Number(count) > 1) reused = true;
    }
    // With a thousand endpoints none is asked twice here.
    if (!reused && subject.balance === undefined) return 'opens a new connection to the backend for every request';
    const download = await ask('/large');
    if (download.status !== 200 || download.body.length !== LARGE_BYTES)
      return `a download of ${download.body.length} bytes`;
    const upload = await ask('/upload', Buffer.alloc(LARGE_BYTES, 'x'));
    if (upload.status !== 200) return `answers ${upload.status} to an upload`;
    const arrived = upload.body.toString();
    return arrived === '' || Number(arrived) === LARGE_BYTES ? undefined : `an upload arrives as ${arrived} bytes`;
  } catch (error) {
    return `fails: ${(error as Error).message}`;
  } finally {
    agent.destroy();
  }
}

/** The same TLS for all. */
async function verifyTls(port: number, ca: string): Promise<string | undefined> {
  const socket = connectTls({ host: '127.0.0.1', port, ca, servername: SERVER_NAME, ALPNProtocols: ['http/1.1'] });
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(5000) });
    const spoken = `${socket.getProtocol()} ${socket.getCipher().name}`;
    return spoken === TLS ? undefined : `speaks ${spoken}, not ${TLS}`;
  } finally {
    socket.destroy();
  }
}

/** A GET by HTTP/2. */
async function verifyHttp2(port: number, ca: string): Promise<string | undefined> {
  const session = connect(`https://127.0.0.1:${port}`, { ca, servername: SERVER_NAME });
  // It may come at any time; who waits is told by the request.
  session.on('error', () => undefined);
  try {
    await once(session, 'connect', { signal: AbortSignal.timeout(5000) });
    const stream = session.request({ ':path': '/' });
    stream.setEncoding('utf8');
    let body = '';
    for await (const part of stream) body += part as string;
    return body === SMALL_BODY ? undefined : `answers "${body}" to GET / by HTTP/2`;
  } finally {
    session.destroy();
  }
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

function exchange(agent: Agent, port: number, path: string, body: Buffer | undefined): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-length': body.length };
    const method = body === undefined ? 'GET' : 'POST';
    const options = { host: '127.0.0.1', port, path, method, headers, agent, timeout: 10_000 };
    const call = (agent instanceof SecureAgent ? secureRequest : request)(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
    });
    call.on('timeout', () => call.destroy(new Error('no answer within 10 s')));
    call.on('error', reject);
    call.end(body);
  });
}
