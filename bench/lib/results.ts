// Owns the results of scenarios as files, bench/results/<scenario>.json: everything a table needs, and what machine and
// versions they are of.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { findProgram, type Program } from '../../src/testing/programs.ts';

/** One measurement; microseconds are per request. */
export interface Sample {
  readonly requests: number;
  readonly seconds: number;
  readonly userUs: number;
  readonly systemUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly errors: number;
}

export interface SubjectResult {
  readonly name: string;
  /** Why there are no rounds. */
  readonly missing?: string;
  readonly rounds: readonly Sample[];
}

/** One round of the kernel path's comparison. */
export interface NatSample {
  readonly connections: number;
  readonly seconds: number;
  /** Of the balancer's processes, over all connections. */
  readonly cpuUs: number;
  /** Of the whole machine: load, backends, kernel. */
  readonly machineUs: number;
  readonly errors: number;
  /** One stream. */
  readonly gbits: number;
}

export interface NatResult {
  readonly name: string;
  readonly rounds: readonly NatSample[];
}

export interface Machine {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly kernel: string;
  /** 1, 5 and 15 minutes, before anything was started. */
  readonly loadAverage: readonly number[];
  readonly versions: Readonly<Record<string, string>>;
}

export interface ScenarioResult {
  readonly scenario: string;
  readonly title: string;
  readonly note: string;
  readonly machine: Machine;
  readonly seconds: number;
  /** The first subject is what the others are compared with. */
  readonly subjects?: readonly SubjectResult[];
  /** Bytes per connection, one per round. */
  readonly memory?: readonly { readonly name: string; readonly missing?: string; readonly bytes: readonly number[] }[];
  /** The kernel path, a proxy, and no balancer at all, in this order. */
  readonly nat?: readonly NatResult[];
  /** Microbenchmarks: nanoseconds per operation. */
  readonly micro?: readonly { readonly name: string; readonly ns: Readonly<Record<string, number>> }[];
}

const FOLDER = fileURLToPath(new URL('../results/', import.meta.url));
const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export function describeMachine(): Machine {
  const versionOf = (program: Program, args: string[], pattern: RegExp): string => {
    const path = findProgram(program);
    if (path === undefined) return 'not installed';
    // wrk prints its version and fails.
    const [file, rest] = ['/bin/sh', ['-c', `"${path}" ${args.join(' ')} 2>&1 || true`]];
    return pattern.exec(execFileSync(file, rest, { encoding: 'utf8' }))?.[1] ?? 'unknown';
  };
  const packageVersion = (path: string): string =>
    (JSON.parse(readFileSync(`${ROOT}${path}/package.json`, 'utf8')) as { version: string }).version;
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    kernel: release(),
    loadAverage: loadavg().map((load) => Math.round(load * 100) / 100),
    versions: {
      evenkeel: packageVersion('.'),
      commit: commit(),
      node: process.version,
      nginx: versionOf('nginx', ['-v'], /nginx\/(\S+)/),
      haproxy: versionOf('haproxy', ['-v'], /version (\S+)/),
      wrk: versionOf('wrk', ['-v'], /wrk (\S+)/),
      dnsperf: versionOf('dnsperf', ['-h'], /Version (\S+)/),
      gdnsd: versionOf('gdnsd', ['-h'], /version (\S+)/),
      PowerDNS: versionOf('pdns_server', ['--version'], /Authoritative Server (\S+)/),
      h2load: versionOf('h2load', ['--version'], /nghttp2\/(\S+)/),
      '@fastify/http-proxy': packageVersion('node_modules/@fastify/http-proxy'),
      httpxy: packageVersion('node_modules/httpxy'),
      '@grpc/grpc-js': packageVersion('node_modules/@grpc/grpc-js'),
    },
  };
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: ROOT, encoding: 'utf8' }).trim();
  } catch {
    return 'unknown';
  }
}

export function saveResult(result: ScenarioResult): void {
  mkdirSync(FOLDER, { recursive: true });
  const file = `${FOLDER}${result.scenario}.json`;
  writeFileSync(`${file}.tmp`, `${JSON.stringify(result, null, 2)}\n`);
  renameSync(`${file}.tmp`, file);
}

/** What is kept of an earlier run, so that measuring one scenario again leaves the others in the table. */
export function loadResult(scenario: string): ScenarioResult | undefined {
  try {
    return JSON.parse(readFileSync(`${FOLDER}${scenario}.json`, 'utf8')) as ScenarioResult;
  } catch {
    return undefined;
  }
}
