// Owns the connection to the event stream: fetched, because an EventSource cannot carry a token; comes back by itself, soon at
// first and then more slowly, and at once when somebody looks at the page again.
//
//   connecting ──first bytes──▶ live ──silence or an end──▶ lost ──wait──▶ connecting          refused: 401, until there is a token

import { fields } from './api.ts';

export type StreamState = 'connecting' | 'live' | 'lost' | 'refused';

export interface StreamHandler {
  onEvent(event: string, data: unknown): void;
  onState(state: StreamState): void;
}

const SHORTEST_MS = 500;
const LONGEST_MS = 5000;
/** The server says something every 15 s at least. */
const SILENCE_MS = 20_000;

export class Stream {
  readonly #handler: StreamHandler;
  #abort: AbortController | undefined;
  #wake: (() => void) | undefined;
  #heard = 0;
  #runs = false;

  constructor(handler: StreamHandler) {
    this.#handler = handler;
    const soon = (): void => {
      if (!document.hidden) this.#wake?.();
    };
    addEventListener('online', soon);
    document.addEventListener('visibilitychange', soon);
    setInterval(() => {
      if (this.#abort !== undefined && performance.now() - this.#heard > SILENCE_MS) this.#abort.abort();
    }, 1000);
  }

  start(): void {
    if (this.#runs) return;
    this.#runs = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    let wait = SHORTEST_MS;
    for (;;) {
      this.#handler.onState('connecting');
      const end = await this.#once();
      if (end === 'refused') {
        this.#runs = false;
        return this.#handler.onState('refused');
      }
      this.#handler.onState('lost');
      wait = end === 'was live' ? SHORTEST_MS : Math.min(LONGEST_MS, wait * 1.6);
      await this.#pause(wait);
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(done, ms);
      this.#wake = done;
    });
  }

  async #once(): Promise<'refused' | 'was live' | 'failed'> {
    const abort = new AbortController();
    this.#abort = abort;
    this.#heard = performance.now();
    let wasLive = false;
    try {
      const response = await fetch('/api/v1/events', { headers: fields(), signal: abort.signal, cache: 'no-store' });
      if (response.status === 401) return 'refused';
      if (!response.ok || response.body === null) return 'failed';
      wasLive = true;
      this.#handler.onState('live');
      await this.#read(response.body);
    } catch {
      // Lost: told below.
    } finally {
      this.#abort = undefined;
    }
    return wasLive ? 'was live' : 'failed';
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const reader = body.getReader();
    const decoder = new TextDecoder();
    let text = '';
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      this.#heard = performance.now();
      text += decoder.decode(value, { stream: true });
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        this.#take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
  }

  #take(block: string): void {
    let event = '';
    let data = '';
    for (const line of block.split('\n')) {
      if (line.startsWith('event: ')) event = line.slice(7);
      else if (line.startsWith('data: ')) data += line.slice(6);
    }
    if (data !== '') this.#handler.onEvent(event, JSON.parse(data));
  }
}
