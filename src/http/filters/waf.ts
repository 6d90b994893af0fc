// Owns the filter `waf`: shows a request to the engine, tells what it found, and refuses the request where it should. The engine runs
// on this thread for no longer than its budget; nothing of it outlives the request.

import type { WafBodyType, WafSettings } from '../../config/types.ts';
import type { Filter, FilterKind, FilterRequest, FilterTools, Verdict } from '../filter.ts';
import { type BodyAddresses, bodyAddresses, bodyTypeOf, decompressed } from '../waf/body.ts';
import { loadEngine, WITHOUT_ENGINE } from '../waf/engine.ts';
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
    const context = rules.createContext();
    let result: ReturnType<typeof context.run>;
    try {
      result = context.run({ persistent: payloadOf(request, body) }, budgetMs * 1000);
    } finally {
      context.dispose();
    }
    if (result.timeout) count('waf-timeout');
    const { events = [] } = result;
    if (events.length === 0) return result.timeout && blocks && onTimeout === 'block' ? refused : undefined;
    count(blocks ? 'waf-blocked' : 'waf-detected');
    const { client, requestId, route } = request;
    for (const event of events)
      log(blocks ? 'waf blocked a request' : 'waf found an attack', { ...hitOf(event), client, requestId, route });
    return blocks ? refused : undefined;
  };
}

/** By the names that rules know. */
function payloadOf(request: FilterRequest, { body, filenames }: BodyAddresses): object {
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
  if (body !== undefined) payload['server.request.body'] = body;
  if (filenames.length > 0) payload['server.request.body.filenames'] = filenames;
  return payload;
}
