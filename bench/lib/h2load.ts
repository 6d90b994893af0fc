// Owns one run of h2load, the load generator for HTTP/2 over TLS: what it sends, and what it saw. One thread on the load core.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findProgram } from '../../src/testing/programs.ts';
import { LOAD_CORE } from './cores.ts';
import { GRPC_METHOD, grpcFrame } from './grpc.ts';
import type { Scope } from './scope.ts';
import type { LoadResult } from './wrk.ts';

export interface H2Load {
  readonly by: 'h2load';
  readonly connections: number;
  /** At a time on each connection. */
  readonly streams: number;
  readonly path: string;
  /** Unary gRPC calls with a message of so many bytes, instead of GETs of `path`. */
  readonly grpc?: number;
}

export async function runH2load(scope: Scope, load: H2Load, port: number, seconds: number): Promise<LoadResult> {
  const { connections, streams, path, grpc } = load;
  const folder = scope.folder();
  const log = join(folder, 'log');
  const args = ['-t1', `-c${connections}`, `-m${streams}`, '-D', `${seconds}`, `--log-file=${log}`];
  if (grpc !== undefined) {
    const file = join(folder, 'message');
    writeFileSync(file, grpcFrame('x'.repeat(grpc)));
    args.push('-d', file, '-H', 'content-type: application/grpc', '-H', 'te: trailers');
  }
  const url = `https://127.0.0.1:${port}${grpc === undefined ? path : GRPC_METHOD}`;
  const output = await scope.run(LOAD_CORE, findProgram('h2load')!, [...args, url], (seconds + 30) * 1000);
  const found = (pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? Number.NaN);
  const requests = found(/, (\d+) succeeded/);
  if (!/Application protocol: h2/.test(output) || !(requests >= 0)) throw new Error(`h2load said:\n${output}`);
  const errors = found(/(\d+) failed/) + found(/(\d+) errored/);
  // Start, status and microseconds of every request.
  const latencies = Array.from(readFileSync(log, 'utf8').matchAll(/^\d+\t200\t(\d+)$/gm), ([, text]) => Number(text));
  latencies.sort((a, b) => a - b);
  const quantile = (q: number): number => latencies[Math.floor(q * (latencies.length - 1))] ?? 0;
  return { requests, seconds, p50Us: quantile(0.5), p99Us: quantile(0.99), errors };
}
