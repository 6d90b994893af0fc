// Owns what may be read of the balancer: its status as a whole and in parts, health with its evidence, numbers for Prometheus.

import { createRoute, z } from '@hono/zod-openapi';
import type { PoolStatus } from '../../runtime/facade.ts';
import { type AdminApp, type AdminParts, plain, refuse } from '../context.ts';
import { anything, healthChange, problem, runtimeChanges, whoami } from '../schemas.ts';

const json = <T extends z.ZodType>(schema: T, description: string) => ({
  content: { 'application/json': { schema } },
  description,
});
const missing = { content: { 'application/problem+json': { schema: problem } }, description: 'there is none' };
const MOST_CHANGES = 1000;
const FALLS = [1, 2, 3, 4, 5, 6, 8, 10];
const hindsightOf = z.object({ fall: z.number().int(), downs: z.number().int(), downMs: z.number() });

export function addStatusRoutes(app: AdminApp, { balancer, live, gate, autoscale = () => [] }: AdminParts): void {
  app.get('/metrics', (c) =>
    c.body(balancer.metrics(), 200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' }),
  );
  const status = async () => balancer.status();
  // As before there was an API; kept for scripts.
  app.get('/status', async (c) => c.body(`${JSON.stringify(await status(), null, 2)}\n`, 200, JSON_TYPE));
  app.get('/latency', (c) => c.body(`${JSON.stringify(balancer.latency())}\n`, 200, JSON_TYPE));

  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/whoami',
      summary: 'Who asks, and what he may do',
      responses: { 200: json(whoami, 'the name of the token, or `local`') },
    }),
    (c) => c.json({ ...c.var.who, asks: gate.asks }, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/world',
      summary: 'Sites and measured client networks, with where they are',
      responses: { 200: json(anything, 'for a map') },
    }),
    (c) => c.json(plain(balancer.world()), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/status',
      summary: 'Everything there is to see',
      responses: { 200: json(anything, 'listeners, pools, endpoints, splits, workers, newest changes') },
    }),
    async (c) => c.json(plain(await status()), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/pools',
      summary: 'All pools with their endpoints',
      responses: { 200: json(z.array(anything), 'pools') },
    }),
    async (c) => c.json((await status()).pools.map(plain), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/pools/{pool}',
      summary: 'One pool',
      request: { params: z.object({ pool: z.string() }) },
      responses: { 200: json(anything, 'the pool'), 404: missing },
    }),
    async (c) => {
      const found = poolOf((await status()).pools, c.req.valid('param').pool);
      return found === undefined ? (refuse(c, 404, 'there is no such pool') as never) : c.json(plain(found), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/listeners',
      summary: 'All listeners',
      responses: { 200: json(z.array(anything), 'listeners') },
    }),
    async (c) => c.json((await status()).listeners.map(plain), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/timeline',
      summary: 'Changes of health with their evidence, newest first',
      request: {
        query: z.object({
          endpoint: z.string().optional().openapi({ description: '`pool/host:port`' }),
          limit: z.coerce.number().int().min(1).max(MOST_CHANGES).default(200),
        }),
      },
      responses: { 200: json(z.array(healthChange), 'changes') },
    }),
    (c) => {
      const { endpoint, limit } = c.req.valid('query');
      return c.json([...balancer.timeline(endpoint)].reverse().slice(0, limit), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/hindsight',
      summary: 'What other values of "fall" would have made of the newest checks of an endpoint',
      request: { query: z.object({ endpoint: z.string().openapi({ description: '`pool/host:port`' }) }) },
      responses: { 200: json(z.array(hindsightOf), 'one for each value'), 404: missing },
    }),
    (c) => {
      const told = balancer.hindsight(c.req.valid('query').endpoint, FALLS);
      return told === undefined
        ? (refuse(c, 404, 'there is no such endpoint, or it is not checked') as never)
        : c.json([...told], 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/changes',
      summary: 'What operators changed beside the configuration, and whether that outlives a restart',
      responses: { 200: json(runtimeChanges, 'changes') },
    }),
    (c) => c.json({ ...balancer.operations.changes(), changes: [...balancer.operations.changes().changes] }, 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/autoscale',
      summary: 'How pools are scaled: what was measured, how many there should be, and why',
      responses: { 200: json(z.array(anything), 'one for each pool that is scaled') },
    }),
    (c) => c.json(autoscale().map(plain), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/live',
      summary: 'Rates and percentiles of the last second',
      responses: { 200: json(anything, 'numbers') },
    }),
    (c) => c.json(plain(live.latest ?? { at: 0, listeners: [], routes: [], pools: [], endpoints: [] }), 200),
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/pools/{pool}/past',
      summary: 'The last minutes of a pool, one value a second',
      request: { params: z.object({ pool: z.string() }) },
      responses: { 200: json(anything, 'columns') },
    }),
    (c) => c.json(plain(live.past(c.req.valid('param').pool)), 200),
  );
}

const JSON_TYPE = { 'content-type': 'application/json' };

const poolOf = (pools: readonly PoolStatus[], wanted: string): PoolStatus | undefined =>
  pools.find(({ name }) => name === wanted);
