// Owns one run of wrk, the load generator: what it sends, and what it saw. One thread on the load core.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../src/testing/programs.ts';
import { LARGE_BYTES } from './backends.ts';
import { routePath } from './configs.ts';
import { LOAD_CORE } from './cores.ts';
import type { Scope } from './scope.ts';

export interface Load {
  readonly by?: undefined;
  readonly connections: number;
  readonly path: string;
  /** A POST with a body of 1 MiB. */
  readonly upload?: boolean;
  /** A new connection for every request: the client sends `Connection: close`. */
  readonly close?: boolean;
  /** Ask for these many routes in turn, instead of `path`. */
  readonly routes?: number;
  /** Fields besides. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Over TLS. */
  readonly tls?: boolean;
}

/** What a load generator saw. */
export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Failed connects, reads, writes, timeouts, and answers that were not 2xx or 3xx. */
  readonly errors: number;
}

const DONE = `
done = function(summary, latency)
  local e = summary.errors
  io.write(string.format("\\nRESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
`;

export function wrkScript(scope: Scope, load: Load): string {
  let text = '';
  if (load.close) text += 'wrk.headers["Connection"] = "close"\n';
  for (const [name, value] of Object.entries(load.headers ?? {})) text += `wrk.headers["${name}"] = "${value}"\n`;
  if (load.upload) text += `wrk.method = "POST"\nwrk.body = string.rep("x", ${LARGE_BYTES})\n`;
  if (load.routes !== undefined) text += routesScript(load.routes);
  const file = join(scope.folder(), 'load.lua');
  writeFileSync(file, text + DONE);
  return file;
}

/** Made before the run: the load generator shall not spend its time on text. 7919 is prime: every part of the list is hit. */
function routesScript(routes: number): string {
  const path = routePath(0).split('0');
  return `local all, turn = {}, 0
init = function()
  for i = 0, 4095 do all[i] = wrk.format("GET", "${path[0]}" .. ((i * 7919) % ${routes}) .. "${path[1]}items/7") end
end
request = function()
  turn = (turn + 1) % 4096
  return all[turn]
end
`;
}

export async function runWrk(
  scope: Scope,
  script: string,
  load: Load,
  port: number,
  seconds: number,
): Promise<LoadResult> {
  const args = ['-t1', `-c${load.connections}`, `-d${seconds}s`, '--timeout', '10s', '-s', script];
  const url = `http${load.tls ? 's' : ''}://127.0.0.1:${port}${load.path}`;
  const output = await scope.run(LOAD_CORE, findProgram('wrk')!, [...args, url], (seconds + 30) * 1000);
  const numbers = /RESULT (\d+) (\d+) (\d+) (\d+) (\d+)/.exec(output);
  if (numbers === null) throw new Error(`wrk said:\n${output}`);
  const [requests, micros, p50Us, p99Us, errors] = numbers.slice(1).map(Number);
  return { requests, seconds: micros / 1e6, p50Us, p99Us, errors };
}
