// Owns what we ask of the Kubernetes API: lists, page by page, and watches from where a list stood; and how a pod finds the API
// and its own credentials, which are read again for each request because they are rotated. It decides nothing.

import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { Api, type ApiOptions, type ApiRefusal, jsonOf } from './api.ts';
import type { ApiLines } from './api-lines.ts';

export interface KubernetesOptions {
  /** Undefined: as a pod finds it. */
  readonly api: Pick<ApiOptions, 'url' | 'ca' | 'tokenFile' | 'tokenEnv'> | undefined;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

export interface KubernetesList<T> {
  readonly items: readonly T[];
  /** Where a watch goes on. */
  readonly version: string;
}

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const PAGE = 500;
const MOST_PAGES = 200;

/** Undefined outside a cluster. */
function inCluster(): KubernetesOptions['api'] {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' } = process.env;
  if (host === undefined || host === '') return undefined;
  const url = `https://${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { url, ca: `${ACCOUNT}/ca.crt`, tokenFile: `${ACCOUNT}/token`, tokenEnv: '' };
}

export class Kubernetes {
  readonly #api: Api | undefined;

  constructor({ api = inCluster(), clock, timeoutMs }: KubernetesOptions) {
    this.#api = api && new Api({ ...api, clock, timeoutMs });
  }

  /** `path` has a query already. */
  async list<T>(path: string, signal: AbortSignal): Promise<Result<KubernetesList<T>, string>> {
    if (this.#api === undefined) return err(OUTSIDE);
    const items: T[] = [];
    for (let next = '', page = 0; page < MOST_PAGES; page++) {
      const on = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
      const answer = await this.#api.ask({ path: `${path}&limit=${PAGE}${on}` }, signal);
      if (!answer.ok) return answer;
      const json = jsonOf(answer.value);
      if (!json.ok) return json;
      const list = json.value as { items?: T[] | null; metadata?: { continue?: string; resourceVersion?: string } };
      if (list?.metadata === undefined) return err('answered no list');
      items.push(...(list.items ?? []));
      next = list.metadata.continue ?? '';
      if (next === '') return ok({ items, version: list.metadata.resourceVersion ?? '' });
    }
    return err(`the list has more than ${MOST_PAGES * PAGE} items`);
  }

  /** RFC 7386: what is left out stays. */
  async merge(path: string, json: unknown, signal: AbortSignal): Promise<Result<unknown, string>> {
    if (this.#api === undefined) return err(OUTSIDE);
    const headers = { 'content-type': 'application/merge-patch+json' };
    const answer = await this.#api.ask({ method: 'PATCH', path, json, headers }, signal);
    return answer.ok ? jsonOf(answer.value) : answer;
  }

  /** Ends by itself after a while. */
  async watch(
    path: string,
    version: string,
    forMs: number,
    signal: AbortSignal,
  ): Promise<Result<ApiLines, ApiRefusal>> {
    if (this.#api === undefined) return err({ status: 0, reason: OUTSIDE });
    const seconds = Math.max(1, Math.round(forMs / 1000));
    const query = `&watch=1&allowWatchBookmarks=true&resourceVersion=${encodeURIComponent(version)}`;
    return await this.#api.lines({ path: `${path}${query}&timeoutSeconds=${seconds}` }, signal);
  }
}

const OUTSIDE = 'this is no pod (the environment has no KUBERNETES_SERVICE_HOST), and no "server" is given';
