// Owns explaining what a question would be answered in this worker, and which policies decided.

import { readIp } from '../../core/ip.ts';
import { err, ok, type Result } from '../../core/result.ts';
import { Answerer } from '../../dns/engine/answerer.ts';
import type { AnswerSettings, AnswerTools } from '../../dns/engine/settings.ts';
import { readMessage } from '../../dns/wire/message.ts';
import { parseName } from '../../dns/wire/name.ts';
import { typeCode } from '../../dns/wire/types.ts';
import { SLACK } from '../../dns/wire/writer.ts';
import type { DnsExplanation, DnsQuestion } from './explanation.ts';

const MOST_ANSWER = 65_535;

export function explainDns(
  { name, type, from }: DnsQuestion,
  settings: AnswerSettings,
  tools: AnswerTools,
): Result<DnsExplanation, string> {
  const question = parseName(name.endsWith('.') ? name : `${name}.`);
  if (typeof question === 'string') return err(`"${name}" ${question}`);
  const code = typeCode(type.toUpperCase());
  if (code === undefined) return err(`"${type}" is no record type`);
  if (readIp(from, new Uint8Array(16)) === 0) return err(`"${from}" is no IP address`);
  const answerer = new Answerer(settings, tools);
  const why: string[] = [];
  answerer.lookup.steered.explain = (line) => void why.push(line);
  const packet = queryOf(question, code);
  const out = new Uint8Array(MOST_ANSWER + SLACK);
  // By TCP: an explanation is never limited, and never cut.
  const length = answerer.answer(packet, packet.length, { address: from, transport: 'tcp' }, out, 0);
  const { rcode, answer } = readMessage(out, length);
  const { decidedBy, steered } = answerer.lookup;
  const answers = answer.map((record) => ({
    name: record.name,
    type: record.type,
    ttl: record.ttl,
    data: record.data,
  }));
  return ok({ protocol: 'dns', rcode, answers, decidedBy, scope: steered.scope, why: why.reverse() });
}

/** A question without EDNS, recursion not desired. */
export function queryOf(name: Uint8Array, type: number): Uint8Array {
  return Uint8Array.from([0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, type >> 8, type & 255, 0, 1]);
}
