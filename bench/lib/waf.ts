// Owns what `bench/waf.ts` measures: the filter as workers build it, and requests as people send them.

import { FILTER_FORMS } from '../../src/config/filters/index.ts';
import type { FilterRequest, FilterTools } from '../../src/http/filter.ts';
import { filterKinds } from '../../src/http/filters/index.ts';
import { Resources } from '../../src/http/resources.ts';

interface Asked {
  readonly target: string;
  readonly fields: readonly (readonly [string, string])[];
  readonly body?: string;
}

const BROWSER = [
  ['Host', 'www.example.com'],
  ['User-Agent', 'Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0'],
  ['Accept', 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'],
  ['Accept-Language', 'de-DE,de;q=0.8,en;q=0.5'],
  ['Accept-Encoding', 'gzip, deflate, br, zstd'],
  ['Referer', 'https://www.example.com/shop/list?page=2'],
  ['Cookie', `session=${'a1b2c3d4'.repeat(8)}; theme=dark`],
] as const;
const JSON_TYPE = ['Content-Type', 'application/json'] as const;
const items = (count: number): string =>
  JSON.stringify(
    Array.from({ length: count }, (_, id) => ({
      id,
      name: `item number ${id}`,
      price: id * 1.5,
      tags: ['new', 'red'],
    })),
  );

export const KINDS_OF_REQUESTS: readonly (Asked & { readonly name: string })[] = [
  { name: 'a path, two fields', target: '/', fields: BROWSER.slice(0, 2) },
  {
    name: 'a browser, with a query of three parameters',
    target: '/shop/list?page=3&sort=price&q=red+shoes',
    fields: BROWSER,
  },
  { name: 'the same with JSON of 1 KB', target: '/api/items', fields: [...BROWSER, JSON_TYPE], body: items(14) },
  { name: 'the same with JSON of 5 KB', target: '/api/items', fields: [...BROWSER, JSON_TYPE], body: items(70) },
  { name: 'the same with JSON of 64 KB', target: '/api/items', fields: [...BROWSER, JSON_TYPE], body: items(850) },
];

export async function wafCost({ target, fields, body }: Asked): Promise<number> {
  const form = FILTER_FORMS.find(({ name }) => name === 'waf')!;
  const tools = { resources: new Resources(), count() {}, log() {} } as unknown as FilterTools;
  const filter = filterKinds([])
    .get('waf')!
    .build(form.schema.parse({ mode: 'block', budget: '1s' }), tools);
  const request = requestOf({ target, fields, body });
  const rounds: number[] = [];
  const calls = body === undefined ? 2000 : Math.max(20, Math.round(400_000 / body.length));
  for (let round = 0; round < 7; round++) {
    const before = performance.now();
    for (let i = 0; i < calls; i++) {
      const verdict = filter.onRequest!(request);
      if ((verdict instanceof Promise ? await verdict : verdict) !== undefined) throw new Error('not let through');
    }
    rounds.push(((performance.now() - before) * 1000) / calls);
  }
  return rounds.sort((a, b) => a - b)[3];
}

function requestOf({ target, fields, body = '' }: Asked): FilterRequest {
  const known = new Map(fields.map(([name, value]) => [name.toLowerCase(), value]));
  const [path, query = ''] = target.split('?');
  const bytes = Buffer.from(body);
  return {
    method: body === '' ? 'GET' : 'POST',
    client: '192.0.2.1',
    requestId: 'x',
    route: '',
    target,
    path,
    query,
    bodyLength: bytes.length,
    header: (name: string) => known.get(name),
    eachField: (call: (name: string, value: string) => void) => {
      for (const [name, value] of fields) call(name, value);
    },
    body: (limit: number) => Promise.resolve(bytes.subarray(0, limit)),
  } as unknown as FilterRequest;
}
