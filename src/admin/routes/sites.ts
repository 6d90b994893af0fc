// Owns taking sites out of DNS answers, and back.

import { createRoute, z } from '@hono/zod-openapi';
import { type AdminApp, type AdminParts, account, noteOf, refuse } from '../context.ts';
import { noted, problem } from '../schemas.ts';

const request = {
  params: z.object({ site: z.string() }),
  body: { content: { 'application/json': { schema: noted } }, required: true },
};
const missing = { content: { 'application/problem+json': { schema: problem } }, description: 'there is none' };
const seconds = z.object({ seconds: z.number().openapi({ description: 'until its endpoints drain as well' }) });
const done = z.object({ done: z.literal(true) });

export function addSiteRoutes(app: AdminApp, parts: AdminParts): void {
  const { operations } = parts.balancer;
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/sites/{site}/drain',
      summary: 'Out of DNS answers now; its endpoints drain when answers have run out',
      request,
      responses: { 200: { content: { 'application/json': { schema: seconds } }, description: 'begun' }, 404: missing },
    }),
    (c) => {
      const { site } = c.req.valid('param');
      const { note } = c.req.valid('json');
      const begun = operations.drainSite(site, noteOf(c, note));
      account(parts, c, { action: 'drain-site', what: site, before: null, after: 'drain', note }, begun.ok);
      return begun.ok ? c.json({ seconds: begun.value }, 200) : (refuse(c, 404, begun.error) as never);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/sites/{site}/ready',
      summary: 'In use again',
      request,
      responses: { 200: { content: { 'application/json': { schema: done } }, description: 'in use' }, 404: missing },
    }),
    (c) => {
      const { site } = c.req.valid('param');
      const { note } = c.req.valid('json');
      const ended = operations.readySite(site, noteOf(c, note));
      account(parts, c, { action: 'ready-site', what: site, before: 'drain', after: 'ready', note }, ended.ok);
      return ended.ok ? c.json({ done: true as const }, 200) : (refuse(c, 404, ended.error) as never);
    },
  );
}
