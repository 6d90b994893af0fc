// Owns a steady load for scenarios: some keep-alive clients that ask again as soon as they are answered, and an exact
// account of what became of every request.

import { Agent, request } from 'node:http';

export interface LoadResult {
  readonly answered: number;
  /** By status, or by error code for requests without an answer. */
  readonly outcomes: ReadonlyMap<string, number>;
  /** How often each body came: tells which backend answered. */
  readonly bodies: ReadonlyMap<string, number>;
}

export interface Load {
  /** Everything so far; `outcomes` is live. */
  readonly outcomes: Map<string, number>;
  readonly bodies: Map<string, number>;
  stop(): Promise<LoadResult>;
}

export function startLoad(
  port: number,
  { clients = 8, path = '/', method = 'GET', pauseMs = 0, mostMs = 60_000 } = {},
): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: clients });
  const outcomes = new Map<string, number>();
  const bodies = new Map<string, number>();
  let running = true;
  // Ends by itself, so that a failed test does not leave it running.
  const end = performance.now() + mostMs;
  const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
  const once = (): Promise<void> =>
    new Promise((resolve) => {
      const call = request({ port, host: '127.0.0.1', path, method, agent }, (response) => {
        let body = '';
        response.setEncoding('latin1');
        response.on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('error', () => {
          count(outcomes, 'cut');
          resolve();
        });
        response.on('end', () => {
          count(outcomes, String(response.statusCode));
          count(bodies, body);
          resolve();
        });
      });
      call.on('error', (error: NodeJS.ErrnoException) => {
        count(outcomes, error.code ?? 'error');
        resolve();
      });
      call.end();
    });
  const client = async (): Promise<void> => {
    while (running && performance.now() < end) {
      await once();
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const all = Promise.all(Array.from({ length: clients }, client));
  return {
    outcomes,
    bodies,
    async stop() {
      running = false;
      await all;
      agent.destroy();
      return { answered: [...outcomes.values()].reduce((sum, n) => sum + n, 0), outcomes, bodies };
    },
  };
}
