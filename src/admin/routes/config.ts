// Owns the configuration through the API: see it, plan another one, apply it, go back. Whoever changes it names the one he saw.

import { createRoute, z } from '@hono/zod-openapi';
import type { Configurations, Planned, ProposalRefusal, Result } from '../../runtime/facade.ts';
import { type AdminApp, type AdminContext, type AdminParts, account, noteOf, refuse } from '../context.ts';
import { configState, configVersion, planned, problem } from '../schemas.ts';

const asProblem = (description: string) => ({
  content: { 'application/problem+json': { schema: problem } },
  description,
});
const document = {
  content: {
    'application/yaml': { schema: z.string() },
    'text/plain': { schema: z.string() },
    'application/json': { schema: z.record(z.string(), z.unknown()) },
  },
  required: true,
};
const query = z.object({
  save: z.enum(['true', 'false']).default('false').openapi({ description: 'write it to the file as well' }),
  note: z.string().max(200).default(''),
});
const applied = {
  200: { content: { 'application/json': { schema: planned } }, description: 'in effect' },
  409: asProblem('in effect, but not saved'),
  412: asProblem('somebody was faster: look again'),
  422: asProblem('refused, as a file would be; nothing was applied'),
  428: asProblem('say which one you saw: If-Match'),
};

export function addConfigRoutes(app: AdminApp, parts: AdminParts): void {
  const { configurations } = parts;
  if (configurations === undefined) return;
  addReading(app, configurations);
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/config/plan',
      summary: 'What a configuration would change; applies nothing',
      request: { body: document },
      responses: { 200: applied[200], 422: applied[422] },
    }),
    async (c) => {
      const plan = configurations.plan(await c.req.text());
      if (plan.ok) return c.json(plainly(plan.value), 200);
      return refuse(c, 422, 'the configuration is not good; nothing was applied', { issues: plan.error }) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'put',
      path: '/api/v1/config',
      summary: 'Apply a configuration as a whole',
      request: { body: document, query },
      responses: applied,
    }),
    async (c) => {
      const { save, note } = c.req.valid('query');
      const text = await c.req.text();
      return change(parts, configurations, c, { action: 'apply-config', note, what: 'the configuration' }, (ifMatch) =>
        configurations.propose(text, { ifMatch, save: save === 'true', note: noteOf(c, note) }),
      ) as never;
    },
  );
  app.openapi(
    createRoute({
      method: 'post',
      path: '/api/v1/config/versions/{version}/rollback',
      summary: 'Back to one that was in effect before',
      request: { params: z.object({ version: z.coerce.number().int() }), query },
      responses: applied,
    }),
    async (c) => {
      const { save, note } = c.req.valid('query');
      const { version } = c.req.valid('param');
      const what = `version ${version}`;
      return change(parts, configurations, c, { action: 'roll-back', note, what }, (ifMatch) =>
        configurations.rollback(version, { ifMatch, save: save === 'true', note: noteOf(c, note) }),
      ) as never;
    },
  );
}

function addReading(app: AdminApp, configurations: Configurations): void {
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/config',
      summary: 'The configuration with every default, without secrets',
      responses: { 200: { content: { 'application/json': { schema: configState } }, description: 'with its ETag' } },
    }),
    (c) => {
      const state = configurations.current();
      c.header('etag', `"${state.etag}"`);
      return c.json({ ...state }, 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/config/text',
      summary: 'As it was written, secrets and all: for those who may change it',
      responses: {
        200: { content: { 'text/plain': { schema: z.string() } }, description: 'with its ETag' },
        403: asProblem('this token may read, but not this'),
      },
    }),
    (c) => {
      if (c.var.who.role !== 'operate')
        return refuse(c, 403, 'it may hold secrets: only a token that may operate sees it') as never;
      c.header('etag', `"${configurations.current().etag}"`);
      return c.text(configurations.text(), 200);
    },
  );
  app.openapi(
    createRoute({
      method: 'get',
      path: '/api/v1/config/versions',
      summary: 'Versions that were in effect, newest first',
      responses: {
        200: { content: { 'application/json': { schema: z.array(configVersion) } }, description: 'versions' },
      },
    }),
    (c) => c.json([...configurations.versions()], 200),
  );
}

async function change(
  parts: AdminParts,
  configurations: Configurations,
  c: AdminContext,
  asked: { action: string; note: string; what: string },
  work: (ifMatch: string) => Promise<Result<Planned, ProposalRefusal>>,
): Promise<Response> {
  const ifMatch = /^(?:W\/)?"([0-9a-f]+)"$/.exec(c.req.header('if-match') ?? '')?.[1];
  if (ifMatch === undefined)
    return refuse(c, 428, 'say which configuration you saw: the ETag of /api/v1/config in If-Match');
  const before = configurations.current().etag;
  const done = await work(ifMatch);
  const inEffect = done.ok || done.error.kind === 'unsaved';
  const after = configurations.current().etag;
  account(parts, c, { ...asked, before, after }, inEffect);
  c.header('etag', `"${after}"`);
  if (done.ok) return c.json(plainly(done.value), 200);
  const { error } = done;
  if (error.kind === 'conflict') return refuse(c, 412, 'somebody changed it meanwhile: look again');
  if (error.kind === 'unsaved') return refuse(c, 409, 'in effect, but not saved', { detail: error.problem });
  return refuse(c, 422, 'the configuration is not good; nothing was applied', { issues: error.issues });
}

function plainly({ etag, plan }: Planned) {
  const { entries, bind, unbind } = plan;
  return { etag, plan: { entries: [...entries], bind: [...bind], unbind: [...unbind] } };
}
