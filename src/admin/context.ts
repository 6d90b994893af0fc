// Owns what the routes of the admin API share: the balancer behind its facade, who asks, the account of what was changed.

import type { OpenAPIHono } from '@hono/zod-openapi';
import type { Context } from 'hono';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { JSONValue } from 'hono/utils/types';
import type { Balancer, ClusterControl, ConfigIssue, Configurations, Result } from '../runtime/facade.ts';
import type { Audit } from './audit.ts';
import type { Gate, Principal } from './auth.ts';
import type { LiveSampler } from './live.ts';

export interface AdminParts {
  readonly balancer: Balancer;
  /** Undefined where nobody wrote one: an embedded balancer. */
  readonly configurations: Configurations | undefined;
  /** Undefined: this balancer is alone. */
  readonly cluster: ClusterControl | undefined;
  readonly gate: Gate;
  readonly audit: Audit;
  readonly live: LiveSampler;
  /** JSON Schema of configurations. */
  readonly configSchema: () => object;
  /** Pages of the dashboard, by path. */
  readonly pages: Pages;
  readonly now: () => number;
  /** How pools are scaled; undefined where nobody does. */
  readonly autoscale?: (() => readonly object[]) | undefined;
  /** Why nothing may be changed just now; '' when it may. */
  readonly busy?: (() => string) | undefined;
  /** Starts a successor of this process; undefined where that is nobody's to do. */
  readonly restart?: (() => Promise<Result<number, string>>) | undefined;
}

export type Pages = (
  path: string,
) => Promise<{ readonly type: string; readonly body: Uint8Array<ArrayBuffer> } | undefined>;

export type AdminEnv = { Variables: { who: Principal; from: string } };
export type AdminApp = OpenAPIHono<AdminEnv>;
export type AdminContext = Context<AdminEnv>;

export interface WrittenIssue {
  readonly path: string;
  readonly message: string;
  readonly hint?: string;
  readonly line?: number;
  readonly column?: number;
  readonly text?: string;
}

export function writtenIssue({ path, message, hint, line, column, text }: ConfigIssue): WrittenIssue {
  let at = '';
  for (const part of path) at += typeof part === 'number' ? `[${part}]` : at === '' ? part : `.${part}`;
  return {
    path: at,
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(line === undefined ? {} : { line }),
    ...(column === undefined ? {} : { column }),
    ...(text === undefined ? {} : { text }),
  };
}

/** RFC 9457. */
export function problemOf(
  status: number,
  title: string,
  rest: { detail?: string; issues?: readonly ConfigIssue[] } = {},
) {
  const { detail, issues } = rest;
  return {
    title,
    status,
    ...(detail === undefined ? {} : { detail }),
    ...(issues === undefined ? {} : { issues: issues.map(writtenIssue) }),
  };
}

export function refuse(
  c: AdminContext,
  status: ContentfulStatusCode,
  title: string,
  rest?: { detail?: string; issues?: readonly ConfigIssue[] },
): Response {
  return c.body(JSON.stringify(problemOf(status, title, rest)), status, { 'content-type': 'application/problem+json' });
}

/** What the account says of a change, before its outcome is known. */
export interface Asked {
  readonly action: string;
  readonly what: string;
  readonly before: unknown;
  readonly after: unknown;
  readonly note: string;
}

/** Writes down what was asked for, and returns `Who: why` for the evidence of the change itself. */
export function noteOf(c: AdminContext, note: string): string {
  const { name } = c.var.who;
  return note === '' ? name : `${name}: ${printable(note)}`;
}

export function account({ audit, now }: AdminParts, c: AdminContext, asked: Asked, done: boolean): void {
  const { who, from } = c.var;
  const outcome = done ? 'done' : 'refused';
  audit.add({ at: now(), who: who.name, from, ...asked, note: printable(asked.note), outcome });
}

/** Control characters would let text from outside steer a terminal. */
function printable(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, '\ufffd');
}

/** A value of the facade as it goes out: what is undefined is left out, and nobody changes what is read-only. */
export function plain(value: object): Record<string, JSONValue> {
  return value as Record<string, JSONValue>;
}
