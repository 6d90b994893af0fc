// Owns containers as instances: made from one image with a label of ours, found again after a restart of the balancer, stopped and
// removed when they are empty. Docker Engine API 1.41.

import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { Api, jsonOf } from '../platforms/api.ts';
import type { DockerConfig } from './configs.ts';
import type { Instance, InstanceProvider } from './provider.ts';

export interface DockerOptions {
  readonly config: DockerConfig;
  readonly pool: string;
  readonly clock: Clock;
}

const VERSION = '/v1.41';
const LABEL = 'evenkeel.autoscale';
const TIMEOUT_MS = 15_000;

interface Inspected {
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly IPAddress?: string }>> };
}

export class DockerContainers implements InstanceProvider {
  readonly picks = true;
  readonly #options: DockerOptions;
  readonly #api: Api;
  readonly #instances = new Map<string, Instance>();
  readonly #abort = new AbortController();

  constructor(options: DockerOptions) {
    this.#options = options;
    const { config, clock } = options;
    this.#api = new Api({ ...config.api, tokenFile: '', tokenEnv: '', clock, timeoutMs: TIMEOUT_MS });
  }

  /** Containers that an earlier process started, and those that are gone by now. */
  async refresh(): Promise<Result<void, string>> {
    const filters = encodeURIComponent(
      JSON.stringify({ label: [`${LABEL}=${this.#options.pool}`], status: ['running', 'created'] }),
    );
    const asked = await this.#api.ask({ path: `${VERSION}/containers/json?filters=${filters}` }, this.#abort.signal);
    const listed = asked.ok ? jsonOf(asked.value) : asked;
    if (!listed.ok) return listed;
    if (!Array.isArray(listed.value)) return err('answered no list of containers');
    const found = (listed.value as (Inspected & { readonly Id: string })[]).map((one) => ({
      id: one.Id,
      host: this.#hostOf(one),
    }));
    const ids = new Set(found.map(({ id }) => id));
    for (const id of this.#instances.keys()) if (!ids.has(id)) this.#instances.delete(id);
    for (const { id, host } of found) if (host !== '') this.#instances.set(id, this.#instance(id, host));
    return ok(undefined);
  }

  instances(): readonly Instance[] {
    return [...this.#instances.values()];
  }

  waits(): string {
    return '';
  }

  async start(): Promise<Result<Instance, string>> {
    const { config, pool } = this.#options;
    const { image, command, env, network, port } = config;
    const created = await this.#ask('POST', '/containers/create', {
      Image: image,
      ...(command.length === 0 ? {} : { Cmd: command }),
      Env: Object.entries({ ...env, PORT: String(port) }).map(([name, value]) => `${name}=${value}`),
      Labels: { [LABEL]: pool },
      HostConfig: network === '' ? {} : { NetworkMode: network },
    });
    if (!created.ok) return created;
    const { Id: id } = created.value as { readonly Id: string };
    const started = await this.#ask('POST', `/containers/${id}/start`);
    const inspected = started.ok ? await this.#ask('GET', `/containers/${id}/json`) : started;
    const host = inspected.ok ? this.#hostOf(inspected.value as Inspected) : '';
    if (host === '') {
      await this.#ask('DELETE', `/containers/${id}?force=true`);
      return inspected.ok ? err('the container has no address in its network') : inspected;
    }
    const instance = this.#instance(id, host);
    this.#instances.set(id, instance);
    return ok(instance);
  }

  async stop(id: string): Promise<void> {
    this.#instances.delete(id);
    const seconds = Math.ceil(this.#options.config.stopMs / 1000);
    await this.#ask('POST', `/containers/${id}/stop?t=${seconds}`, undefined, this.#options.config.stopMs + TIMEOUT_MS);
    await this.#ask('DELETE', `/containers/${id}?force=true`);
  }

  /** Containers go on: the next process finds them by their label. */
  async close(): Promise<void> {
    this.#abort.abort();
  }

  #instance(id: string, host: string): Instance {
    return { id, address: { host, port: this.#options.config.port } };
  }

  #hostOf({ NetworkSettings }: Inspected): string {
    const networks = NetworkSettings?.Networks ?? {};
    const { network } = this.#options.config;
    const [first] = Object.values(networks);
    return (network === '' ? first : networks[network])?.IPAddress ?? '';
  }

  async #ask(method: string, path: string, json?: unknown, timeoutMs = TIMEOUT_MS): Promise<Result<unknown, string>> {
    const asked = await this.#api.ask(
      { method, path: VERSION + path, timeoutMs, ...(json === undefined ? {} : { json }) },
      this.#abort.signal,
    );
    if (!asked.ok) return asked;
    const { status, body } = asked.value;
    if (status >= 400) return err(`${method} ${path.split('?')[0]} answered ${status}: ${wordOf(body)}`);
    try {
      return ok(body.length === 0 ? undefined : (JSON.parse(body.toString('utf8')) as unknown));
    } catch {
      return err('answered what is no JSON');
    }
  }
}

function wordOf(body: Buffer): string {
  try {
    const { message } = JSON.parse(body.toString('utf8')) as { readonly message?: string };
    return String(message ?? '')
      .replace(/\p{Cc}+/gu, ' ')
      .slice(0, 200);
  } catch {
    return '';
  }
}
