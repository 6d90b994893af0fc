// Owns what operators change about endpoints through the API: mode, weight, coming and going, and taking all of that back.

import { createRoute, z } from '@hono/zod-openapi';
import type { Changed, EndpointReport } from '../../runtime/facade.ts';
import {
  type AdminApp,
  type AdminContext,
  type AdminParts,
  type Asked,
  account,
  noteOf,
  plain,
  refuse,
} from '../context.ts';
import { anything, endpointChange, newEndpoint, problem, saved } from '../schemas.ts';

const body = <T extends z.ZodType>(schema: T) => ({ content: { 'application/json': { schema } }, required: true });
const responses = {
  200: { content: { 'application/json': { schema: saved } }, description: 'in effect' },
  404: { content: { 'application/problem+json': { schema: problem } }, description: 'there is none' },
  422: { content: { 'application/problem+json': { schema: problem } }, description: 'refused, as a file would be' },
};
const params = z.object({
  pool: z.string(),
  address: z.string().openapi({ description: '`host:port`, with "%" escapes where needed', example: '10.0.1.1:8080' }),
});
const query = z.object({ note: z.string().max(200).default('') });
const PATH = '/api/v1/pools/{pool}/endpoints/{address}';

export function addEndpointRoutes(app: AdminApp, parts: AdminParts): void {
  const { balancer } = parts;
  const { operations } = balancer;
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'One endpoint, and what runs there now',
      request: { params },
      responses: {
        200: { content: { 'application/json': { schema: anything } }, description: 'the endpoint' },
        404: responses[404],
      },
    }),
    async (c) => {
      const { pool, address } = c.req.valid('param');
      const found = await reportOf(parts, pool, address);
      if (found === undefined) return refuse(c, 404, `there is no endpoint "${pool}/${address}"`) as never;
      return c.json(plain({ ...found, running: operations.running(found.id) }), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'patch',
      path: PATH,
      summary: 'Change mode or weight',
      request: { params, body: body(endpointChange) },
      responses,
    }),
    async (c) => {
      const { pool, address } = c.req.valid('param');
      const { mode, weight, note } = c.req.valid('json');
      const id = `${pool}/${address}`;
      const before = await reportOf(parts, pool, address);
      if (before === undefined) return refuse(c, 404, `there is no endpoint "${id}"`) as never;
      if (weight === undefined && mode === undefined) return refuse(c, 422, 'nothing is to be changed') as never;
      let done: Changed = { ok: true, value: { saved: false } };
      if (weight !== undefined) {
        done = await operations.setWeight(id, weight, noteOf(c, note));
        tell(parts, c, { action: 'set-weight', what: id, before: before.weight, after: weight, note }, done);
        if (!done.ok) return answer(c, done) as never;
      }
      if (mode !== undefined) {
        done = await operations.setMode(id, mode, noteOf(c, note));
        tell(parts, c, { action: 'set-mode', what: id, before: before.override.mode, after: mode, note }, done);
      }
      return answer(c, done) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/pools/{pool}/endpoints',
      summary: 'Add an endpoint',
      request: { params: z.object({ pool: z.string() }), body: body(newEndpoint) },
      responses,
    }),
    async (c) => {
      const { pool } = c.req.valid('param');
      const { endpoint, note } = c.req.valid('json');
      const done = await operations.addEndpoint(pool, endpoint, noteOf(c, note));
      tell(parts, c, { action: 'add-endpoint', what: pool, before: null, after: endpoint, note }, done);
      return answer(c, done) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: PATH,
      summary: 'Take an endpoint away; what runs there finishes',
      request: { params, query },
      responses,
    }),
    async (c) => {
      const { pool, address } = c.req.valid('param');
      const { note } = c.req.valid('query');
      const id = `${pool}/${address}`;
      const before = await reportOf(parts, pool, address);
      if (before === undefined) return refuse(c, 404, `there is no endpoint "${id}"`) as never;
      const done = await operations.removeEndpoint(id, noteOf(c, note));
      const was = { weight: before.weight, state: before.state, origin: before.origin };
      tell(parts, c, { action: 'remove-endpoint', what: id, before: was, after: null, note }, done);
      return answer(c, done) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: `${PATH}/changes`,
      summary: 'Take back what operators said about it',
      request: { params, query },
      responses,
    }),
    async (c) => {
      const { pool, address } = c.req.valid('param');
      const { note } = c.req.valid('query');
      const id = `${pool}/${address}`;
      const before = operations.changes().changes.filter(({ what }) => what === id);
      const done = await operations.takeBack(id, noteOf(c, note));
      tell(parts, c, { action: 'take-back', what: id, before, after: null, note }, done);
      return answer(c, done) as never;
    },
  );
}

async function reportOf({ balancer }: AdminParts, pool: string, address: string): Promise<EndpointReport | undefined> {
  const { pools } = await balancer.status();
  return pools.find(({ name }) => name === pool)?.endpoints.find((one) => one.address === address);
}

function tell(parts: AdminParts, c: AdminContext, asked: Asked, done: Changed): void {
  account(parts, c, asked, done.ok);
}

export function answer(c: AdminContext, done: Changed): Response {
  if (done.ok) return c.json(done.value, 200);
  return refuse(c, 422, done.error[0]?.message ?? 'refused', { issues: done.error });
}
