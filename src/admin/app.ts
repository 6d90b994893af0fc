// Owns the admin API as a whole: who may come in, what every answer says beside its body, and which routes there are. Sees the
// balancer through its facade alone, and runs on the main thread, so that a slow scrape never touches traffic.

import { OpenAPIHono } from '@hono/zod-openapi';
import { type AdminApp, type AdminEnv, type AdminParts, refuse } from './context.ts';
import { addAuditRoutes } from './routes/audit.ts';
import { addCacheRoutes } from './routes/cache.ts';
import { addClusterRoutes } from './routes/cluster.ts';
import { addConfigRoutes } from './routes/config.ts';
import { addDrainRoutes } from './routes/drains.ts';
import { addEndpointRoutes } from './routes/endpoints.ts';
import { addEventRoutes } from './routes/events.ts';
import { addExplainRoutes } from './routes/explain.ts';
import { addPageRoutes } from './routes/pages.ts';
import { addProcessRoutes } from './routes/process.ts';
import { addSiteRoutes } from './routes/sites.ts';
import { addSplitRoutes } from './routes/splits.ts';
import { addStatusRoutes } from './routes/status.ts';

const MOST_BYTES = 8 * 1024 * 1024;
/** Scripts and styles of our own, no others; frames of nobody. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** What a browser must be able to fetch before anybody could type a token. */
const OPEN = /^\/(?:dashboard(?:\/.*)?|favicon\.ico)?$/;

export function buildApp(parts: AdminParts): AdminApp {
  const app = new OpenAPIHono<AdminEnv>({
    defaultHook: (result, c) => {
      if (result.success) return;
      const issues = result.error.issues.map(({ path, message }) => ({ path: path as (string | number)[], message }));
      return refuse(c, 400, 'the request is not as it should be', { issues });
    },
  });
  app.use(async (c, next) => {
    await next();
    c.header('cache-control', c.res.headers.get('cache-control') ?? 'no-store');
    c.header('x-content-type-options', 'nosniff');
    c.header('referrer-policy', 'no-referrer');
    c.header('content-security-policy', POLICY);
  });
  app.use(async (c, next) => {
    const { req } = c;
    const incoming = c.env as { incoming?: { socket: { remoteAddress?: string } } };
    const peer = incoming.incoming?.socket.remoteAddress ?? '';
    c.set('from', peer);
    const verdict = parts.gate.judge({
      method: req.method,
      host: req.header('host'),
      peer,
      authorization: req.header('authorization'),
      origin: req.header('origin'),
      fetchSite: req.header('sec-fetch-site'),
      contentType: req.header('content-type'),
      ownField: req.header('x-evenkeel'),
    });
    if (verdict.ok) c.set('who', verdict.who);
    else if (!(verdict.status === 401 && req.method === 'GET' && OPEN.test(req.path))) {
      if (verdict.status === 401) c.header('www-authenticate', 'Bearer realm="evenkeel"');
      return refuse(c, verdict.status, verdict.reason);
    }
    const isChange = req.method !== 'GET' && req.method !== 'HEAD';
    const isBusy = isChange && !READING.test(req.path) ? (parts.busy?.() ?? '') : '';
    if (isBusy !== '') return refuse(c, 503, isBusy);
    if (isChange && !READING.test(req.path) && c.var.who?.role !== 'operate')
      return refuse(c, 403, 'this token may read, and change nothing');
    return next();
  });
  app.use((c, next) => {
    // A length that is not told cannot be bounded before it is read.
    if (c.req.header('transfer-encoding') !== undefined) return Promise.resolve(refuse(c, 411, 'say Content-Length'));
    const tooLarge = Number(c.req.header('content-length') ?? 0) > MOST_BYTES;
    return tooLarge ? Promise.resolve(refuse(c, 413, 'the body is too large')) : next();
  });
  app.notFound((c) => {
    const allowed = methodsAt(app, c.req.path);
    if (allowed.length === 0) return refuse(c, 404, 'there is nothing here; /api/v1/openapi.json lists what there is');
    c.header('allow', allowed.join(', '));
    return refuse(c, 405, `use ${allowed.join(' or ')}`);
  });
  app.onError((error, c) => {
    // What is the asker's fault and what is ours; neither is told in detail.
    const status = 'status' in error ? error.status : 500;
    if (status === 415) return refuse(c, 415, 'say in Content-Type what the body is: JSON, or YAML for configurations');
    return status === 400 ? refuse(c, 400, 'the body is no JSON') : refuse(c, 500, 'internal error');
  });
  addStatusRoutes(app, parts);
  addEndpointRoutes(app, parts);
  addDrainRoutes(app, parts);
  addSiteRoutes(app, parts);
  addSplitRoutes(app, parts);
  addConfigRoutes(app, parts);
  addClusterRoutes(app, parts);
  addCacheRoutes(app, parts);
  addAuditRoutes(app, parts);
  addExplainRoutes(app, parts);
  addProcessRoutes(app, parts);
  addEventRoutes(app, parts);
  addDocument(app, parts);
  addPageRoutes(app, parts);
  return app;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

/** Those that would have been answered. */
function methodsAt({ router }: AdminApp, path: string): readonly string[] {
  const everywhere = router.match('GET', '/ nowhere')[0].length;
  return METHODS.filter((method) => router.match(method, path)[0].length > everywhere);
}

/** Asks that carry a body and change nothing. */
const READING = /^\/api\/v1\/(?:config\/plan|explain(?:\/.*)?)$/;

function addDocument(app: AdminApp, { configSchema }: AdminParts): void {
  app.openAPIRegistry.registerComponent('securitySchemes', 'token', { type: 'http', scheme: 'bearer' });
  app.get('/api/v1/openapi.json', (c) => {
    const document = app.getOpenAPI31Document({
      openapi: '3.1.0',
      info: {
        title: 'Evenkeel admin API',
        version: '1',
        description:
          'Everything there is to see of a running balancer, and what may be changed. Changes carry `X-Evenkeel: 1` or a JSON body; with tokens, `Authorization: Bearer`.',
      },
      security: [{ token: [] }],
    });
    const { components = {} } = document;
    const schemas = { ...components.schemas, Configuration: configSchema() };
    return c.json({ ...document, components: { ...components, schemas } });
  });
}
