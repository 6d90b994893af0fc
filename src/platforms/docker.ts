// Owns what we ask of the Docker Engine API: which containers run under a label, and being told that something about
// containers happened. It decides nothing.

import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { Api, type ApiRefusal, jsonOf } from './api.ts';
import type { ApiLines } from './api-lines.ts';

export interface DockerOptions {
  /** `unix:/var/run/docker.sock`, or `http(s)://…`. */
  readonly url: string;
  readonly ca: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
}

/** The part of a container of `GET /containers/json` that is looked at. */
export interface DockerContainer {
  readonly Id: string;
  readonly Names?: readonly string[];
  readonly Labels?: Readonly<Record<string, string>>;
  readonly Ports?: readonly { readonly PrivatePort: number; readonly Type?: string }[];
  readonly NetworkSettings?: {
    readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string; readonly GlobalIPv6Address?: string }>>;
  };
}

export class Docker {
  readonly #api: Api;

  constructor({ url, ca, clock, timeoutMs }: DockerOptions) {
    this.#api = new Api({ url, ca, clock, timeoutMs, tokenFile: '', tokenEnv: '' });
  }

  async running(label: string, signal: AbortSignal): Promise<Result<readonly DockerContainer[], string>> {
    const filters = { label: [label], status: ['running'] };
    const answer = await this.#api.ask({ path: `/containers/json?filters=${encoded(filters)}` }, signal);
    if (!answer.ok) return answer;
    const json = jsonOf(answer.value);
    if (!json.ok) return json;
    return Array.isArray(json.value) ? ok(json.value as DockerContainer[]) : err('answered no list of containers');
  }

  /** A line for each thing that happens to containers, of any label: labels of removed ones are not always told. */
  events(signal: AbortSignal): Promise<Result<ApiLines, ApiRefusal>> {
    const filters = { type: ['container'], event: ['start', 'die', 'stop', 'kill', 'pause', 'unpause', 'destroy'] };
    return this.#api.lines({ path: `/events?filters=${encoded(filters)}` }, signal);
  }
}

const encoded = (filters: object): string => encodeURIComponent(JSON.stringify(filters));
