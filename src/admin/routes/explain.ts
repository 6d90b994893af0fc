// Owns asking what would become of a request, a connection or a DNS query.

import { createRoute, z } from '@hono/zod-openapi';
import { type AdminApp, type AdminParts, plain, refuse } from '../context.ts';
import { anything, problem } from '../schemas.ts';

const from = z.string().max(64).default('192.0.2.1').openapi({ description: 'address of who asks' });
const question = z
  .discriminatedUnion('protocol', [
    z.strictObject({
      protocol: z.literal('http'),
      method: z.string().max(32).default('GET'),
      url: z.string().max(16_384),
      headers: z
        .array(z.tuple([z.string().max(256), z.string().max(16_384)]))
        .max(200)
        .default([]),
      from,
      listener: z.string().default(''),
    }),
    z.strictObject({
      protocol: z.literal('tcp'),
      listener: z.string(),
      from,
      sni: z.string().max(255).default(''),
      alpn: z.array(z.string().max(255)).max(20).default([]),
    }),
    z.strictObject({
      protocol: z.literal('dns'),
      name: z.string().max(255),
      type: z.string().max(16).default('A'),
      from,
    }),
  ])
  .openapi('Question');

export function addExplainRoutes(app: AdminApp, { balancer }: AdminParts): void {
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/explain',
      summary: 'What would become of a request, connection or query, and why; nothing is sent, counted or remembered',
      request: { body: { content: { 'application/json': { schema: question } }, required: true } },
      responses: {
        200: { content: { 'application/json': { schema: anything } }, description: 'the explanation' },
        422: { content: { 'application/problem+json': { schema: problem } }, description: 'the question is wrong' },
      },
    }),
    async (c) => {
      const explained = await balancer.explain(c.req.valid('json'));
      return explained.ok ? c.json(plain(explained.value), 200) : (refuse(c, 422, explained.error) as never);
    },
  );
}
