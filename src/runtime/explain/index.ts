// Owns which part explains what, in one worker.

import type { Clock } from '../../core/env.ts';
import type { PeekableRandom } from '../../core/peekable-random.ts';
import { err, type Result } from '../../core/result.ts';
import type { DnsHandler } from '../../dns/context.ts';
import type { AnswerTools } from '../../dns/engine/settings.ts';
import type { HttpHandler } from '../../http/context.ts';
import type { TcpHandler } from '../../tcp/context.ts';
import type { Handler } from '../handlers.ts';
import { explainDns } from './dns.ts';
import type { Explanation, Question } from './explanation.ts';
import { explainHttp } from './http.ts';
import { explainTcp } from './tcp.ts';

export interface ExplainParts {
  readonly handlers: ReadonlyMap<string, Handler>;
  /** The port that a listener got. */
  readonly port: (listener: string) => number;
  readonly clock: Clock;
  readonly random: PeekableRandom;
  readonly dnsTools: AnswerTools;
}

export function explain(question: Question, parts: ExplainParts): Result<Explanation, string> {
  const { handlers, random, clock, dnsTools, port } = parts;
  return random.looking(() => {
    if (question.protocol === 'http') {
      const http = [...handlers].filter((one): one is [string, HttpHandler] => 'lookUp' in one[1]);
      return explainHttp(
        question,
        new Map(http.map(([name, handler]) => [name, { handler, port: port(name) }])),
        random,
      );
    }
    if (question.protocol === 'dns') {
      const handler = [...handlers.values()].find((one): one is DnsHandler => !('protocol' in one.config));
      return handler === undefined ? err('there is no "dns" part') : explainDns(question, handler, dnsTools);
    }
    const named = handlers.get(question.listener);
    const isTcp = (one: Handler | undefined): one is TcpHandler => one !== undefined && 'router' in one;
    if (isTcp(named)) return explainTcp(question, named, clock, random);
    const names = [...handlers].filter(([, one]) => isTcp(one)).map(([name]) => name);
    return err(
      `there is no TCP listener "${question.listener}"${names.length === 0 ? '' : `; there are: ${names.join(', ')}`}`,
    );
  });
}
