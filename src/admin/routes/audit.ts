// Owns reading the account of changes.

import { createRoute, z } from '@hono/zod-openapi';
import type { AdminApp, AdminParts } from '../context.ts';
import { auditEntry } from '../schemas.ts';

export function addAuditRoutes(app: AdminApp, { audit }: AdminParts): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/audit',
      summary: 'Who changed what through this API, newest first',
      request: { query: z.object({ limit: z.coerce.number().int().min(1).max(500).default(100) }) },
      responses: { 200: { content: { 'application/json': { schema: z.array(auditEntry) } }, description: 'changes' } },
    }),
    (c) => c.json(audit.entries.slice(0, c.req.valid('query').limit), 200),
  );
}
