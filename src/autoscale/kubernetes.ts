// Owns the size of a workload in Kubernetes: its scale subresource (autoscaling/v1). Which pod goes is Kubernetes' choice; it drains by
// what EndpointSlices say of it.

import type { Clock } from '../core/env.ts';
import { err, ok, type Result } from '../core/result.ts';
import { Kubernetes } from '../platforms/kubernetes.ts';
import type { KubernetesConfig } from './configs.ts';
import type { SizeProvider } from './provider.ts';

const TIMEOUT_MS = 10_000;

export class KubernetesScale implements SizeProvider {
  readonly picks = false;
  readonly #platform: Kubernetes;
  readonly #path: string;
  readonly #abort = new AbortController();

  constructor({ namespace, resource, api }: KubernetesConfig, clock: Clock) {
    this.#platform = new Kubernetes({ api, clock, timeoutMs: TIMEOUT_MS });
    this.#path = `/apis/apps/v1/namespaces/${namespace}/${resource}/scale`;
  }

  async resize(_from: number, to: number): Promise<Result<void, string>> {
    const done = await this.#platform.merge(this.#path, { spec: { replicas: to } }, this.#abort.signal);
    return done.ok ? ok(undefined) : err(done.error);
  }

  async close(): Promise<void> {
    this.#abort.abort();
  }
}
