// Owns the filter `waf`: shows a request to the engine, tells what it found, and refuses the request where it should. The engine runs
// on this thread for no longer than its budget; nothing of it outlives the request.

import type { WafBodyType, WafSettings } from '../../config/types.ts';
import type { Filter, FilterKind, FilterRequest, FilterTools, Verdict } from '../filter.ts';
import { type BodyAddresses, bodyAddresses, bodyTypeOf, decompressed } from '../waf/body.ts';
import { type EngineMatch, loadEngine, WITHOUT_ENGINE } from '../waf/engine.ts';
import { groupOf } from '../waf/fit.ts';
import { hitOf } from '../waf/hits.ts';
import { buildRuleSet, PATH, type RuleSet, readRules } from '../waf/ruleset.ts';
import { cookiesOf, fieldsOf, pairsOf, readPath, segmentsOf } from '../waf/values.ts';

/** A body may become so much larger than what was sent of it. */
const MOST_GROWTH = 10;
const NO_BODY: BodyAddresses = { body: undefined, filenames: [] };

export const waf: FilterKind<WafSettings> = {
  name: 'waf',
  build(settings, tools): Filter {
    if (settings.mode === 'off') return {};
    const { body } = settings;
    const judge = judgeOf(settings, tools, ruleSetOf(settings, tools));
    return {
      onRequest(request) {
        const type =
          request.bodyLength === 0 || body.maxBytes === 0 ? undefined : bodyTypeOf(request.header('content-type'));
        if (type === undefined || !body.types.includes(type)) return judge(request, NO_BODY);
        return request.body(body.maxBytes).then((bytes) => withBody(request, bytes, type, body.maxBytes, judge));
      },
    };
  },
};

type Judge = (request: FilterRequest, body: BodyAddresses) => Verdict;

async function withBody(
  request: FilterRequest,
  bytes: Buffer,
  type: WafBodyType,
  most: number,
  judge: Judge,
): Promise<Verdict> {
  const coding = request.header('content-encoding') ?? '';
  const plain = await decompressed(bytes, coding, most * MOST_GROWTH);
  // Looked at as text when nobody can say what it is.
  const contentType = plain === undefined ? '' : (request.header('content-type') ?? '');
  return judge(request, bodyAddresses(plain ?? bytes, plain === undefined ? 'text' : type, contentType));
}

/** Kept across reloads, and shared by all filters that are told the same. */
function ruleSetOf({ rules: from, exclude }: WafSettings, { resources }: FilterTools): RuleSet {
  const rules = readRules(from);
  if (!rules.ok) throw new Error(`waf: the rules "${from}": ${rules.error}`);
  return resources.get(`waf ${rules.value.digest} ${JSON.stringify(exclude)}`, () => {
    const engine = loadEngine();
    if (!engine.ok) throw new Error(`waf ${engine.error}; ${WITHOUT_ENGINE}`);
    const built = buildRuleSet(engine.value, rules.value.rules, exclude);
    if (!built.ok) throw new Error(`waf: the rules "${from}": ${built.error}`);
    return built.value;
  });
}

function judgeOf(
  { mode, budgetMs, onTimeout, status }: WafSettings,
  { count, log }: FilterTools,
  rules: RuleSet,
): Judge {
  const refused = { status, code: 'filter-refused' } as const;
  const blocks = mode === 'block';
  return (request, body) => {
    const { events, timeout } = looked(rules, [headOf(request), bodyOf(body)], budgetMs);
    if (timeout) count('waf-timeout');
    if (events.length === 0) return timeout && blocks && onTimeout === 'block' ? refused : undefined;
    count(blocks ? 'waf-blocked' : 'waf-detected');
    const { client, requestId, route } = request;
    for (const event of events)
      log(blocks ? 'waf blocked a request' : 'waf found an attack', { ...hitOf(event), client, requestId, route });
    return blocks ? refused : undefined;
  };
}

/** One after the other, so that a body that takes all the time hides nothing in the head. */
function looked(
  rules: RuleSet,
  parts: readonly (object | undefined)[],
  budgetMs: number,
): { readonly events: readonly EngineMatch[]; readonly timeout: boolean } {
  const context = rules.createContext();
  const events: EngineMatch[] = [];
  let timeout = false;
  try {
    for (const part of parts) {
      if (part === undefined) continue;
      const result = context.run({ persistent: part }, budgetMs * 1000);
      events.push(...(result.events ?? []));
      timeout ||= result.timeout;
    }
  } finally {
    context.dispose();
  }
  return { events, timeout };
}

function bodyOf({ body, filenames }: BodyAddresses): object | undefined {
  if (body === undefined) return undefined;
  const payload = { 'server.request.body': body };
  return filenames.length === 0 ? payload : { ...payload, 'server.request.body.filenames': filenames };
}

/** By the names that rules know. */
function headOf(request: FilterRequest): object {
  const cookies = request.header('cookie');
  const { target, path, query } = request;
  const payload: Record<string, unknown> = {
    [PATH]: path,
    'http.client_ip': request.client,
    'server.request.method': request.method,
    'server.request.uri.raw': readPath(target),
    'server.request.path_params': segmentsOf(target.split('?', 1)[0]),
    'server.request.headers.no_cookies': groupOf(fieldsOf(request)),
  };
  if (query !== '' || target.includes('?')) {
    const at = target.indexOf('?');
    payload['server.request.query'] = groupOf(pairsOf(at < 0 ? query : target.slice(at + 1)));
  }
  if (cookies !== undefined) payload['server.request.cookies'] = groupOf(cookiesOf(cookies));
  return payload;
}
