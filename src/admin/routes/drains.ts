// Owns drains that are watched: begin one, see what still runs, take it back.

import { createRoute, z } from '@hono/zod-openapi';
import type { DrainProgress } from '../../runtime/facade.ts';
import { type AdminApp, type AdminParts, account, noteOf, refuse } from '../context.ts';
import { drain, drainRequest, problem } from '../schemas.ts';

const params = z.object({ pool: z.string(), address: z.string() });
const PATH = '/api/v1/pools/{pool}/endpoints/{address}/drain';
const missing = { content: { 'application/problem+json': { schema: problem } }, description: 'there is none' };
const found = { content: { 'application/json': { schema: drain } }, description: 'how far it is' };

/** Without what is not known. */
const shown = (progress: DrainProgress): z.infer<typeof drain> => JSON.parse(JSON.stringify(progress));

export function addDrainRoutes(app: AdminApp, parts: AdminParts): void {
  const { operations } = parts.balancer;
  app.openapi(
    createRoute({
      method: 'post',
      path: PATH,
      summary: 'No new work from now on; what runs may finish',
      request: { params, body: { content: { 'application/json': { schema: drainRequest } }, required: true } },
      responses: { 200: found, 404: missing },
    }),
    (c) => {
      const { pool, address } = c.req.valid('param');
      const { deadlineMs, note } = c.req.valid('json');
      const id = `${pool}/${address}`;
      const begun = operations.drain(id, deadlineMs, noteOf(c, note));
      account(parts, c, { action: 'drain', what: id, before: null, after: { deadlineMs }, note }, begun.ok);
      return begun.ok ? c.json(shown(begun.value), 200) : (refuse(c, 404, begun.error) as never);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: PATH,
      summary: 'How far the newest drain is',
      request: { params },
      responses: { 200: found, 404: missing },
    }),
    (c) => {
      const { pool, address } = c.req.valid('param');
      const progress = operations.drainProgress(`${pool}/${address}`);
      return progress === undefined ? (refuse(c, 404, 'nobody drained it') as never) : c.json(shown(progress), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/drains',
      summary: 'All drains since the start, newest last',
      responses: { 200: { content: { 'application/json': { schema: z.array(drain) } }, description: 'drains' } },
    }),
    (c) => c.json(operations.drains().map(shown), 200),
  );
}
