// Owns what may be asked of balancers that share what they find out: who is there, and one configuration for all of them.

import { createRoute, z } from '@hono/zod-openapi';
import { type AdminApp, type AdminParts, account, plain, refuse } from '../context.ts';
import { anything, problem } from '../schemas.ts';

const asProblem = (description: string) => ({
  content: { 'application/problem+json': { schema: problem } },
  description,
});
const published = z.object({ version: z.number().int() }).openapi('Published');

export function addClusterRoutes(app: AdminApp, parts: AdminParts): void {
  const { cluster } = parts;
  if (cluster === undefined) return;
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/cluster',
      summary: 'Balancers that share, and what became of the published configuration on each',
      responses: {
        200: { content: { 'application/json': { schema: anything } }, description: 'with its version as ETag' },
      },
    }),
    (c) => {
      const status = cluster.status();
      c.header('etag', `"${status.config.version}"`);
      return c.json(plain(status), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/cluster/config',
      summary: 'Publish a configuration for all balancers: each applies it as a whole, or refuses it and says why',
      request: {
        body: {
          content: {
            'application/yaml': { schema: z.string() },
            'text/plain': { schema: z.string() },
            'application/json': { schema: z.record(z.string(), z.unknown()) },
          },
          required: true,
        },
        query: z.object({ note: z.string().max(200).default('') }),
      },
      responses: {
        202: { content: { 'application/json': { schema: published } }, description: 'published; look who took it' },
        412: asProblem('somebody was faster: look again'),
        422: asProblem('refused, as a file would be; nothing was published'),
        428: asProblem('say which one you saw: If-Match'),
        503: asProblem('it cannot be published, and why'),
      },
    }),
    async (c) => {
      const { note } = c.req.valid('query');
      const expected = /^(?:W\/)?"(\d{1,15})"$/.exec(c.req.header('if-match') ?? '')?.[1];
      if (expected === undefined)
        return refuse(c, 428, 'say which configuration you saw: the ETag of /api/v1/cluster in If-Match') as never;
      const text = await c.req.text();
      const before = Number(expected);
      const done = await cluster.publish(text, { expected: before, author: c.var.who.name, note });
      const asked = { action: 'publish-config', what: 'the configuration of all', before, note };
      account(parts, c, { ...asked, after: done.ok ? done.value : null }, done.ok);
      if (done.ok) return c.json({ version: done.value }, 202);
      const { error } = done;
      if (error.kind === 'unable') return refuse(c, 503, 'it cannot be published', { detail: error.reason }) as never;
      if (error.kind === 'conflict')
        return refuse(c, 412, `version ${error.version} is the published one by now: look again`) as never;
      const title = 'the configuration is not good; nothing was published';
      return refuse(c, 422, title, { issues: error.issues }) as never;
    },
  );
}
