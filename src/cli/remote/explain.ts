// Owns `evenkeel explain`: asks the running balancer what would become of a request, a connection or a DNS query, and says it in words.

import type {
  CandidateReport,
  DnsExplanation,
  Explanation,
  HttpExplanation,
  TcpExplanation,
} from '../../runtime/facade.ts';
import type { CliContext } from '../context.ts';
import { failWith, type RemoteCommandOptions, theBalancer } from './command.ts';

export interface ExplainOptions extends RemoteCommandOptions {
  readonly header?: readonly string[];
  readonly from: string;
  readonly listener?: string;
  readonly sni?: string;
  readonly alpn?: readonly string[];
}

export async function explain(
  ctx: CliContext,
  what: string,
  target: string,
  type: string,
  options: ExplainOptions,
): Promise<void> {
  const question = questionOf(what, target, type, options);
  if (typeof question === 'string') return failWith(ctx, question);
  const balancer = await theBalancer(ctx, options);
  if (balancer === undefined) return;
  const answer = await balancer.get('POST', '/api/v1/explain', { body: question });
  if (!answer.ok) return failWith(ctx, answer.error);
  const told = answer.value.body as Explanation;
  ctx.stdout.write(options.json === true ? `${JSON.stringify(told, null, 2)}\n` : textOf(told, options.from));
}

function questionOf(what: string, target: string, type: string, options: ExplainOptions): object | string {
  const { from, listener = '', sni = '', alpn = [], header = [] } = options;
  if (what === 'tcp') return { protocol: 'tcp', listener: target, from, sni, alpn };
  if (what === 'dns') return { protocol: 'dns', name: target, type, from };
  const headers: [string, string][] = [];
  for (const line of header) {
    const colon = line.indexOf(':');
    if (colon <= 0) return `-H "${line}" is no field: write "Name: value"`;
    headers.push([line.slice(0, colon).trim(), line.slice(colon + 1).trim()]);
  }
  if (!/^https?:\/\//i.test(target)) return `"${target}" is no address: write http://www.example.com/path`;
  return { protocol: 'http', method: what.toUpperCase(), url: target, headers, from, listener };
}

export function textOf(told: Explanation, from: string): string {
  if (told.protocol === 'dns') return dnsText(told, from);
  return told.protocol === 'http' ? httpText(told) : tcpText(told);
}

function httpText(told: HttpExplanation): string {
  const lines = [
    `listener  ${told.listener}`,
    `client    ${told.client.address}, by ${told.client.decidedBy}`,
    `asks for  ${told.host}${told.path}`,
    ...routeLines(told),
    ...told.filters.map(({ place, kind }, i) => `${i === 0 ? 'filters ' : '        '}  ${kind} (of the ${place})`),
    ...(told.variant === '' ? [] : [`variant   ${told.variant}`]),
    ...chosenLines(told),
    ...told.cautions.map((one) => `caution   ${one}`),
  ];
  return `${lines.join('\n')}\n`;
}

function tcpText(told: TcpExplanation): string {
  const client = `client    ${told.client.address}, by ${told.client.decidedBy}`;
  return `${[`listener  ${told.listener}`, client, ...routeLines(told), ...chosenLines(told)].join('\n')}\n`;
}

function routeLines({ route, misses }: HttpExplanation | TcpExplanation): string[] {
  const because = (fails: readonly string[]): string =>
    fails.length === 0 ? 'would do, but another one is more specific or comes first' : `no: ${fails.join(', ')}`;
  return [
    `route     ${route === '' ? '(none)' : route}`,
    ...misses.slice(0, 8).map((miss) => `          - ${miss.route}: ${because(miss.fails)}`),
  ];
}

function chosenLines({ affinity, pool, pick, refusal, retry }: HttpExplanation | TcpExplanation): string[] {
  const lines: string[] = [];
  if (affinity !== undefined) {
    const where = affinity.endpoint === '' ? '' : ` (${affinity.endpoint})`;
    lines.push(`affinity  by ${affinity.by}: ${affinity.result}${where}`);
  }
  if (pool !== undefined) {
    lines.push(`pool      ${pool.pool}, ${pool.balance}, view: ${pool.mode}`);
    const width = Math.max(...pool.candidates.map(({ id }) => id.length), 0);
    lines.push(...pool.candidates.map((one) => candidateLine(one, width, one.id === pick)));
  }
  lines.push(pick === '' ? `answer    ${refusal}` : `pick      ${pick}${pool === undefined ? '' : `, by ${pool.by}`}`);
  if (retry !== undefined && pick !== '') {
    const next = retry.next === '' ? '' : `; next: ${retry.next}`;
    lines.push(`retry     ${retry.attempts === 0 ? 'never' : `up to ${retry.attempts}, ${retry.when}${next}`}`);
  }
  return lines;
}

function candidateLine(
  { id, weight, inFlight, ewmaMs, limit, score, excluded }: CandidateReport,
  width: number,
  isPick: boolean,
): string {
  const most = limit === 0 ? '' : `/${limit}`;
  const parts = [
    `weight ${Math.round(weight * 100) / 100}`,
    `${inFlight}${most} in flight`,
    ...(ewmaMs === 0 ? [] : [`${ewmaMs.toFixed(1)} ms`]),
    ...(score === undefined ? [] : [`score ${score.toFixed(2)}`]),
  ];
  const mark = isPick ? '>' : excluded === '' ? ' ' : 'x';
  return `        ${mark} ${id.padEnd(width)}  ${parts.join(', ')}${excluded === '' ? '' : `  (out: ${excluded})`}`;
}

function dnsText({ rcode, answers, decidedBy, scope, why }: DnsExplanation, from: string): string {
  const lines = [
    `asked from ${from}: ${rcode}`,
    ...answers.map(({ name, ttl, type, data }) => `  ${name} ${ttl} ${type} ${data}`),
    ...(decidedBy === '' ? [] : [`decided by ${decidedBy}`]),
    ...(scope > 0 ? [`the same for everybody who shares the first ${scope} bits of that address`] : []),
    ...why.map((one) => `  ${one}`),
  ];
  return `${lines.join('\n')}\n`;
}
