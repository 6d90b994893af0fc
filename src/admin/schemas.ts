// Owns the shapes of the admin API's answers and requests, from which its OpenAPI document is made. What a field means is said where
// the value comes from: runtime/facade.ts.

import { z } from '@hono/zod-openapi';

const at = z.number().openapi({ description: 'wall-clock ms' });

export const issue = z
  .object({
    path: z.string().openapi({ example: 'pools.api.endpoints[0]' }),
    message: z.string(),
    hint: z.string().optional(),
    line: z.number().int().optional(),
    column: z.number().int().optional(),
    text: z.string().optional(),
  })
  .openapi('Issue', { description: 'what is wrong, as `evenkeel check` says it' });

export const problem = z
  .object({
    title: z.string(),
    status: z.number().int(),
    detail: z.string().optional(),
    issues: z.array(issue).optional(),
  })
  .openapi('Problem', { description: 'RFC 9457' });

export const saved = z
  .object({ saved: z.boolean().openapi({ description: 'it outlives a restart' }) })
  .openapi('Saved');

export const mode = z.enum(['ready', 'drain', 'maintenance']).openapi('Mode');
const note = z.string().max(200).default('').openapi({ description: 'why; kept as evidence and in the audit log' });

export const endpointChange = z
  .strictObject({ mode: mode.optional(), weight: z.number().optional(), note })
  .openapi('EndpointChange', { description: 'what is left out stays as it is' });

export const newEndpoint = z
  .object({ endpoint: z.unknown().openapi({ description: '`host:port`, or an object, as in a file' }), note })
  .openapi('NewEndpoint');

export const drainRequest = z
  .strictObject({
    deadlineMs: z
      .number()
      .min(0)
      .max(7 * 86_400_000)
      .default(0)
      .openapi({ description: 'then sessions that are pinned there are moved as well; 0 for never' }),
    note,
  })
  .openapi('DrainRequest');

export const drain = z
  .object({
    id: z.string(),
    note: z.string(),
    phase: z.enum(['draining', 'late', 'empty', 'ended']),
    startedAt: at,
    tookMs: z.number(),
    leftMs: z.number().optional(),
    began: z.number(),
    inFlight: z.number(),
    streams: z.number(),
    sessions: z.number().optional(),
    estimateMs: z.number().optional(),
  })
  .openapi('Drain');

export const whoami = z
  .object({
    name: z.string(),
    role: z.enum(['read', 'operate']),
    asks: z.boolean().openapi({ description: 'tokens are needed here' }),
  })
  .openapi('WhoAmI');
export const noted = z.strictObject({ note }).openapi('Noted');
export const splitWeights = z.strictObject({ weights: z.record(z.string(), z.number()), note }).openapi('SplitWeights');

export const healthChange = z
  .object({
    at,
    id: z.string(),
    pool: z.string(),
    from: z.string(),
    to: z.string(),
    cause: z.string().openapi({ description: 'probe, passive, breaker, operator, config, ...' }),
    evidence: z.string(),
  })
  .openapi('HealthChange');

export const planned = z
  .object({
    etag: z.string(),
    plan: z.object({
      entries: z.array(z.object({ action: z.enum(['add', 'remove', 'change']), what: z.string(), detail: z.string() })),
      bind: z.array(z.string()),
      unbind: z.array(z.string()),
    }),
  })
  .openapi('Planned');

export const configVersion = z
  .object({ version: z.number().int(), etag: z.string(), at, note: z.string() })
  .openapi('ConfigVersion');

export const configState = configVersion
  .extend({
    file: z.string(),
    isProgram: z.boolean(),
    saved: z.boolean().openapi({ description: 'the file says the same' }),
    document: z.record(z.string(), z.unknown()).openapi({ description: 'with every default, without secrets' }),
  })
  .openapi('ConfigState');

export const auditEntry = z
  .object({
    at,
    who: z.string(),
    from: z.string(),
    action: z.string(),
    what: z.string(),
    before: z.unknown(),
    after: z.unknown(),
    note: z.string(),
    outcome: z.enum(['done', 'refused']),
  })
  .openapi('AuditEntry');

export const runtimeChanges = z
  .object({
    file: z.string(),
    saved: z.boolean(),
    problem: z.string(),
    changes: z.array(z.object({ what: z.string(), change: z.string(), at, note: z.string() })),
  })
  .openapi('RuntimeChanges', { description: 'what operators changed beside the configuration' });

/** Whole documents whose parts are described where they come from. */
export const anything = z.record(z.string(), z.unknown());
