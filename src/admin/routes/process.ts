// Owns what is asked of the process itself: a successor that takes over without a gap.

import { createRoute, z } from '@hono/zod-openapi';
import { type AdminApp, type AdminParts, account, noteOf, refuse } from '../context.ts';
import { noted, problem } from '../schemas.ts';

const started = z.object({ pid: z.number().int().openapi({ description: 'of the process that serves now' }) });

export function addProcessRoutes(app: AdminApp, parts: AdminParts): void {
  const { restart } = parts;
  if (restart === undefined) return;
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/restart',
      summary: 'Start a successor on the same sockets; this process finishes what runs and ends',
      request: { body: { content: { 'application/json': { schema: noted } }, required: true } },
      responses: {
        200: { content: { 'application/json': { schema: started } }, description: 'it serves' },
        409: {
          content: { 'application/problem+json': { schema: problem } },
          description: 'this process goes on serving',
        },
      },
    }),
    async (c) => {
      const { note } = c.req.valid('json');
      const done = await restart();
      const after = done.ok ? done.value : null;
      account(
        parts,
        c,
        { action: 'restart', what: 'the process', before: process.pid, after, note: noteOf(c, note) },
        done.ok,
      );
      return done.ok ? c.json({ pid: done.value }, 200) : (refuse(c, 409, done.error) as never);
    },
  );
}
