// Owns endpoints from the EndpointSlices of a service: listed once, then watched from there; listed again when the API no longer
// knows where we were. Ready endpoints are the set; when none is, those that still serve while they end, as kube-proxy does it.

import { isIP } from 'node:net';
import type { EndpointConfig, KubernetesDiscover } from '../config/types.ts';
import { err, ok, type Result } from '../core/result.ts';
import type { ApiLines } from '../platforms/api-lines.ts';
import { Kubernetes } from '../platforms/kubernetes.ts';
import { placed } from './api-of.ts';
import { type DiscoveryKind, type Look, MOST_ENDPOINTS, type Source, type SourceTools } from './discovery.ts';
import { distinct } from './entries.ts';

export const kubernetes: DiscoveryKind<KubernetesDiscover> = {
  name: 'kubernetes',
  build: (config, tools) => new KubernetesSource(config, tools),
};

/** The parts of discovery.k8s.io/v1 EndpointSlice that are looked at. */
interface Slice {
  readonly metadata: { readonly name: string; readonly resourceVersion: string };
  readonly ports?: readonly { readonly name?: string; readonly port?: number; readonly protocol?: string }[] | null;
  readonly endpoints?: readonly SliceEndpoint[] | null;
}

interface SliceEndpoint {
  readonly addresses: readonly string[];
  readonly zone?: string;
  readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
}

interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: Slice & { readonly code?: number; readonly message?: string };
}

const GONE = 410;

class KubernetesSource implements Source {
  readonly #config: KubernetesDiscover;
  readonly #api: Kubernetes;
  readonly #path: string;
  readonly #slices = new Map<string, Slice>();
  /** Where the watch goes on; '' when all must be listed. */
  #version = '';
  #lines: ApiLines | undefined;

  constructor(config: KubernetesDiscover, { env, folder }: SourceTools) {
    this.#config = config;
    const api = config.api && placed(config.api, folder);
    this.#api = new Kubernetes({ api, clock: env.clock, timeoutMs: config.timeoutMs });
    const selector = encodeURIComponent(`kubernetes.io/service-name=${config.service}`);
    this.#path = `/apis/discovery.k8s.io/v1/namespaces/${config.namespace}/endpointslices?labelSelector=${selector}`;
  }

  async look(signal: AbortSignal): Promise<Result<Look, string>> {
    if (this.#version === '') return await this.#list(signal);
    const lines = this.#lines === undefined ? await this.#watch(signal) : ok(this.#lines);
    if (!lines.ok) return lines;
    // Listed anew at the next look.
    if (lines.value === undefined) return ok({ endpoints: undefined, againMs: 0 });
    const batch = await lines.value.next();
    if (!batch.ok || batch.value.length === 0) {
      this.#leave();
      return batch.ok ? ok({ endpoints: undefined, againMs: 0 }) : batch;
    }
    return this.#apply(batch.value);
  }

  close(): void {
    this.#leave();
  }

  #leave(): void {
    this.#lines?.close();
    this.#lines = undefined;
  }

  async #list(signal: AbortSignal): Promise<Result<Look, string>> {
    const listed = await this.#api.list<Slice>(this.#path, signal);
    if (!listed.ok) return listed;
    this.#slices.clear();
    for (const slice of listed.value.items) this.#slices.set(slice.metadata.name, slice);
    const found = this.#endpoints();
    if (!found.ok) return found;
    this.#version = listed.value.version;
    // A server that has no versions is listed now and then.
    return ok({ endpoints: found.value, againMs: this.#version === '' ? this.#config.intervalMs : 0 });
  }

  async #watch(signal: AbortSignal): Promise<Result<ApiLines | undefined, string>> {
    const opened = await this.#api.watch(this.#path, this.#version, this.#config.intervalMs, signal);
    if (opened.ok) {
      this.#lines = opened.value;
      return opened;
    }
    if (opened.error.status !== GONE) return err(opened.error.reason);
    this.#version = '';
    return ok(undefined);
  }

  #apply(lines: readonly string[]): Result<Look, string> {
    let isNew = false;
    for (const line of lines) {
      const { type, object } = JSON.parse(line) as WatchEvent;
      if (type === 'ERROR') return this.#refused(object.code ?? 0, object.message ?? '');
      this.#version = object.metadata.resourceVersion;
      if (type === 'BOOKMARK') continue;
      isNew = true;
      if (type === 'DELETED') this.#slices.delete(object.metadata.name);
      else this.#slices.set(object.metadata.name, object);
    }
    if (!isNew) return ok({ endpoints: undefined, againMs: 0 });
    const found = this.#endpoints();
    return found.ok ? ok({ endpoints: found.value, againMs: 0 }) : found;
  }

  #refused(code: number, message: string): Result<Look, string> {
    this.#leave();
    this.#version = '';
    return code === GONE ? ok({ endpoints: undefined, againMs: 0 }) : err(`the watch ended with ${code}: ${message}`);
  }

  #endpoints(): Result<EndpointConfig[], string> {
    const ready: EndpointConfig[] = [];
    const ending: EndpointConfig[] = [];
    for (const slice of this.#slices.values()) {
      const port = this.#portOf(slice);
      if (!port.ok) return port;
      for (const { addresses, zone, conditions = {} } of slice.endpoints ?? []) {
        // As the API says: ready unless it says otherwise.
        const into = (conditions.ready ?? true) ? ready : (conditions.serving ?? false) ? ending : undefined;
        if (into === undefined || port.value === 0) continue;
        const { defaults } = this.#config;
        // All addresses of one endpoint are the same pod.
        const [host] = addresses;
        if (isIP(host) !== 0)
          into.push({ ...defaults, address: { host, port: port.value }, zone: zone ?? defaults.zone });
        if (ready.length > MOST_ENDPOINTS) return err(`has more than ${MOST_ENDPOINTS} endpoints, which are the limit`);
      }
    }
    return ok(distinct(ready.length > 0 ? ready : ending));
  }

  /** 0 when the slice has nothing to offer yet. */
  #portOf({ ports, endpoints }: Slice): Result<number, string> {
    const { port } = this.#config;
    const offered = (ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP' || ports?.length === 1);
    if ((endpoints ?? []).length === 0 || offered.length === 0) return ok(0);
    const mine = port === '' ? offered : offered.filter((one) => one.name === port || String(one.port) === port);
    if (mine.length === 1) return ok(mine[0].port ?? 0);
    const names = offered.map(({ name = '', port: number }) => (name === '' ? String(number) : name)).join(', ');
    return err(
      port === '' ? `has several ports (${names}); say which by "port"` : `has no port "${port}", but ${names}`,
    );
  }
}
