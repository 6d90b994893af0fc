// Owns the mixed traffic of the soak: every sort of client at once, polite and rude. Each client is a loop that starts
// again when it is done; what came of every attempt is counted by client and outcome.

import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

const LARGE_BYTES = 1024 * 1024;
const UPLOAD_BYTES = 200_000;

export interface Traffic {
  /** "client outcome" → times. Outcomes that begin with "WRONG" must never come. */
  readonly counts: ReadonlyMap<string, number>;
  stop(): Promise<void>;
}

interface Context {
  readonly port: number;
  readonly agent: Agent;
}

type Client = (context: Context) => Promise<string>;

const between = (low: number, high: number): number => low + Math.random() * (high - low);

/** How many of each, and the pause between two turns of one. */
const CLIENTS: readonly (readonly [name: string, count: number, pauseMs: number, client: Client])[] = [
  ['get', 8, 2, (context) => ask(context, { path: '/' })],
  ['chunked', 2, 10, (context) => ask(context, { path: '/chunked' })],
  ['upload', 2, 20, (context) => ask(context, { path: '/', body: [Buffer.alloc(UPLOAD_BYTES, 'u')], sized: true })],
  ['chunked-upload', 2, 20, (context) => ask(context, { path: '/', body: pieces() })],
  ['abort', 4, 10, abort],
  ['slow-reader', 3, 50, slowReader],
  ['websocket', 4, 20, webSocket],
];

export function startTraffic(port: number): Traffic {
  const agent = new Agent({ keepAlive: true });
  const counts = new Map<string, number>();
  let running = true;
  const loop = async (name: string, pauseMs: number, client: Client): Promise<void> => {
    while (running) {
      const key = `${name} ${await client({ port, agent })}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      await sleep(pauseMs);
    }
  };
  const loops = CLIENTS.flatMap(([name, count, pauseMs, client]) =>
    Array.from({ length: count }, () => loop(name, pauseMs, client)),
  );
  return {
    counts,
    async stop() {
      running = false;
      await Promise.all(loops);
      agent.destroy();
    },
  };
}

function pieces(): Buffer[] {
  return Array.from({ length: 20 }, () => Buffer.alloc(Math.floor(between(1, 8000)), 'p'));
}

interface Question {
  readonly path: string;
  readonly body?: readonly Buffer[];
  /** With a Content-Length; otherwise chunked. */
  readonly sized?: boolean;
}

function ask({ port, agent }: Context, { path, body = [], sized = false }: Question): Promise<string> {
  const bytes = body.reduce((sum, piece) => sum + piece.length, 0);
  const method = bytes > 0 ? 'POST' : 'GET';
  const headers = sized ? { 'content-length': bytes } : {};
  return new Promise((resolve) => {
    const call = request({ host: '127.0.0.1', port, path, method, headers, agent }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('error', () => resolve('cut'));
      response.on('end', () => {
        const wrong = response.statusCode === 200 && !isRight(path, text, bytes);
        resolve(wrong ? `WRONG body of ${text.length} bytes` : String(response.statusCode));
      });
    });
    call.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'error'));
    for (const piece of body) call.write(piece);
    call.end();
  });
}

function isRight(path: string, text: string, sent: number): boolean {
  if (sent > 0) return text === String(sent);
  return path === '/chunked' ? text.endsWith('chunk 19\n') : text === 'ok\n';
}

/** Goes away at any moment: before the answer, within the answer, within the own body. */
async function abort({ port }: Context): Promise<string> {
  const upload = Math.random() < 0.3;
  const path = Math.random() < 0.5 ? '/slow' : '/large';
  const call = request({ host: '127.0.0.1', port, path, method: upload ? 'POST' : 'GET', agent: false });
  call.on('error', () => undefined);
  call.on('response', (response) => response.on('error', () => undefined).resume());
  if (upload) call.write(Buffer.alloc(50_000, 'a'));
  else call.end();
  const closed = new Promise((resolve) => call.once('close', resolve));
  await sleep(between(0, 60));
  call.destroy();
  await closed;
  return 'gone';
}

/** Takes 1 MiB in small sips. */
async function slowReader({ port }: Context): Promise<string> {
  const call = request({ host: '127.0.0.1', port, path: '/large', agent: false });
  call.end();
  const response = await answerOf(call);
  if (response === undefined) return 'cut';
  let bytes = 0;
  response.on('error', () => undefined);
  response.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    response.pause();
    setTimeout(() => response.resume(), 5);
  });
  await new Promise((resolve) => response.once('close', resolve));
  if (response.statusCode !== 200) return String(response.statusCode);
  if (bytes === LARGE_BYTES) return '200';
  return response.complete ? `WRONG body of ${bytes} bytes` : 'cut';
}

function answerOf(call: ClientRequest): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    call.once('response', resolve);
    call.on('error', () => resolve(undefined));
  });
}

async function webSocket({ port }: Context): Promise<string> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
  let echoed = 0;
  let wrong = false;
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  const opened = await new Promise<boolean>((resolve) => {
    socket.once('open', () => resolve(true));
    socket.on('error', () => resolve(false));
  });
  if (!opened) return 'refused';
  const messages = Math.floor(between(1, 20));
  socket.on('message', (data) => {
    // oxlint-disable-next-line typescript/no-base-to-string -- text frames of a Buffer
    wrong ||= data.toString() !== `message ${echoed}`;
    echoed++;
    if (echoed < messages) socket.send(`message ${echoed}`);
    else if (Math.random() < 0.5) socket.close();
    else socket.terminate();
  });
  socket.send('message 0');
  await closed;
  if (wrong) return 'WRONG echo';
  return echoed === messages ? 'echoed' : 'cut';
}
