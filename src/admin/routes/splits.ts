// Owns changing the weights of splits while they run.

import { createRoute, z } from '@hono/zod-openapi';
import { type AdminApp, type AdminParts, account, noteOf } from '../context.ts';
import { problem, saved, splitWeights } from '../schemas.ts';
import { answer } from './endpoints.ts';

const params = z.object({ listener: z.string(), route: z.string() });
const PATH = '/api/v1/splits/{listener}/{route}';
const responses = {
  200: { content: { 'application/json': { schema: saved } }, description: 'in effect' },
  422: { content: { 'application/problem+json': { schema: problem } }, description: 'refused' },
};

export function addSplitRoutes(app: AdminApp, parts: AdminParts): void {
  const { balancer } = parts;
  const sharesOf = async (name: string): Promise<unknown> => {
    const { splits } = await balancer.status();
    const found = splits.find((split) => split.name === name);
    return found && Object.fromEntries(found.variants.map((variant) => [variant.name, variant.share]));
  };
  app.openapi(
    createRoute({
      method: 'put',
      path: PATH,
      summary: 'Weights by variant; a rollout stops',
      request: { params, body: { content: { 'application/json': { schema: splitWeights } }, required: true } },
      responses,
    }),
    async (c) => {
      const { listener, route } = c.req.valid('param');
      const { weights, note } = c.req.valid('json');
      const name = `${listener}/${route}`;
      const before = await sharesOf(name);
      const done = await balancer.operations.setSplit(name, weights, noteOf(c, note));
      account(parts, c, { action: 'set-split', what: name, before, after: weights, note }, done.ok);
      return answer(c, done) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'delete',
      path: PATH,
      summary: 'As configured again; a rollout begins anew',
      request: { params, query: z.object({ note: z.string().max(200).default('') }) },
      responses,
    }),
    async (c) => {
      const { listener, route } = c.req.valid('param');
      const { note } = c.req.valid('query');
      const name = `${listener}/${route}`;
      const before = await sharesOf(name);
      const done = await balancer.operations.resetSplit(name, noteOf(c, note));
      account(parts, c, { action: 'reset-split', what: name, before, after: null, note }, done.ok);
      return answer(c, done) as never;
    },
  );
}
