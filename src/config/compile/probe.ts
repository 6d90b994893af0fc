// Owns the step from the probe that a pool names to the normalized one: exactly one kind, and what its parts must be to
// each other.

import type { Path } from '../issues.ts';
import type { ParsedDocument } from '../schema.ts';
import type { HttpProbeConfig, ProbeBytes, ProbeConfig, ProbeExpect, ProbeTransport } from '../types.ts';
import type { Findings } from './findings.ts';

type ParsedHealth = NonNullable<ParsedDocument['pools'][string]['health']>;
type Talk = NonNullable<ParsedHealth['tcp']>;

export const PROBE_KINDS = ['http', 'grpc', 'tcp', 'udp', 'tls', 'redis', 'mysql', 'postgres', 'smtp'] as const;

/** `transport`: how the pool's traffic reaches its endpoints. */
export function compileProbe(
  health: ParsedHealth,
  transport: ProbeTransport,
  path: Path,
  findings: Findings,
): ProbeConfig {
  const given = PROBE_KINDS.filter((kind) => health[kind] != null);
  if (given.length > 1)
    findings.add(
      path,
      `has ${given.length === 2 ? 'both ' : ''}${given.map((kind) => `"${kind}"`).join(' and ')}; a pool has one kind of probe`,
    );
  const { http, grpc, tcp, udp, tls, redis, mysql, postgres, smtp } = health;
  if (http != null) {
    checkHttp(http, [...path, 'http'], findings);
    return { kind: 'http', ...http, transport };
  }
  if (grpc != null) return { kind: 'grpc', ...grpc, transport };
  if (udp != null) return { kind: 'udp', ...compileTalk(udp, [...path, 'udp'], findings) };
  if (tls != null) {
    if (tls.ca !== '' && !tls.verify) {
      findings.add([...path, 'tls', 'ca'], 'is for nothing while certificates are not verified', 'add "verify: true"');
    }
    return { kind: 'tls', ...tls };
  }
  if (redis != null) {
    if (redis.username !== '' && redis.password === '') {
      findings.add([...path, 'redis', 'username'], 'needs a "password"');
    }
    return { kind: 'redis', ...redis };
  }
  if (mysql != null) return { kind: 'mysql', ...mysql };
  if (postgres != null) return { kind: 'postgres', ...postgres };
  if (smtp != null) return { kind: 'smtp', ...smtp };
  return { kind: 'tcp', ...compileTalk(tcp ?? {}, [...path, 'tcp'], findings) };
}

function compileTalk(
  { send, expect }: Talk,
  path: Path,
  findings: Findings,
): { send: ProbeBytes | undefined; expect: ProbeExpect | undefined } {
  return {
    send: send === undefined ? undefined : compileBytes(send, [...path, 'send'], findings),
    expect: expect === undefined ? undefined : compileExpect(expect, [...path, 'expect'], findings),
  };
}

function compileBytes({ text, hex }: NonNullable<Talk['send']>, path: Path, findings: Findings): ProbeBytes {
  if ((text === undefined) === (hex === undefined)) findings.add(path, 'is either text or { hex: ... }');
  return hex === undefined ? { encoding: 'text', value: text ?? '' } : { encoding: 'hex', value: hex };
}

function compileExpect(expect: NonNullable<Talk['expect']>, path: Path, findings: Findings): ProbeExpect {
  const given = Object.entries(expect).filter(
    (entry): entry is [ProbeExpect['kind'], string] => entry[1] !== undefined,
  );
  if (given.length !== 1) {
    findings.add(path, 'needs exactly one of "contains", "prefix", "exact", "regex" and "hex"');
    return { kind: 'contains', value: '' };
  }
  const [[kind, value]] = given;
  if (kind === 'regex') findings.pattern(value, path);
  return { kind, value };
}

function checkHttp(http: Omit<HttpProbeConfig, 'kind' | 'transport'>, path: Path, findings: Findings): void {
  if (http.body !== undefined) findings.match(http.body, [...path, 'body']);
  if (/[\r\n\0]/.test(http.host)) findings.add([...path, 'host'], 'holds a control character');
  for (const [key, value] of Object.entries(http.headers)) {
    const bad = !/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(key) || /[\r\n\0]/.test(value);
    if (bad) findings.add([...path, 'headers', key], 'is no valid header field');
  }
}
